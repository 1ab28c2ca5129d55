"""HTTP as aiohttp speaks it, but for two things: how its own errors look, and what it hears when the server ends."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import web
from typing_extensions import override

from magecluster.cloud.errors import BadRequestError
from magecluster.cloud.web.call import answer

FAULT = {"error": {"code": 500, "type": "internal_error", "message": "the Cloud API failed; its log tells more"}}

CANCEL_SECONDS = 1.0
"""For requests that did not end in time and are given up."""

logger = structlog.stdlib.get_logger(__name__)


class Runner(web.AppRunner):
    """Serves an application by `Protocol`."""

    def __init__(self, app: web.Application, *, idle: float, grace: float) -> None:
        """Seconds that a connection may be without a whole request, and that those under way have at the end."""
        # Addresses hold one-time links, so there is no access log; metrics and audit tell the rest.
        super().__init__(app, access_log=None, keepalive_timeout=idle, shutdown_timeout=grace)
        self._idle = idle

    @override
    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        # Some kilobytes can be unpacked to gigabytes, and nobody needs to send so much.
        options = {"access_log": None, "keepalive_timeout": self._idle, "auto_decompress": False}
        return _Server(made, **options)


class _Server(web.Server):
    def __init__(self, made: web.Server, **options: Any) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory, **options)
        self._options = options

    @override
    def __call__(self) -> web.RequestHandler:
        return Protocol(self, loop=asyncio.get_running_loop(), **self._options)


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    @override
    def close(self) -> None:
        """Called when the server ends, before `shutdown`, which waits for what is under way."""
        if not self._request_in_progress:
            super().close()

    @override
    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Let the request under way have its answer within that time."""
        # aiohttp does that too, but hears nothing meanwhile: not the rest of a body that is still arriving.
        if self._request_in_progress:
            self._handler_waiter = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._handler_waiter
            self._handler_waiter = None
        await super().shutdown(CANCEL_SECONDS)

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what never came to a route. aiohttp's own quotes the request, and logs it: tokens are in it."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun: it cannot become another one")
        if status < 500:  # noqa: PLR2004  HTTP: the client's fault
            error = BadRequestError("the request is not HTTP as it is written down in RFC 9112: check the client")
            response = answer(error.body(), error.status)
        else:
            logger.error("Could not answer a request", exc_info=exc)
            response = answer(FAULT, 500)
        response.force_close()
        return response
