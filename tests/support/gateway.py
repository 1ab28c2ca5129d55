"""A gateway as its clients see it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, TypeAlias

import aiohttp
from aiohttp import web

from magecluster.gateway.app import HEADER_BYTES, serve
from magecluster.gateway.settings import Settings


class Door(NamedTuple):
    """The entrance to one gateway on the loopback."""

    client: aiohttp.ClientSession
    """Adds and undoes as little as possible."""
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def raw(self, request: bytes) -> bytes:
        """Everything that comes back on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()


async def entrance(stack: AsyncExitStack, **settings: Any) -> Door:
    """To a gateway with these settings, which serves until the stack is left."""
    runner = await serve(Settings(listen="127.0.0.1", port=0, grace_seconds=1, **settings))
    stack.push_async_callback(runner.cleanup)
    port = runner.addresses[0][1]
    client = aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", auto_decompress=False, max_field_size=HEADER_BYTES, max_line_size=HEADER_BYTES
    )
    return Door(await stack.enter_async_context(client), port)


class Endless:
    """A Mage that works for whoever waits, and notes when nobody does any more."""

    def __init__(self, *, begun: bool, **headers: str) -> None:
        """`begun`: the answer has begun before."""
        self._begun, self._headers = begun, headers
        self.at_work, self.ended = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._headers)
        if self._begun:
            await response.prepare(request)
        self.at_work.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.ended.set()
            raise
        return response


Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Behind: TypeAlias = Callable[[Handler], Awaitable[Door]]
"""Starts a server with one handler, which stands for Mage, and a gateway in front of it."""
Front: TypeAlias = Callable[[str], Awaitable[Door]]
"""Starts a gateway in front of an address."""
