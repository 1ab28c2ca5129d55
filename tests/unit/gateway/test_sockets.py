"""WebSockets, as Mage's kernels and terminals use them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType, web
from tests.support.eventually import eventually_async
from tests.support.gateway import Behind, Handler

Talk = Callable[[web.WebSocketResponse], Awaitable[object]]


def speaking(talk: Talk, **options: Any) -> Handler:
    """A Mage that accepts the WebSocket, says that, and closes."""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(**options)
        await socket.prepare(request)
        await talk(socket)
        await socket.close()
        return socket

    return serve


async def echo(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        await socket.send_frame(
            message.data if isinstance(message.data, bytes) else message.data.encode(), message.type
        )


async def test_text_and_bytes_go_both_ways_whatever_their_size(behind: Behind) -> None:
    door = await behind(speaking(echo, max_msg_size=0))
    async with door.client.ws_connect("/websocket/", max_msg_size=0) as socket:
        for text in ("", "run", "ä" * 3_000_000):
            await socket.send_str(text)
            assert await socket.receive_str(timeout=10) == text
        for data in (b"", bytes(range(256)) * 20_000):
            await socket.send_bytes(data)
            assert await socket.receive_bytes(timeout=10) == data


async def test_headers_and_subprotocol_come_through(behind: Behind) -> None:
    seen: dict[str, str] = {}

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        seen.update({name.lower(): value for name, value in request.headers.items()})
        seen["path"] = request.raw_path
        return await speaking(echo, protocols=("kernel.v2", "kernel.v1"))(request)

    door = await behind(serve)
    headers = {"Cookie": "a=1", "Origin": "https://mage.example.com", "Host": "mage.example.com"}
    async with door.client.ws_connect("/ws/%2F?t=1", headers=headers, protocols=("kernel.v1", "other")) as socket:
        assert socket.protocol == "kernel.v1"
    assert {name.lower(): seen[name.lower()] for name in headers} == {k.lower(): v for k, v in headers.items()}
    assert (seen["path"], seen["x-forwarded-for"], seen["via"]) == (
        "/ws/%2F?t=1",
        "127.0.0.1",
        "1.1 magecluster-gateway",
    )


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1011, "kernel died"), (4001, "grüße")])
async def test_mages_close_code_reaches_the_client(behind: Behind, code: int, reason: str) -> None:
    async def leave(socket: web.WebSocketResponse) -> None:
        await socket.send_str("last words")
        await socket.close(code=code, message=reason.encode())

    door = await behind(speaking(leave))
    async with door.client.ws_connect("/") as socket:
        assert await socket.receive_str() == "last words"
        message = await socket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, code, reason)


async def test_the_clients_close_code_reaches_mage_and_is_confirmed(behind: Behind) -> None:
    heard = asyncio.Event()
    codes: list[int | None] = []

    async def hear(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        codes.append(socket.close_code)
        heard.set()

    door = await behind(speaking(hear))
    async with door.client.ws_connect("/") as socket:
        await socket.close(code=4002, message=b"enough")
        assert socket.close_code == 4002
    await asyncio.wait_for(heard.wait(), 5)
    assert codes == [4002]


async def test_pings_and_pongs_reach_the_other_end(behind: Behind) -> None:
    async def ping(socket: web.WebSocketResponse) -> None:
        await socket.ping(b"from mage")
        message = await socket.receive()
        assert message.type is WSMsgType.PONG
        await socket.send_bytes(message.data)
        await echo(socket)

    door = await behind(speaking(ping, autoping=False))
    async with door.client.ws_connect("/") as socket:
        assert await socket.receive_bytes(timeout=5) == b"from mage"
    async with door.client.ws_connect("/", autoping=False) as socket:
        assert (await socket.receive()).type is WSMsgType.PING
        await socket.pong(b"mine")
        assert await socket.receive_bytes() == b"mine"


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_refusal_has_the_same_status(behind: Behind, status: int) -> None:
    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status)

    door = await behind(refuse)
    with pytest.raises(aiohttp.WSServerHandshakeError) as found:
        await door.client.ws_connect("/")
    assert found.value.status == status


async def test_an_answer_without_an_upgrade_is_an_error(behind: Behind) -> None:
    async def page(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="page")

    door = await behind(page)
    with pytest.raises(aiohttp.WSServerHandshakeError) as found:
        await door.client.ws_connect("/")
    assert found.value.status == 502


async def test_half_a_handshake_is_refused_in_the_one_shape(behind: Behind) -> None:
    door = await behind(speaking(echo))
    async with door.client.get("/", headers={"Connection": "Upgrade", "Upgrade": "websocket"}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["type"] == "bad_request"


async def test_the_end_of_mage_ends_the_socket(behind: Behind) -> None:
    async def crash(socket: web.WebSocketResponse) -> None:
        await socket.send_str("working")
        transport = socket._req.transport if socket._req else None  # noqa: SLF001  the only way to its transport
        assert transport
        transport.abort()

    door = await behind(speaking(crash))
    async with door.client.ws_connect("/") as socket:
        assert await socket.receive_str() == "working"
        message = await socket.receive(timeout=5)
        assert (message.type, message.data) == (WSMsgType.CLOSE, WSCloseCode.BAD_GATEWAY)


async def test_the_end_of_a_client_ends_the_socket_to_mage(behind: Behind) -> None:
    codes: list[int | None] = []

    async def hear(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        codes.append(socket.close_code)

    door = await behind(speaking(hear))
    socket = await door.client.ws_connect("/")
    socket._response.close()  # noqa: SLF001  as when a cable is pulled
    await eventually_async(lambda: codes, within=5)
    assert codes == [WSCloseCode.GOING_AWAY]
