"""Polling with a deadline: no test sleeps and hopes."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(question: Callable[[], T], *, within: float = 30, every: float = 0.1, what: str = "") -> T:
    """The first true answer to `question`; fails with the last answer when none comes in `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or question.__name__}; last answer: {answer!r}")
        time.sleep(every)


async def eventually_async(question: Callable[[], T], *, within: float = 10) -> T:
    """The same within a running event loop."""
    async with asyncio.timeout(within):
        while not (answer := question()):
            await asyncio.sleep(0.002)
        return answer
