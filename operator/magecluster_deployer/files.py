"""Files of projects: shared between folders, and exchanged in one step."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import filecmp
import os
import shutil
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def share(source: Path, target: Path) -> None:
    """Have what is at `source` be at `target` as well, without copying where the volume allows that."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(exist_ok=True)
        for entry in source.iterdir():
            share(entry, target / entry.name)
        shutil.copystat(source, target)
    elif source.is_file():
        try:
            os.link(source, target)
        except OSError as failure:
            if failure.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP):
                raise
            shutil.copy2(source, target, follow_symlinks=False)


def same(first: Path, second: Path) -> bool:
    """Whether two names, of which each is of a file or a link, have the same to tell."""
    if first.is_symlink() or second.is_symlink():
        return first.is_symlink() and second.is_symlink() and os.readlink(first) == os.readlink(second)
    return first.is_file() and second.is_file() and (first.samefile(second) or filecmp.cmp(first, second))


def exchange(first: Path, second: Path) -> bool:
    """Each folder is where the other was, in one step; returns whether this volume can do that. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.renameat2(_AT_FDCWD, bytes(first), _AT_FDCWD, bytes(second), _RENAME_EXCHANGE)
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # a network file system, for one
        return False
    raise OSError(number, os.strerror(number), str(first))


def written(folder: Path) -> None:
    """Wait until the volume has what was written to the file system of a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def replace(place: Path, content: bytes) -> None:
    """Have other content under a name, and leave the file that others share as it is."""
    new = place.with_name(f"{place.name}.magecluster")
    remove(new)
    with new.open("xb") as file:  # never through a link that people have put there
        file.write(content)
    new.replace(place)


def own(place: Path) -> str:
    """What a file has; nothing where there is none. A link is none: it may lead out of the project. Raises OSError."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as failure:
        if failure.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return ""
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        with open(descriptor, encoding="utf-8", errors="surrogateescape", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def remove(place: Path) -> None:
    """Whatever is there, if anything."""
    with contextlib.suppress(FileNotFoundError):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
