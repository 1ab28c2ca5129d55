"""One block of a pipeline, executed for an application that waits for its output.

    POST /api/runs/{token}
    POST /api/runs             with `Authorization: Bearer {token}`

The token is of a trigger of type API. Mage has both, but executes the block in its own process, where everybody waits
for it; here `magecluster_runner` does it.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import hdrs, web

from magecluster.gateway.endpoints import bearer, body_of, not_allowed, refusal, refused
from magecluster.gateway.payload import RefusedError
from magecluster.gateway.run_request import parse
from magecluster.gateway.runner import Runner, RunnerError, answer_of
from magecluster.gateway.settings import Settings

HELD_BYTES = 1024 * 1024
"""Longest answer that is sent as a whole, with its length; of longer ones no more than that is held at a time."""

READ_SECONDS = 60.0
"""How long a client may take for each `HELD_BYTES` of an answer. Until it has them all, nobody else has its place."""

SPARE_SECONDS = 15.0
"""How much longer than the time limit the runner may take to say that it was reached, and to write that down."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,250}=*")
"""RFC 6750 §2.1."""
_SUCCESS = b'{"run"'
"""How an answer begins that is no error."""
_NO_TOKEN = "The token of a trigger is missing, or is none; send /api/runs/TOKEN or Authorization: Bearer TOKEN"  # noqa: S105  a message

logger = structlog.stdlib.get_logger(__name__)


class FullError(Exception):
    """Nobody else may wait."""


class Places:
    """So many at the same time, and so many who wait until they may."""

    def __init__(self, concurrency: int, queue: int) -> None:
        self._free, self._queue, self._waiting = asyncio.Semaphore(concurrency), queue, 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Raises `FullError`."""
        if self._free.locked() and self._waiting >= self._queue:
            raise FullError
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


class Runs:
    """Checks requests, and has the runner execute what they ask for. Who goes away has the run ended."""

    def __init__(self, runner: Runner, settings: Settings) -> None:
        self._runner, self._settings = runner, settings
        self._places = Places(settings.runs_concurrency, settings.runs_queue)

    async def run(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request by any method but OPTIONS."""
        if request.method != hdrs.METH_POST:
            return not_allowed(f"A run is not asked for by {request.method}; use POST", hdrs.METH_POST)
        token = request.match_info.get("token") or bearer(request)
        if not _TOKEN.fullmatch(token):
            return refusal(401, "unauthenticated", _NO_TOKEN)
        try:
            run = parse(await body_of(request))
        except RefusedError as wrong:
            return refusal(400, "bad_request", str(wrong))
        asked = {
            "op": "run",
            "token": token,
            "token_scope": self._settings.token_scope,
            "run": run,
            "timeout": self._settings.runs_timeout_seconds,
        }
        try:
            async with self._places.one(), self._runner.asked(asked) as reader:
                return await self._answer(request, reader)
        except FullError:
            message = "All runs that may be executed or wait are there already; try again in some seconds"
            return refusal(429, "too_many_runs", message)
        except RunnerError as failure:
            return refused(failure.told["error"])

    async def _answer(self, request: web.Request, reader: asyncio.StreamReader) -> web.StreamResponse:
        try:
            async with asyncio.timeout(self._settings.runs_timeout_seconds + SPARE_SECONDS):
                beginning = await _beginning(reader)
        except TimeoutError:
            return refusal(504, "timeout", "The runner did not end the run in time; see its log")
        if not beginning.startswith(_SUCCESS):
            return refused(answer_of(beginning)["error"])
        if not reader.at_eof():
            return await _streamed(request, beginning, reader)
        if not beginning.endswith(b"\n"):
            answer_of(b"")
        return web.Response(body=beginning, content_type="application/json")


async def _beginning(reader: asyncio.StreamReader) -> bytes:
    """The whole answer, if it is not too long."""
    found = b""
    while len(found) <= HELD_BYTES and (chunk := await reader.read(HELD_BYTES)):
        found += chunk
    return found


async def _streamed(request: web.Request, beginning: bytes, reader: asyncio.StreamReader) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    complete, chunk = False, beginning
    try:
        await response.prepare(request)
        while chunk:
            async with asyncio.timeout(READ_SECONDS):
                await response.write(chunk)
            complete = chunk.endswith(b"\n")  # JSON has no other one, as strings are escaped
            chunk = await reader.read(HELD_BYTES)
        if complete:
            await response.write_eof()
    except TimeoutError:
        logger.warning("A client did not read the output of its run within %g s", READ_SECONDS)
    finally:
        if not complete and request.transport:
            logger.warning("An answer was broken off in the middle")
            # An end in good order would pass off a part of the answer as the whole.
            request.transport.abort()
    return response
