from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import orjson
import pytest

from magecluster.kube.errors import ExpiredError
from magecluster.kube.wire import read_events

EVENTS: list[dict[str, Any]] = [
    {"type": "ADDED", "object": {"data": "x" * length}} for length in (0, 70_000, 1, 200_000, 200_000, 2)
]


def arriving(events: list[dict[str, Any]], size: int) -> aiohttp.ClientResponse:
    """An answer that comes in pieces of that size, wherever they fall."""
    raw = b"".join(orjson.dumps(event) + b"\n" for event in events)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), size):
            yield raw[start : start + size]

    return cast("aiohttp.ClientResponse", SimpleNamespace(content=SimpleNamespace(iter_any=pieces)))


@pytest.mark.parametrize("size", [7, 41, 16_384, 65_536, 10_000_000])
async def test_events_are_whole_however_they_arrive(size: int) -> None:
    assert [event async for event in read_events(arriving(EVENTS, size))] == EVENTS


async def test_an_event_that_tells_of_an_error() -> None:
    status = {"kind": "Status", "code": 410, "message": "too old resource version: 1 (9)"}
    response = arriving([*EVENTS[:1], {"type": "ERROR", "object": status}], 16_384)
    events = read_events(response)
    assert await anext(events) == EVENTS[0]
    with pytest.raises(ExpiredError, match="too old"):
        await anext(events)
