"""Programs that a deployment runs: never through a shell, and never without end."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from magecluster_deployer.errors import DeploymentError


def run(
    command: Sequence[str],
    seconds: float,
    late: DeploymentError,
    *,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Its outputs and its status, whatever that is. Raises `late` after so many seconds, FileNotFoundError."""
    try:
        return subprocess.run(  # noqa: S603  a list, and never a shell
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise late from expired
