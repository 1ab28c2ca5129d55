"""How a reflector paces itself when things go wrong in ways that a real API server does not show on demand."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, cast

import pytest
from tests.support.eventually import eventually_async

from magecluster.kube.connection import Connection
from magecluster.kube.errors import ExpiredError, UnavailableError
from magecluster.kube.kinds import CONFIG_MAPS, Identity
from magecluster.kube.reflector import BACKOFF, MOST_BACKOFF, Reflector, backoff

Manifest = dict[str, Any]

LONG = 10_000.0
"""Seconds of an outage; they pass on the clock of the test."""


class Server:
    """Lists nothing; opens each watch, which then ends as it is told."""

    def __init__(self, ending: Callable[[], Awaitable[None]]) -> None:
        self._ending = ending
        self.lists, self.watches = list[float](), list[float]()

    async def get(self, *_: str, **__: str) -> Manifest:
        self.lists.append(time.monotonic())
        await asyncio.sleep(0)
        return {"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "5"}, "items": []}

    async def watch(self, *_: str, **__: Any) -> AsyncGenerator[None]:
        self.watches.append(time.monotonic())
        await asyncio.sleep(0)  # as any request does: a reflector that does not wait has to fail, and hang nothing
        yield None
        await self._ending()


async def at_once() -> None:
    """End in order."""


class Nothing:
    """A sink."""

    def put(self, live: Manifest) -> None: ...

    def remove(self, live: Manifest) -> None: ...

    def retain(self, identities: set[Identity], _: str | None, /) -> None: ...


@asynccontextmanager
async def following(server: Server, clock: Callable[[], float] = time.monotonic) -> AsyncGenerator[Reflector]:
    reflector = Reflector(cast("Connection", server), CONFIG_MAPS, Nothing(), clock=clock)
    task = asyncio.create_task(reflector.run())
    try:
        yield reflector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def check_pace(times: list[float], at_first: float) -> None:
    """Each wait is twice the one before, give or take a fifth; a busy machine only makes it longer."""
    for number, (before, after) in enumerate(pairwise(times)):
        assert after - before >= at_first * 2**number * 0.8


@pytest.mark.parametrize("failures", [1, 2, 10, 1_000, 1_000_000])
def test_waits_stay_short_however_long_the_outage(failures: int) -> None:
    assert BACKOFF < backoff(failures) < MOST_BACKOFF * 1.5


async def test_a_watch_that_ends_at_once_is_a_failure() -> None:
    server = Server(at_once)
    async with following(server):
        await eventually_async(lambda: len(server.watches) >= 4)
    check_pace(server.watches[:4], at_first=BACKOFF * 2)
    assert len(server.lists) == 1


async def test_versions_that_expire_again_and_again_are_listed_ever_more_slowly() -> None:
    async def expires() -> None:
        raise ExpiredError("too old", status=410)

    server = Server(expires)
    async with following(server):
        await eventually_async(lambda: len(server.lists) >= 4)
    check_pace(server.lists[:4], at_first=BACKOFF)


async def test_the_wait_that_the_server_asks_for() -> None:
    asked = BACKOFF * 6

    async def refuses() -> None:
        raise UnavailableError("busy", status=429, retry_after=asked)

    server = Server(refuses)
    async with following(server):
        await eventually_async(lambda: len(server.watches) >= 2)
    assert server.watches[1] - server.watches[0] >= asked


async def test_a_watch_that_opens_is_proof_though_nothing_happens() -> None:
    ahead = 0.0

    async def is_cut_once() -> None:
        nonlocal ahead
        if len(server.watches) == 1:
            ahead = LONG
            raise UnavailableError("cut")
        await asyncio.Event().wait()

    server = Server(is_cut_once)
    async with following(server, lambda: time.monotonic() + ahead) as reflector:
        await eventually_async(lambda: reflector.age() > LONG / 2)
        await eventually_async(lambda: reflector.age() < LONG / 2)
    assert (len(server.lists), len(server.watches)) == (1, 2)
