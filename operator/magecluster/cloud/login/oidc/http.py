"""Requests to the provider: bounded in time and size, no redirects, every failure with a fate."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
import orjson
import structlog

from magecluster.cloud.errors import CloudError, UnavailableError

SECONDS = 10.0
MOST_BYTES = 1024 * 1024
RETRY_SECONDS = 10.0
TOO_MANY = 429
BROKEN = 500

logger = structlog.stdlib.get_logger(__name__)


class ProviderError(CloudError):
    """The provider answers, but not as OpenID Connect has it, or not as this installation needs it."""

    status = 502
    type = "provider_failed"


class Answer(NamedTuple):
    """A JSON object, whatever the status."""

    status: int
    body: dict[str, Any]


async def ask(
    what: str, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: str | None = None
) -> Answer:
    """`what` names the endpoint in messages. Raises `UnavailableError`, `ProviderError`."""
    given = {"Accept": "application/json", **(headers or {})}
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        # Logins are rare: no connection is kept for the next one. Proxies are those of the environment.
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as client,
            client.request(method, url, headers=given, data=body, allow_redirects=False) as answer,
        ):
            text = await _text(what, answer)
    except aiohttp.InvalidURL:
        raise ProviderError(f"the {what} of the OpenID Connect provider has no usable address") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        told = str(error) or type(error).__name__
        logger.warning("Could not reach the %s of the OpenID Connect provider: %s", what, told)
        raise unavailable(what) from None
    if answer.status == TOO_MANY or answer.status >= BROKEN:
        raise unavailable(what)
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ProviderError(
            f"the {what} of the OpenID Connect provider answered {answer.status} and no JSON object: check the issuer"
        )
    return Answer(answer.status, found)


async def get(what: str, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The answer of an endpoint that has to succeed. Raises like `ask`."""
    answer = await ask(what, "GET", url, headers=headers)
    if answer.status != 200:  # noqa: PLR2004  OK
        raise ProviderError(f"the {what} of the OpenID Connect provider answered {answer.status}: check the issuer")
    return answer.body


async def _text(what: str, answer: aiohttp.ClientResponse) -> bytes:
    text = b""
    async for chunk in answer.content.iter_any():
        text += chunk
        if len(text) > MOST_BYTES:
            raise ProviderError(f"the {what} of the OpenID Connect provider answered more than {MOST_BYTES} bytes")
    return text


def unavailable(what: str) -> UnavailableError:
    """The error for no answer, or for one that says to come again."""
    return UnavailableError(
        f"the {what} of the OpenID Connect provider does not answer: try again", retry_after=RETRY_SECONDS
    )
