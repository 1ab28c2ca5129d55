"""Progress of a takeover for people."""

import contextlib
import sys
import time

_TELL_SECONDS = 5.0
"""How often the same step tells how far it is, where no terminal shows it in place."""


class Progress:
    """On standard error: a line a step, and below it how far it is, in place on a terminal."""

    def __init__(self) -> None:
        self._begun, self._told = time.monotonic(), 0.0
        self._terminal, self._waiting = sys.stderr.isatty(), ""

    def step(self, number: int, count: int, title: str) -> None:
        """A step begins."""
        self.end()
        _write(f"[{number}/{count}] {title}\n")
        self._told = 0.0

    def detail(self, text: str) -> None:
        """How far it is."""
        line = f"      {text} ({time.monotonic() - self._begun:.0f} s)"
        if self._terminal:
            _write(f"\r\033[K{line}")
            self._waiting = "\n"
        elif time.monotonic() - self._told >= _TELL_SECONDS:
            _write(f"{line}\n")
            self._told, self._waiting = time.monotonic(), ""
        else:
            self._waiting = f"{line}\n"

    def remark(self, text: str) -> None:
        """Something that has to be seen at once."""
        self.end()
        _write(f"      {text}\n")

    def end(self) -> None:
        """The last word of a step is always told."""
        _write(self._waiting)
        self._waiting = ""


def _write(text: str) -> None:
    # A terminal that was closed, or a `tee` that Ctrl-C ended too, must not end the way back.
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()
