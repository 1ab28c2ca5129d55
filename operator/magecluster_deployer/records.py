"""What is known of deployments, each in a file on the volume of the project, which several pods may share."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from magecluster_deployer.errors import Json

QUEUED, RUNNING, SUCCEEDED, FAILED = "queued", "running", "succeeded", "failed"
MOST = 500
"""Older records are removed."""


class Records:
    """By number, from 1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unwritten: dict[int, Json] = {}
        """What the volume had no room for."""
        folder.mkdir(parents=True, exist_ok=True)

    def all(self) -> list[Json]:
        """The newest first."""
        found = (self.get(number) for number in sorted(self._numbers(), reverse=True))
        return [record for record in found if record]

    def get(self, number: int) -> Json | None:
        """One of them."""
        if number in self._unwritten:
            return self._unwritten[number]
        try:
            found: Json = json.loads(self._place(number).read_text())
        except FileNotFoundError:
            return None
        return found

    def add(self, facts: Json) -> Json:
        """A new one, which waits. Raises OSError."""
        with locked(self._folder / "adding.lock"):
            numbers = sorted(self._numbers())
            number = numbers[-1] + 1 if numbers else 1
            record = self._write({"id": number, "status": QUEUED, "step": None, **facts, "created_at": now()})
            for old in numbers[: 1 - MOST]:
                self._place(old).unlink()
        return record

    def change(self, record: Json, **facts: object) -> Json:
        """Also on the volume, before anything else is done. Raises OSError."""
        return self._write({**record, **facts})

    def _numbers(self) -> list[int]:
        return [int(file.stem) for file in self._folder.glob("*.json")]

    def _place(self, number: int) -> Path:
        return self._folder / f"{number}.json"

    def _write(self, record: Json) -> Json:
        place = self._place(record["id"])
        self._unwritten[record["id"]] = record
        new = place.with_suffix(".new")
        with new.open("w") as file:
            json.dump(record, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(place)
        del self._unwritten[record["id"]]
        return record


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Alone, among all pods that share the volume; the kernel lets go of it when its holder dies."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def now() -> str:
    """In UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
