"""Copies folders of old volumes into a new one, and compares. Executed by the Python of Mage's image, not by ours.

Arguments: the target, then pairs of a source and its place in the target. Prints one line of JSON a second; the last
word, also of a failure, is the termination message of the container. Nothing but the standard library of Python 3.8.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import time
from typing import Iterator, NamedTuple

LOST = "lost+found"


class Entry(NamedTuple):
    """Something in a folder."""

    path: str
    kind: str
    length: int


def main(target: str, *pairs: str) -> dict[str, int]:
    """Count of files and bytes that were copied. Raises `OSError`, also for a copy that is not like its source.

    Empties the target first: what an earlier attempt left there is not complete.
    """
    jobs = list(zip(pairs[::2], pairs[1::2]))
    # What another mount covers belongs to that one.
    covered = {place: {_below(other, place) for _, other in jobs} - {""} for _, place in jobs}
    wanted = {place: list(_walk(source, covered[place])) for source, place in jobs}
    size = sum(entry.length for found in wanted.values() for entry in found)
    told = _Told(sum(map(len, wanted.values())), size)
    _empty(target)
    _check_room(target, size)
    for source, place in jobs:
        root = os.path.join(target, place) if place else target
        os.makedirs(root, exist_ok=True)
        for entry in wanted[place]:
            _copy(os.path.join(source, entry.path), os.path.join(root, entry.path), entry.kind)
            told.add(entry.length)
        _date(source, root, wanted[place])
        _compare(source, root, wanted[place])
    return {"files": told.files, "bytes": told.bytes}


class _Told:
    def __init__(self, files: int, size: int) -> None:
        self._of, self.files, self.bytes, self._last = (files, size), 0, 0, 0.0

    def add(self, length: int) -> None:
        self.files, self.bytes = self.files + 1, self.bytes + length
        if time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            told = {"files": self.files, "bytes": self.bytes, "ofFiles": self._of[0], "ofBytes": self._of[1]}
            print(json.dumps(told), flush=True)  # noqa: T201  its log is read


def _below(path: str, place: str) -> str:
    prefix = place + "/" if place else ""
    return path[len(prefix) :] if path.startswith(prefix) else ""


def _walk(root: str, without: set[str]) -> Iterator[Entry]:
    """Everything below a folder, folders before what is in them. Sockets and pipes hold nothing."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(os.path.join(root, folder)) as found:
            for each in sorted(found, key=lambda each: each.name):
                path = os.path.join(folder, each.name)
                if path == LOST or path in without:
                    continue
                status = each.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    yield Entry(path, "folder", 0)
                    waiting.append(path)
                elif stat.S_ISLNK(status.st_mode):
                    yield Entry(path, "link", 0)
                elif stat.S_ISREG(status.st_mode):
                    yield Entry(path, "file", status.st_size)


def _check_room(target: str, size: int) -> None:
    space = os.statvfs(target)
    room = space.f_bavail * space.f_frsize
    if size > room:
        raise OSError(f"the new volume has room for {room} bytes and {size} are needed: ask for more with --size")


def _copy(source: str, target: str, kind: str) -> None:
    if kind == "folder":
        os.makedirs(target, exist_ok=True)
    elif kind == "link":
        os.symlink(os.readlink(source), target)
    else:
        shutil.copyfile(source, target)
    status = os.lstat(source)
    os.lchown(target, status.st_uid, status.st_gid)
    if kind != "link":
        os.chmod(target, stat.S_IMODE(status.st_mode))


def _date(source: str, root: str, found: list[Entry]) -> None:
    """Last, and from the inside out: writing a file changes the date of its folder."""
    for entry in reversed(found):
        if entry.kind != "link":
            shutil.copystat(os.path.join(source, entry.path), os.path.join(root, entry.path))


def _compare(source: str, root: str, found: list[Entry]) -> None:
    for entry in found:
        copied = os.lstat(os.path.join(root, entry.path))
        now = os.lstat(os.path.join(source, entry.path))
        if entry.kind == "file" and not copied.st_size == entry.length == now.st_size:
            raise OSError(f"{entry.path} differs from its copy: something else writes to the old volume, stop it")


def _empty(target: str) -> None:
    for name in os.listdir(target):
        path = os.path.join(target, name)
        if name == LOST:
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def _say(text: str) -> None:
    with open(os.environ.get("TERMINATION_LOG", "/dev/termination-log"), "w") as log:
        log.write(text[:4000])


if __name__ == "__main__":
    try:
        _say(json.dumps(main(*sys.argv[1:])))
    except OSError as error:
        _say(str(error))
        sys.exit(1)
