"""A gateway as its clients see it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

import aiohttp
from aiohttp import web


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


Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Behind: TypeAlias = Callable[[Handler], Awaitable[Door]]
"""Starts a server with one handler, which stands for Mage, and a gateway in front of it."""
Front: TypeAlias = Callable[[str], Awaitable[Door]]
"""Starts a gateway in front of an address."""
