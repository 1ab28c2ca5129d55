"""Copies folders of old volumes into a new one, and compares. Executed by the Python of Mage's image, not by ours.

Arguments: the target, then pairs of a source and its place in the target. Prints one line of JSON a second, whatever
it does, so that one that hangs can be told; the last word, also of a failure, is the termination message of the
container. Nothing but the standard library of Python 3.8.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import time
from typing import Iterable, Iterator, NamedTuple, TypeVar

T = TypeVar("T")

LOST = "lost+found"
PIECE = 16 * 1024 * 1024
"""Bytes of a file between two looks at the clock."""


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
    told = _Told()
    wanted = {place: list(told.each("looking", _walk(source, covered[place]))) for source, place in jobs}
    size = sum(entry.length for found in wanted.values() for entry in found)
    for path in told.each("emptying the new volume", _inside_out(target)):
        _remove(path)
    _check_room(target, size)
    count, files, copied = sum(map(len, wanted.values())), 0, 0
    for source, place in jobs:
        root = os.path.join(target, place) if place else target
        os.makedirs(root, exist_ok=True)
        for entry in wanted[place]:
            for length in _copy(os.path.join(source, entry.path), os.path.join(root, entry.path), entry.kind):
                copied += length
                told.say({"files": files, "bytes": copied, "ofFiles": count, "ofBytes": size})
            files += 1
        for entry in told.each("dating", reversed(wanted[place])):
            _date(source, root, entry)
        for entry in told.each("comparing", wanted[place]):
            _compare(source, root, entry)
    return {"files": files, "bytes": copied}


class _Told:
    def __init__(self) -> None:
        self._last = -1.0

    def say(self, told: dict[str, object]) -> None:
        if self._last < 0 or time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            print(json.dumps(told), flush=True)  # noqa: T201  its log is read

    def each(self, doing: str, things: Iterable[T]) -> Iterator[T]:
        self._last = -1.0
        for number, thing in enumerate(things, start=1):
            self.say({"doing": doing, "count": number})
            yield thing
        self._last = -1.0


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


def _copy(source: str, target: str, kind: str) -> Iterator[int]:
    """Yields the lengths of what is copied, at least once."""
    if kind == "folder":
        os.makedirs(target, exist_ok=True)
    elif kind == "link":
        os.symlink(os.readlink(source), target)
    else:
        with open(source, "rb") as old, open(target, "wb") as new:
            while piece := old.read(PIECE):
                new.write(piece)
                yield len(piece)
    status = os.lstat(source)
    os.lchown(target, status.st_uid, status.st_gid)
    if kind != "link":
        os.chmod(target, stat.S_IMODE(status.st_mode))
    yield 0


def _date(source: str, root: str, entry: Entry) -> None:
    """Last, and from the inside out: writing a file changes the date of its folder."""
    if entry.kind != "link":
        shutil.copystat(os.path.join(source, entry.path), os.path.join(root, entry.path))


def _compare(source: str, root: str, entry: Entry) -> None:
    copied = os.lstat(os.path.join(root, entry.path))
    now = os.lstat(os.path.join(source, entry.path))
    if entry.kind == "file" and not copied.st_size == entry.length == now.st_size:
        raise OSError(f"{entry.path} differs from its copy: something else writes to the old volume, stop it")


def _inside_out(root: str) -> Iterator[str]:
    """What is to be removed for a folder to be empty."""
    lost = os.path.join(root, LOST)
    for folder, folders, files in os.walk(root, topdown=False):
        if folder == lost or folder.startswith(lost + os.sep):
            continue
        yield from (os.path.join(folder, name) for name in files + folders if os.path.join(folder, name) != lost)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
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
