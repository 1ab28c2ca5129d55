"""What the kernel is asked for: who is whose child, limits, ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from pathlib import Path

_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Whatever loses its parent below this process becomes its child, instead of one of the container's init."""
    ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """So that no block goes on when nobody is left to tell its result to."""
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def be_killed_first() -> None:
    """Where memory runs out, the kernel takes this process rather than the one that serves all."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def limit_memory(added: int) -> None:
    """Let this process, and each that it starts, have so many bytes beyond what it has; more is a MemoryError."""
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes() + added, resource.RLIM_INFINITY))


def lift_memory_limit() -> None:
    """So that what has reached it can be told."""
    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def children(pid: int | str = "self") -> set[int]:
    """All processes whose parent this one is."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found.update(map(int, (thread / "children").read_text().split()))
    return found


def resident(pid: int) -> int:
    """Pages of memory that a process has, with all that it has started."""
    own = 0
    with contextlib.suppress(OSError):
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return own + sum(map(resident, children(pid)))


def kill(pid: int) -> None:
    """End a process and its group at once."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def how(status: int) -> str:
    """What `waitpid` tells of an end, in words."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        known = {known.value: known.name for known in signal.Signals}
        return f"was ended by {known.get(number, number)}"
    return f"exited with status {os.WEXITSTATUS(status)}"


def descriptors() -> dict[int, str]:
    """The files that are open, by their numbers, as `readlink` tells them."""
    found: dict[int, str] = {}
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the list itself
            found[int(file.name)] = str(file.readlink())
    return found


def data_bytes() -> int:
    """Memory that this process has asked for, used or not."""
    return next((int(words[1]) * 1024 for words in _status() if words[0] == "VmData:"), 0)


def _status() -> list[list[str]]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return [words for words in map(str.split, lines) if len(words) > 1]
