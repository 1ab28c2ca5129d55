"""Bodies flow while they are made, at the pace of the slower side, and whoever leaves ends the work."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web
from tests.support.eventually import eventually_async
from tests.support.gateway import Behind, Endless

CHUNK = bytes(range(256)) * 1024
MEGABYTE = 1024 * 1024
STALLED = 48 * MEGABYTE
"""More than the kernel's buffers hold on the way, whose sizes it chooses itself."""


async def test_an_answer_is_passed_on_while_it_is_made(behind: Behind) -> None:
    proceed = asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for word in (b"", b"first", b"last"):
            await response.write(word) if word else None
            await proceed.wait()
            proceed.clear()
        return response

    door = await behind(slow)
    async with asyncio.timeout(5), door.client.get("/") as answer:  # its head comes although no byte of the body does
        proceed.set()
        assert await answer.content.readany() == b"first"
        proceed.set()
        assert await answer.content.readany() == b"last"
        proceed.set()
        assert await answer.content.read() == b""


async def test_a_request_is_passed_on_while_it_is_made(behind: Behind) -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(request: web.BaseRequest) -> web.StreamResponse:
        assert request.headers["Transfer-Encoding"] == "chunked"
        async for part in request.content.iter_any():
            arrived.put_nowait(part)
        return web.Response(text="taken")

    async def body() -> AsyncIterator[bytes]:
        for word in (b"first", b"last"):
            yield word
            assert await arrived.get() == word

    door = await behind(take)
    async with asyncio.timeout(5), door.client.put("/", data=body()) as answer:
        assert await answer.text() == "taken"


async def test_large_bodies_arrive_whole(behind: Behind) -> None:
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for part in request.content.iter_any():
            await response.write(part)
        return response

    async def body() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield CHUNK

    door = await behind(echo)
    found = hashlib.sha256()
    async with door.client.post("/", data=body()) as answer:
        async for part in answer.content.iter_any():
            found.update(part)
    assert found.digest() == hashlib.sha256(CHUNK * 80).digest()


async def test_mage_waits_for_a_client_that_reads_slowly(behind: Behind) -> None:
    sent = 0

    async def much(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 2 * STALLED:
            await response.write(CHUNK)
            sent += len(CHUNK)
        return response

    door = await behind(much)
    async with door.client.get("/"):
        assert await at_rest(lambda: sent) < STALLED


async def test_a_client_waits_for_a_mage_that_reads_slowly(behind: Behind) -> None:
    sent, finish = 0, asyncio.Event()

    async def busy(request: web.BaseRequest) -> web.StreamResponse:
        await finish.wait()
        return web.Response(status=413)

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 2 * STALLED:
            yield CHUNK
            sent += len(CHUNK)

    door = await behind(busy)
    request = asyncio.create_task(door.client.post("/", data=body()).__aenter__())
    assert await at_rest(lambda: sent) < STALLED
    finish.set()
    async with asyncio.timeout(5), await request as answer:  # the answer does not wait for the rest
        assert answer.status == 413


async def at_rest(amount: Callable[[], int]) -> int:
    """The amount when it has not grown for a while."""
    before = -1
    while amount() != before or not before:
        before = amount()
        await asyncio.sleep(0.3)
    return before


@pytest.mark.parametrize("begun", [False, True])
async def test_mage_does_not_work_for_a_client_that_is_gone(behind: Behind, begun: bool) -> None:  # noqa: FBT001
    work = Endless(begun=begun)
    door = await behind(work)
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: mage\r\n\r\n")
    await work.at_work.wait()
    writer.close()
    await eventually_async(work.ended.is_set, within=5)


@pytest.mark.parametrize("length", [True, False])
async def test_half_an_answer_does_not_look_like_a_whole_one(behind: Behind, length: bool) -> None:  # noqa: FBT001
    async def breaking(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"} if length else {})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport
        request.transport.close()
        return response

    door = await behind(breaking)
    async with door.client.get("/") as answer:
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
            await answer.read()
    async with aiohttp.request("GET", f"{door.url}/.magecluster/healthz") as answer:
        assert answer.status == 200


async def test_many_requests_at_once_do_not_wait_for_each_other(behind: Behind) -> None:
    all_here = asyncio.Barrier(150)

    async def meet(_: web.BaseRequest) -> web.StreamResponse:
        await all_here.wait()
        return web.Response()

    door = await behind(meet)
    async with asyncio.timeout(20), aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def ask() -> int:
            async with client.get(door.url) as answer:
                return answer.status

        assert set(await asyncio.gather(*(ask() for _ in range(150)))) == {200}
