"""The way to Mage and back, for HTTP; WebSockets have their own in `sockets.py`, what answers mean in `statuses.py`."""

from http import HTTPStatus

import aiohttp
import structlog
from aiohttp import web
from yarl import URL

from magecluster.gateway.errors import error, unavailable
from magecluster.gateway.headers import of_other_body, to_client, to_mage
from magecluster.gateway.sockets import Sockets, is_socket
from magecluster.gateway.statuses import (
    BEGINNING,
    CHALLENGE,
    LIMIT,
    Answer,
    Call,
    from_page,
    is_foreign_token,
    may_be_error,
    true_answer,
)

_NOTHING_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add where the client sent none."""

logger = structlog.stdlib.get_logger(__name__)


class Proxy:
    """Passes requests on to one Mage. Bodies flow in both directions at the pace of the slower side."""

    def __init__(self, session: aiohttp.ClientSession, upstream: str) -> None:
        self._session, self.upstream = session, upstream
        self.sockets = Sockets(session)
        self._answers: bool | None = None

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Mage's answer, whatever it is, or an error of ours when there is none."""
        # Taken over as it is: to decode it and encode it again could change it.
        url = URL(f"{self.upstream}{request.rel_url.raw_path_qs}", encoded=True)
        try:
            if is_socket(request):
                return await self.sockets.relay(request, url)
            async with await self._ask(request, url) as answer:
                if not self._answers:
                    logger.info("Mage answers")
                    self._answers = True
                return await _passed_on(request, answer)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as failure:
            return self._unavailable(request, failure)
        except aiohttp.ClientError as failure:
            logger.warning("Mage's answer cannot be read: %s", failure)
            return error(502, "bad_gateway", "Mage's answer is no HTTP; see its log: kubectl logs POD --container mage")

    async def _ask(self, request: web.Request, url: URL) -> aiohttp.ClientResponse:
        return await self._session.request(
            request.method,
            url,
            headers=to_mage(request),
            skip_auto_headers=_NOTHING_ADDED,
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        )

    def _unavailable(self, request: web.Request, failure: Exception) -> web.Response:
        if self._answers is not False:
            logger.warning("Mage does not answer: %s", failure)
            self._answers = False
        if isinstance(failure, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return unavailable(request, "Mage is starting or stopped, and nothing was done; try again in some seconds")
        return unavailable(
            request,
            "Mage broke the connection off before it answered, perhaps because it restarts; "
            "see whether the request took effect before you repeat it",
        )


async def _passed_on(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """The answer as it is, unless it is an error of Mage's that shall tell its true status.

    Raises `aiohttp.ClientError` when Mage breaks off before the client has been told anything.
    """
    call, beginning, complete = Call(request.method, request.rel_url.raw_path), b"", False
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=to_client(answer.headers))
    try:
        if may_be_error(call, answer.status, answer.headers):
            beginning = await _beginning(answer.content)
            if answer.content.at_eof() and (true := true_answer(call, answer.status, beginning)):
                if not from_page(request.headers):
                    return _corrected(true, answer)
                if is_foreign_token(beginning):
                    return _corrected(true._replace(status=answer.status), answer)
        await response.prepare(request)
        if beginning:
            await response.write(beginning)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        complete = True
    except aiohttp.ClientError as failure:
        if not response.prepared:
            raise
        logger.warning("Mage's answer to %s %s breaks off: %s", request.method, request.path, failure)
    finally:
        if response.prepared and not complete and request.transport:
            # An end in good order would pass off a part of the answer as the whole.
            request.transport.abort()
    return response


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """A whole error of Mage's, but at most `LIMIT`; of anything else as little as shows that it is none."""
    found = b""
    while BEGINNING.startswith(found[: len(BEGINNING)]) and len(found) <= LIMIT:
        if not (chunk := await content.readany()):
            break
        found += chunk
    return found


def _corrected(true: Answer, answer: aiohttp.ClientResponse) -> web.Response:
    headers = of_other_body(answer.headers)
    if true.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", CHALLENGE)
    return web.Response(status=true.status, body=true.body, headers=headers)
