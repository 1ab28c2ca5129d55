"""What the parent waits for: sockets and pipes to read from, and signals."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
from typing import Any, Callable


class Loop:
    """Calls whoever watches something when there is something to read."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._woken = socket.socketpair()
        for end in (self._wakeup, self._woken):
            end.setblocking(False)  # noqa: FBT003

    def begin(self, stop: Callable[[], None]) -> None:
        """Have SIGTERM and SIGINT call `stop`, and the end of a child wake up."""
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.watch(self._woken, self._wake)

    def turn(self, seconds: float | None) -> None:
        """Wait until there is something, at most for so long."""
        for key, _ in self._selector.select(seconds):
            key.data()

    def watch(self, source: Any, react: Callable[[], object]) -> None:
        """Until `unwatch`; `source` is a socket or a descriptor."""
        self._selector.register(source, selectors.EVENT_READ, react)

    def unwatch(self, source: Any) -> None:
        """Also what is not watched."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(source)

    def watches(self, source: Any) -> bool:
        """Whether it is."""
        return source in self._selector.get_map()

    def close(self) -> None:
        """In a child, which must not read what is its parent's."""
        self._selector.close()
        self._wakeup.close()
        self._woken.close()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
