"""WebSockets: Mage's kernels and terminals. What one side says, the other is told, pings and the end included."""

import asyncio
from typing import NamedTuple, TypeAlias
from weakref import WeakSet

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web
from yarl import URL

from magecluster.gateway.errors import error
from magecluster.gateway.headers import to_mage

MESSAGE_BYTES = 64 * 1024 * 1024
"""Longest message of a client, which is held in memory as a whole; Mage's own limit is lower. Mage's have none."""

CLOSE_SECONDS = 2.0
"""How long a side may take to confirm the end."""

_OWN_HANDSHAKE = ("Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol")
"""Headers that belong to one of the two connections."""

Side: TypeAlias = "web.WebSocketResponse[bool] | aiohttp.ClientWebSocketResponse[bool]"


class Ending(NamedTuple):
    """Why a connection ended."""

    code: int
    """RFC 6455 §7.4."""
    reason: str = ""


def is_socket(request: web.Request) -> bool:
    """Whether the client wants a WebSocket."""
    upgrades = request.headers.get("Upgrade", "").lower() == "websocket"
    return request.method == "GET" and upgrades and "upgrade" in request.headers.get("Connection", "").lower()


class Sockets:
    """The WebSockets of all clients."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._open: WeakSet[web.WebSocketResponse[bool]] = WeakSet()

    async def relay(self, request: web.Request, url: URL) -> web.StreamResponse:
        """Connects the client to Mage until one of them ends it. Raises `aiohttp.ClientError` when Mage is away.

        Mage is asked first, so that its refusal is an HTTP status for the client too.
        """
        headers = to_mage(request)
        for name in _OWN_HANDSHAKE:
            headers.popall(name, None)
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        try:
            mage = await self._session.ws_connect(
                url,
                headers=headers,
                protocols=tuple(name.strip() for name in offered.split(",") if name.strip()),
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                autoclose=False,
                autoping=False,
                max_msg_size=0,
                decode_text=False,
            )
        except aiohttp.WSServerHandshakeError as refusal:
            code = refusal.status if refusal.status >= 400 else 502  # noqa: PLR2004  HTTP: an error
            return error(code, "websocket_refused", f"Mage refused the WebSocket ({refusal.status}); see its log")
        async with mage:
            client = web.WebSocketResponse(
                protocols=(mage.protocol,) if mage.protocol else (),
                timeout=CLOSE_SECONDS,
                autoclose=False,
                autoping=False,
                compress=False,
                max_msg_size=MESSAGE_BYTES,
                decode_text=False,
            )
            await client.prepare(request)
            self._open.add(client)
            await _talk(client, mage)
        return client

    async def end(self) -> None:
        """Tell all clients that the gateway goes away."""
        await asyncio.gather(*(client.close(code=WSCloseCode.GOING_AWAY) for client in list(self._open)))


async def _talk(client: Side, mage: Side) -> None:
    ending = Ending(WSCloseCode.GOING_AWAY)  # what the others learn when this is cancelled
    directions = [asyncio.create_task(_pass_on(client, mage)), asyncio.create_task(_pass_on(mage, client))]
    try:
        done, _ = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        ending = done.pop().result()
    finally:
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        for side in (client, mage):
            await side.close(code=ending.code, message=ending.reason.encode())


async def _pass_on(source: Side, target: Side) -> Ending:
    """Every message of one side to the other, until it has no more."""
    while True:
        message = await source.receive()
        match message.type:
            case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.PING | WSMsgType.PONG:
                try:
                    await target.send_frame(message.data, message.type)
                except ConnectionError:
                    return Ending(WSCloseCode.GOING_AWAY)
            case WSMsgType.CLOSE:
                # No code is 0 here, and no frame may carry the 1005 that stands for it.
                return Ending(message.data or WSCloseCode.OK, message.extra or "")
            case WSMsgType.ERROR if isinstance(message.data, aiohttp.WebSocketError):
                return Ending(message.data.code)
            case WSMsgType.CLOSING:
                return Ending(WSCloseCode.GOING_AWAY)
            case _:
                return Ending(WSCloseCode.BAD_GATEWAY, "the other side is gone")
