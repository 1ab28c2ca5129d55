"""Where an image comes from, as its labels tell (the keys that the Open Containers image specification names)."""

import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from devkit import shell
from devkit.images.definitions import ROOT

PREFIX = "org.opencontainers.image"


def epoch(paths: Collection[Path]) -> int:
    """Return the time of the source, in seconds: SOURCE_DATE_EPOCH, else of the last commit that changed `paths`."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct", "--", *map(str, paths)) or 0)


def revision(paths: Collection[Path]) -> str:
    """Return the last commit that changed one of `paths`, with `-modified` after it if that is not all; "" without Git.

    Commits that change none of them make the same image, and so have to give it the same labels.
    """
    names = [str(path) for path in paths]
    commit = _git("log", "-1", "--format=%H", "--", *names)
    return commit and commit + ("-modified" if _git("status", "--porcelain", "--", *names) else "")


def labels(version: str, paths: Collection[Path], source: str | None) -> dict[str, str]:
    """Return what is known; `source` is the address of the repository."""
    created = datetime.fromtimestamp(epoch(paths), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {"version": version, "revision": revision(paths), "created": created, "source": source or ""}
    return {f"{PREFIX}.{key}": value for key, value in known.items() if value}


def _git(*words: str) -> str:
    try:
        return shell.run("git", "-C", ROOT, *words).strip()
    except shell.Failed:
        return ""  # an archive of the source is no repository
