"""The client of `magecluster_runner`, which works with Mage's own Python in a container of its own beside Mage.

One connection for each request: one JSON object on a line, and one back. Who closes it before has the work ended.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

Json = dict[str, Any]

LOOK_UP_SECONDS = 10.0
"""How long the runner may take to look something up. It waits as long as Mage's database does not answer."""

logger = structlog.stdlib.get_logger(__name__)


class RunnerError(Exception):
    """There is no answer."""

    def __init__(self, code: int, type_: str, message: str) -> None:
        super().__init__(message)
        self.told: Json = {"error": {"code": code, "type": type_, "message": message}}


class Runner:
    """Asks the runner that listens on a Unix socket, if the gateway was given one."""

    def __init__(self, socket: Path | None, name: str = "runner") -> None:
        """`name` is that of its container."""
        self._socket, self._name = socket, name

    async def ask(self, request: Json) -> Json:
        """The answer: `{"error": {"code": HTTP status, "type", "message"}}`, also where there is none."""
        try:
            async with self.asked(request) as reader:
                return answer_of(await reader.read(), self._name)
        except RunnerError as failure:
            return failure.told

    async def look_up(self, request: Json) -> Json:
        """The same for what stands in Mage's database, which is not waited for without end."""
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await self.ask(request)
        except TimeoutError:
            message = f"Mage's database did not answer within {LOOK_UP_SECONDS:g} s, and nothing was done; try again"
            return RunnerError(503, "database_unavailable", message).told

    @asynccontextmanager
    async def asked(self, request: Json) -> AsyncIterator[asyncio.StreamReader]:
        """Whence the answer comes; a whole one ends with a newline. Raises `RunnerError`.

        The runner ends the work when this is left before the answer has come.
        """
        if self._socket is None:
            raise RunnerError(501, "no_runner", "This gateway has no runner; start it with --runner-socket")
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError as failure:
            logger.warning("The %s does not answer: %s", self._name, failure)
            message = f"The {self._name} is starting or stopped, and nothing was done; try again"
            raise RunnerError(503, "runner_unavailable", message) from failure
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            yield reader
        except OSError as failure:
            raise _broken(failure, self._name) from failure
        finally:
            writer.close()


def answer_of(data: bytes, name: str = "runner") -> Json:
    """Of the container `name`. Raises `RunnerError` when it is none, or a part of one."""
    try:
        found: Json = json.loads(data)
    except ValueError as failure:
        raise _broken(failure, name) from failure
    return found


def _broken(failure: Exception, name: str) -> RunnerError:
    logger.warning("The %s broke off before it answered: %s", name, failure)
    message = f"The {name} broke off before it answered; see its log: kubectl logs POD --container {name}"
    return RunnerError(503, "runner_unavailable", message)
