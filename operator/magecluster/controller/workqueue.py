"""A keyed work queue: one run a key at a time, merged requests, retries with backoff, requeue-after."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

Work = Callable[[K], Awaitable[float | None]]
"""Brings one key up to date; answers after how many seconds to look again, `None` for never.

What it raises is retried with growing delays; an attribute `retry_after` (seconds) sets the delay.
"""

PATIENCE = 60
"""Seconds for which a run whose time has come makes way for keys that are asked for, while all workers are busy."""

logger = logging.getLogger(__name__)


class Workqueue(Generic[K]):
    """Runs the work for every key that was added, until the work has nothing left to wait for."""

    def __init__(self, work: Work[K], *, workers: int = 16, backoff: float = 0.5, backoff_limit: float = 60) -> None:
        self._work = work
        self._slots = asyncio.Semaphore(workers)
        self._backoff, self._backoff_limit = backoff, backoff_limit
        self._wakeups: dict[K, asyncio.Event] = {}
        self._tasks: dict[K, asyncio.Task[None]] = {}
        self._open = False
        self._running: set[K] = set()

    @property
    def depth(self) -> int:
        """Keys that ask for a run or are being run; those that wait for their time do not count."""
        return sum(wakeup.is_set() for wakeup in self._wakeups.values()) + len(self._running)

    def add(self, key: K) -> None:
        """Ask for a run; requests that come before it starts are one run. Ignored while the queue is closed."""
        if not self._open:
            return
        self._wakeups.setdefault(key, asyncio.Event()).set()
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._serve(key), name=f"reconcile {key}")

    def open(self) -> None:
        """Accept keys."""
        self._open = True

    async def close(self, grace: float = 10) -> None:
        """Accept no more keys, let what runs come to its end within `grace` seconds, cancel the rest."""
        self._open = False
        tasks = list(self._tasks.values())
        for key, task in self._tasks.items():
            if key not in self._running:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._wakeups.clear()
        self._tasks.clear()

    async def _serve(self, key: K) -> None:
        wakeup, failures = self._wakeups[key], 0
        while self._open:
            async with self._slots:
                wakeup.clear()
                self._running.add(key)
                try:
                    delay, failures = await self._work(key), 0
                except Exception as error:  # noqa: BLE001  logged and retried, whatever it is
                    failures += 1
                    delay = self._delay(error, failures)
                    _log(key, error, delay)
                finally:
                    self._running.discard(key)
            if delay is None and not wakeup.is_set():
                del self._wakeups[key], self._tasks[key]
                return
            if not await _set_within(delay, wakeup):
                await self._let_others_go_first(wakeup)
                wakeup.set()

    async def _let_others_go_first(self, wakeup: asyncio.Event) -> None:
        """Until a worker is free, the key is asked for, or patience ends.

        A thousand clusters that start are looked at again and again; what is asked for must not wait behind that.
        """
        for _ in range(PATIENCE):
            if not self._slots.locked() or await _set_within(1, wakeup):
                return

    def _delay(self, error: Exception, failures: int) -> float:
        asked: float | None = getattr(error, "retry_after", None)
        delay = min(self._backoff * 2.0 ** min(failures - 1, 20), self._backoff_limit)
        # Without jitter a thousand keys that failed together come back together.
        jitter = random.uniform(0.8, 1.2)  # noqa: S311  no secret depends on it
        return max(delay, asked or 0) * jitter


async def _set_within(seconds: float | None, event: asyncio.Event) -> bool:
    """Wait for an event; whether it came in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _log(key: object, error: Exception, delay: float) -> None:
    """Trouble that is known has one line; anything else is a defect and shows where."""
    known = hasattr(error, "retry_after")
    logger.log(
        logging.WARNING if known else logging.ERROR,
        "Could not reconcile %s, retrying in %.1f s: %s",
        "/".join(key) if isinstance(key, tuple) else key,
        delay,
        error,
        exc_info=None if known else error,
    )
