"""The memory of the container, which all runs share.

Kubernetes has the kernel end everything in a container that needs more than it may have (since 1.28, on cgroup v2). So
the runner looks itself, and ends the largest run before it comes to that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable, NamedTuple

from magecluster_runner import system

LOOK_SECONDS = 0.1
FULL = 0.92
"""Of what there may be: what one run takes in the time between two looks has to fit into the rest."""


class _Files(NamedTuple):
    limit: str
    used: str
    reclaimable: str
    """In memory.stat: what the kernel takes back by itself before it ends anything."""


_CGROUPS = (
    _Files("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "inactive_file"),
    _Files(
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "total_inactive_file",
    ),
)
_NO_LIMIT = 1 << 60
"""What version 1 of cgroups says where there is no limit is a number of this size."""


class Memory(NamedTuple):
    """What the container may use, and how to see what it does."""

    limit: int
    """Bytes."""
    used: Callable[[], int]

    def too_large(self, processes: Iterable[int]) -> int | None:
        """Which process is to be ended now, with all that it has started."""
        if self.used() < self.limit * FULL:
            return None
        return max(processes, key=system.resident, default=None)


def of_container() -> Memory | None:
    """None where there is no limit."""
    for files in _CGROUPS:
        try:
            limit = int(Path(files.limit).read_text())
        except (OSError, ValueError):
            continue
        return Memory(limit, lambda files=files: _used(files)) if limit < _NO_LIMIT else None  # type: ignore[misc]
    return None


def _used(files: _Files) -> int:
    stat = Path(files.limit).with_name("memory.stat").read_text().splitlines()
    reclaimable = next((int(line.split()[1]) for line in stat if line.split()[0] == files.reclaimable), 0)
    return int(Path(files.used).read_text()) - reclaimable
