"""The children: forked before they are needed, kept for their pipeline, and none of what they start outlives them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Callable, NamedTuple

from magecluster_runner import child, system

if TYPE_CHECKING:
    from typing import Iterator


MOST_KEPT = 8
"""Processes that have served a pipeline and wait for its next run. Each has some ten megabytes of its own."""
KEPT_SECONDS = 60.0
PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031


class Child(NamedTuple):
    """A process that serves requests, one at a time."""

    pid: int
    control: socket.socket
    output: int
    """Where its standard output and error can be read."""
    folder: str
    """For what it writes and nobody needs afterwards."""


class _Kept(NamedTuple):
    child: Child
    pipeline: str
    until: float


class Pool:
    """All children of this process."""

    def __init__(self, work: child.Work, spares: int, folder: Path, close: Callable[[], None]) -> None:
        """`close` closes, in a new child, what only the parent uses."""
        self._work, self._spares, self._folder, self._close = work, spares, folder, close
        self._waiting: deque[Child] = deque()
        self._kept: list[_Kept] = []
        """The one that has waited longest is the first."""
        self.all: dict[int, Child] = {}
        self._dismissed: set[int] = set()
        """Those that were to end."""
        self._strangers = system.children()
        """Processes that Mage has started when it was imported."""

    def short(self) -> bool:
        """Whether there should be more of them waiting."""
        return len(self._waiting) < self._spares

    def keeps(self, pipeline: str) -> bool:
        """Whether one waits for the next run of a pipeline."""
        return any(kept.pipeline == pipeline for kept in self._kept)

    def take(self, pipeline: str | None) -> Child:
        """One that has served this pipeline, one that has served none, or a new one."""
        for kept in reversed(self._kept):
            if kept.pipeline == pipeline:
                self._kept.remove(kept)
                return kept.child
        return self._waiting.popleft() if self._waiting else self._fork()

    def keep(self, child: Child, pipeline: str | None, now: float) -> None:
        """Have it wait for the next request, until others are needed more."""
        if pipeline is None:
            self._waiting.append(child)
            return
        self._kept.append(_Kept(child, pipeline, now + KEPT_SECONDS))
        if len(self._kept) > MOST_KEPT:
            self.dismiss(self._kept.pop(0).child)

    def due(self) -> float | None:
        """When the next one has waited long enough."""
        return self._kept[0].until if self._kept else None

    def tidy(self, now: float) -> None:
        """End those, and those that are more than are to wait."""
        while len(self._waiting) > self._spares:
            self.dismiss(self._waiting.pop())
        while self._kept and self._kept[0].until <= now:
            self.dismiss(self._kept.pop(0).child)

    def dismiss(self, child: Child) -> None:
        """End one that does no work, at once, as its memory may be needed."""
        self._dismissed.add(child.pid)
        system.kill(child.pid)

    def dismiss_kept(self) -> bool:
        """End all that have served a pipeline and wait; returns whether there were any."""
        found, self._kept = self._kept, []
        for kept in found:
            self.dismiss(kept.child)
        return bool(found)

    def grow(self) -> Child:
        """Have one more wait."""
        made = self._fork()
        self._waiting.append(made)
        return made

    def ended(self) -> Iterator[tuple[Child, int]]:
        """Children that have ended, with the status; also ends what they left running."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            found = self.all.pop(pid, None)
            if found:
                self._forget(found)
                yield found, 0 if pid in self._dismissed else status
                self._dismissed.discard(pid)
        for stray in self._strays():
            system.kill(stray)

    def end(self) -> None:
        """Kill all of them."""
        for pid in self.all:
            system.kill(pid)

    def _strays(self) -> set[int]:
        """Children hold on to what they start while they live, so it was left by one that has ended."""
        return system.children() - self.all.keys() - self._strangers

    def _fork(self) -> Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        read, write = os.pipe()
        with contextlib.suppress(OSError):  # what a block prints is read in few turns
            fcntl.fcntl(write, _SET_PIPE_SIZE, PIPE_BYTES)
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            for other in [ours, *(known.control for known in self.all.values())]:
                other.close()
            for descriptor in [read, *(known.output for known in self.all.values())]:
                os.close(descriptor)
            self._close()
            child.serve(self._work, theirs, str(self._folder / str(os.getpid())), write)
        theirs.close()
        os.close(write)
        os.set_blocking(read, False)
        made = Child(pid, ours, read, str(self._folder / str(pid)))
        self.all[pid] = made
        return made

    def _forget(self, gone: Child) -> None:
        system.kill(gone.pid)  # its group
        if Path(gone.folder).exists():
            shutil.rmtree(gone.folder, ignore_errors=True)
        self._kept = [kept for kept in self._kept if kept.child is not gone]
        with contextlib.suppress(ValueError):
            self._waiting.remove(gone)
