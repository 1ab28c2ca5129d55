"""The memory that all runs share: the container's, or the machine's where the container has no limit.

Kubernetes has the kernel end everything in a container that needs more than it may have (since 1.28, on cgroup v2), and
evicts pods from a machine that is full. So the runner looks itself, and ends the largest run before it comes to that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable, NamedTuple

from magecluster_runner import system

SELDOM, OFTEN = 0.1, 0.01
"""Seconds between two looks, with much room and with little."""
FASTEST = 4 * 1024**3
"""Bytes that runs take in a second, at most: as fast as memory can be written."""
FREE = 0.08
"""Of what there may be: what runs take between two looks has to fit into it."""
FREE_OF_MACHINE = 256 * 1024 * 1024
"""Bytes. The kubelet evicts pods when less than 100 MiB are available, unless it is told otherwise."""


class _Files(NamedTuple):
    limit: str
    used: str
    cache: tuple[str, ...]
    """In memory.stat: pages of files, which the kernel takes back by itself before it ends anything."""


_CGROUPS = (
    _Files("memory.max", "memory.current", ("inactive_file", "active_file")),
    _Files(
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        ("total_inactive_file", "total_active_file"),
    ),
)
_NO_LIMIT = 1 << 60
"""What version 1 of cgroups says where there is no limit is a number of this size."""


class Memory(NamedTuple):
    """What there is, and how to see what is used of it; all in bytes."""

    limit: int
    free: int
    """That are to stay free."""
    used: Callable[[], int]

    def room(self) -> int:
        """How much more may be used; below 0, something has to end."""
        return self.limit - self.free - self.used()


def patience(room: int) -> float:
    """Seconds until one should look again."""
    return min(max(room / FASTEST, OFTEN), SELDOM)


def largest(processes: Iterable[int]) -> int | None:
    """Which process has most memory, with all that it has started."""
    return max(processes, key=system.resident, default=None)


def found(cgroup: Path = Path("/sys/fs/cgroup"), machine: Path = Path("/proc/meminfo")) -> Memory:
    """That of the container, or of the machine if the container has no limit."""
    for files in _CGROUPS:
        try:
            limit = int((cgroup / files.limit).read_text())
        except (OSError, ValueError):
            continue
        if limit < _NO_LIMIT:
            return Memory(limit, int(limit * FREE), lambda files=files: _used(cgroup, files))  # type: ignore[misc]
    total = _of_machine(machine, "MemTotal")
    return Memory(total, FREE_OF_MACHINE, lambda: total - _of_machine(machine, "MemAvailable"))


def _used(cgroup: Path, files: _Files) -> int:
    stat = (cgroup / files.used).with_name("memory.stat").read_text().splitlines()
    sizes = dict(line.split() for line in stat)
    return int((cgroup / files.used).read_text()) - sum(int(sizes.get(name, 0)) for name in files.cache)


def _of_machine(machine: Path, name: str) -> int:
    lines = (line.split() for line in machine.read_text().splitlines())
    return next(int(words[1]) * 1024 for words in lines if words[0] == f"{name}:")
