"""Programs that a deployment runs: never through a shell, and never without end."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from magecluster_deployer.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run(
    command: Sequence[str],
    what: str,
    seconds: float,
    late: DeploymentError,
    *,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Its outputs, from which `os.fsencode` makes the bytes that they were, and its status.

    Raises `late` after so many seconds, `DeploymentError` where a signal ended it, FileNotFoundError.
    """
    try:
        done = subprocess.run(  # noqa: S603  a list, and never a shell
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding=sys.getfilesystemencoding(),
            errors="surrogateescape",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise late from expired
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise DeploymentError(
            500, "killed", f"{what} was ended by {name}, as where memory is short; see spec.git.resources"
        )
    return done
