"""Who did what: one JSON line for every action, on a stream of its own. Values are masked before they get here."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

Sink = Callable[[str], object]
"""Takes one line."""


class Audit:
    """Writes lines with `"audit": true`, so that they can be told from logs wherever they are collected."""

    def __init__(self, write: Sink) -> None:
        self._write = write

    def record(self, facts: Mapping[str, Any]) -> None:
        """One action; what is `None` is left out."""
        line = {"audit": True, **{name: value for name, value in facts.items() if value is not None}}
        self._write(orjson.dumps(line).decode() + "\n")
