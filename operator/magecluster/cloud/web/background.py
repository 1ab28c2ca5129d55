"""Work that nobody waits for, and that ends before the process does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

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

    async def drain(self) -> None:
        """Wait for all of it."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.warning("Could not %s: %s", task.get_name(), error, exc_info=error)
