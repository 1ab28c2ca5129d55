"""Work that nobody waits for, and that ends before the process does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

DRAIN_SECONDS = 5.0

logger = structlog.stdlib.get_logger(__name__)


class Background:
    """Keeps its tasks, so that none is lost, and tells of those that fail."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], what: str) -> None:
        """Begin; `what` names it in the log."""
        task = asyncio.create_task(work, name=what)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait for all of it, but not for ever: what is told to an API server that hangs is told to nobody."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.warning("Could not %s: %s", task.get_name(), error, exc_info=error)
