"""A gateway in front of a server that a test makes: both real, on the loopback."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from tests.support.gateway import Behind, Door, Front, Handler, entrance

from magecluster.gateway.app import HEADER_BYTES


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as found:
        yield found


@pytest.fixture
def front(stack: AsyncExitStack) -> Front:
    async def start(upstream: str) -> Door:
        return await entrance(stack, upstream=upstream)

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
