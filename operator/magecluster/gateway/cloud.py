"""The client of the Cloud API, to which the gateway shows the token of its pod."""

from collections.abc import Mapping
from pathlib import Path

import aiohttp
import structlog

from magecluster.gateway.payload import Json
from magecluster.gateway.runner import RunnerError

SECONDS = 30.0
"""How long an answer may take."""
PATH = "/api/v1/workspaces"

logger = structlog.stdlib.get_logger(__name__)


class Cloud:
    """Asks for workspaces of this cluster."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: Path) -> None:
        """`token` is read for each request: the kubelet renews it."""
        self._session, self._url, self._token = session, url, token
        self._answers: bool | None = None

    async def ask(
        self, method: str, name: str = "", body: Json | None = None, query: Mapping[str, str] | None = None
    ) -> Json:
        """The answer to a request for all workspaces, or for the named one. Raises `RunnerError` with what to tell."""
        url = f"{self._url}{PATH}{f'/{name}' if name else ''}"
        try:
            headers = {"Authorization": f"Bearer {self._token.read_text().strip()}"}
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            async with self._session.request(
                method, url, params=query, json=body, headers=headers, timeout=timeout
            ) as answer:
                found: Json = await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            if self._answers is not False:
                logger.warning("The Cloud API does not answer: %s", failure or type(failure).__name__)
                self._answers = False
            raise RunnerError(
                503, "cloud_api_unavailable", "The Cloud API, which keeps workspaces, does not answer; try again"
            ) from failure
        if not self._answers:
            logger.info("The Cloud API answers")
            self._answers = True
        if told := found.get("error"):
            raise _refused(answer.status, told)
        return found


def _refused(status: int, told: Json) -> RunnerError:
    message = str(told.get("message", ""))
    if status in (401, 500):
        logger.warning("The Cloud API refuses the request: %s", message)
        return RunnerError(502, "bad_gateway", f"The Cloud API refuses this gateway: {message}")
    return RunnerError(status, str(told.get("type", "refused")), message)
