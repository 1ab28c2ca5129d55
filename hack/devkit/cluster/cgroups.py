"""The control groups of a cluster's pods: /magecluster/NAME in every hierarchy of this machine."""

import os
from functools import partial
from pathlib import Path

from devkit.cluster.process import wait

GROUP = "magecluster"


def hierarchies() -> list[Path]:
    """Where control groups are mounted: one place in version 2, one for each controller in version 1."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(place) for _, place, kind, *_ in mounts if kind in ("cgroup", "cgroup2")]


def create(name: str) -> None:
    """Make the group that the kubelet is told to keep its pods in; it wants it to be there."""
    for hierarchy in hierarchies():
        group = hierarchy / GROUP / name
        group.mkdir(parents=True, exist_ok=True)
        if (hierarchy / "cgroup.controllers").exists():
            for parent in (hierarchy, hierarchy / GROUP, group):
                _hand_down(parent)


def remove(name: str) -> None:
    """Remove the groups once their last process is gone, and the common parent when no other cluster uses it."""
    for hierarchy in hierarchies():
        wait(f"removal of control group {hierarchy}/{GROUP}/{name}", 30, partial(_removed, hierarchy / GROUP / name))


def _hand_down(group: Path) -> None:
    """Version 2: let the children of a group have every controller that the group itself has."""
    controllers = (group / "cgroup.controllers").read_text().split()
    if controllers:
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in controllers))


def _removed(top: Path) -> bool:
    for folder, _, _ in os.walk(top, topdown=False):
        if not _gone(Path(folder)):
            return False
    if top.parent.exists() and not any(entry.is_dir() for entry in top.parent.iterdir()):
        _gone(top.parent)
    return True


def _gone(group: Path) -> bool:
    """Remove a group; False while it is busy: its processes have been killed, but the kernel has not finished."""
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
