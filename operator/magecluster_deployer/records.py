"""What is known of deployments, each in a file on the volume of the project."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from magecluster_deployer.errors import Json

QUEUED, RUNNING, SUCCEEDED, FAILED = "queued", "running", "succeeded", "failed"
MOST = 500
"""Older records are removed."""


class Records:
    """By number, from 1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        found = (json.loads(file.read_text()) for file in folder.glob("*.json"))
        self._known: dict[int, Json] = {record["id"]: record for record in found}

    def all(self) -> list[Json]:
        """The newest first."""
        return [self._known[number] for number in sorted(self._known, reverse=True)]

    def get(self, number: int) -> Json | None:
        """One of them."""
        return self._known.get(number)

    def add(self, facts: Json) -> Json:
        """A new one, which waits."""
        number = max(self._known, default=0) + 1
        record: Json = {"id": number, "status": QUEUED, "step": None, **facts, "created_at": now()}
        self._write(record)
        for old in sorted(self._known)[:-MOST]:
            (self._folder / f"{old}.json").unlink()
            del self._known[old]
        return record

    def change(self, record: Json, **facts: object) -> Json:
        """Also on the volume, before anything else is done. Raises OSError."""
        return self._write({**record, **facts})

    def live(self) -> Json | None:
        """The one whose commit is in the project."""
        return next((record for record in self.all() if record["status"] == SUCCEEDED), None)

    def _write(self, record: Json) -> Json:
        self._known[record["id"]] = record  # also where the volume has no room to write it down
        place = self._folder / f"{record['id']}.json"
        new = place.with_suffix(".new")
        with new.open("w") as file:
            json.dump(record, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(place)
        return record


def now() -> str:
    """In UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
