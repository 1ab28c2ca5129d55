"""A gateway in front of a server that a test makes: both real, on the loopback."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web
from tests.support.gateway import Behind, Door, Front, Handler

from magecluster.gateway.app import HEADER_BYTES, serve
from magecluster.gateway.settings import Settings


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as found:
        yield found


@pytest.fixture
def front(stack: AsyncExitStack) -> Front:
    async def start(upstream: str) -> Door:
        runner = await serve(Settings(listen="127.0.0.1", port=0, upstream=upstream, grace_seconds=1))
        stack.push_async_callback(runner.cleanup)
        port = runner.addresses[0][1]
        client = aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", auto_decompress=False, max_field_size=HEADER_BYTES, max_line_size=HEADER_BYTES
        )
        return Door(await stack.enter_async_context(client), port)

    return start


@pytest.fixture
def behind(stack: AsyncExitStack, front: Front) -> Behind:
    async def start(handler: Handler) -> Door:
        server = web.Server(
            handler,
            auto_decompress=False,
            handler_cancellation=True,
            max_field_size=HEADER_BYTES,
            max_line_size=HEADER_BYTES,
        )
        runner = web.ServerRunner(server, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return await front(f"http://127.0.0.1:{runner.addresses[0][1]}")

    return start
