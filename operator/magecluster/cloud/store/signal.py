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

    async def wait(self, seconds: float) -> bool:
        """Whether something changed within that time."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait([self._waiting], timeout=max(0.0, seconds))
        return bool(done)
