"""Files of a build: their hash, the build context that holds them, and locks between two builds at once."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from devkit.images.definitions import cache

IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


def digest(arguments: Mapping[str, str], files: Mapping[str, Path]) -> str:
    """Hash all that decides what an image holds: the build arguments, and name, mode and content of every file."""
    total = hashlib.sha256(json.dumps(dict(arguments), sort_keys=True).encode())
    for name, root in sorted(files.items()):
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file() and path.suffix != ".pyc":
                executable = os.access(path, os.X_OK)
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                total.update(f"{name} {path.relative_to(root)} {executable} {content}\n".encode())
    return total.hexdigest()


@contextlib.contextmanager
def context(files: Mapping[str, Path]) -> Iterator[Path]:
    """Lend a folder that holds just these files and folders, each under its name."""
    scratch = cache() / "contexts"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        for target, source in files.items():
            if source.is_dir():
                shutil.copytree(source, Path(name, target), ignore=IGNORED, copy_function=link_or_copy)
            else:
                link_or_copy(source, Path(name, target))
        yield Path(name)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Hard-link a file, which costs nothing, or copy it when it is on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; whoever comes second waits, and finds the work done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
