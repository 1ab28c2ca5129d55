"""Telling tasks that wait that something has changed."""

import asyncio


class Signal:
    """Wakes everybody who waits at that moment; whoever comes later waits for the next change."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None

    def fire(self) -> None:
        """Something has changed."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        self._waiting = None

    def next(self) -> asyncio.Future[None]:
        """Done at the next change from now on; of all who ask until then, so nobody may cancel it."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        return self._waiting

    async def wait(self, seconds: float) -> bool:
        """Whether something changed within that time."""
        done, _ = await asyncio.wait([self.next()], timeout=max(0.0, seconds))
        return bool(done)
