"""Why a deployment fails, in words for whoever asked for it."""

from __future__ import annotations

import errno
from typing import Any

Json = dict[str, Any]

FULL = "The volume of the project is full; enlarge it, or remove something"


class DeploymentError(Exception):
    """`code` is the HTTP status that tells it: 422 what was asked for, 502 the Git server, 507 the volume, 500 else."""

    def __init__(self, code: int, type_: str, message: str) -> None:
        message = message.encode(errors="replace").decode()  # names of files may be anything
        super().__init__(message)
        self.code, self.type, self.message = code, type_, message

    @property
    def told(self) -> Json:
        """As records and answers have it."""
        return {"code": self.code, "type": self.type, "message": self.message}


def of_system(failure: OSError) -> DeploymentError:
    """For what the volume does not do."""
    if failure.errno in (errno.ENOSPC, errno.EDQUOT):
        return DeploymentError(507, "disk_full", FULL)
    return DeploymentError(500, "volume", f"The volume of the project failed: {failure}")
