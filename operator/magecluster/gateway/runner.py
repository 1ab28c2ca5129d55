"""The client of `magecluster_runner`, which works with Mage's own Python in a container of its own beside Mage.

One connection for each request: one JSON object on a line, and one back. Who closes it before has the work ended.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import structlog

Json = dict[str, Any]

logger = structlog.stdlib.get_logger(__name__)


class Runner:
    """Asks the runner that listens on a Unix socket, if the gateway was given one."""

    def __init__(self, socket: Path | None) -> None:
        self._socket = socket

    async def ask(self, request: Json) -> Json:
        """The answer: `{"error": {"code": HTTP status, "type", "message"}}`, also where there is none."""
        if self._socket is None:
            return _error(501, "no_runner", "This gateway has no runner; start it with --runner-socket")
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError as failure:
            logger.warning("The runner does not answer: %s", failure)
            return _error(
                503, "runner_unavailable", "The runner is starting or stopped, and nothing was done; try again"
            )
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            answer: Json = json.loads(await reader.read())
        except (OSError, ValueError) as failure:
            logger.warning("The runner broke off before it answered: %s", failure)
            message = "The runner broke off before it answered; see its log: kubectl logs POD --container runner"
            return _error(503, "runner_unavailable", message)
        else:
            return answer
        finally:
            writer.close()


def _error(code: int, type_: str, message: str) -> Json:
    return {"error": {"code": code, "type": type_, "message": message}}
