"""What the endpoints that the gateway answers itself have in common: triggers and runs of single blocks."""

from typing import Any

from aiohttp import hdrs, web

from magecluster.gateway.errors import RETRY_SECONDS, error
from magecluster.gateway.statuses import CHALLENGE

BODY_BYTES = 16 * 1024 * 1024
"""Longest body. Mage keeps what is in it with the run."""

_HEADERS = {
    401: {"WWW-Authenticate": CHALLENGE},
    429: {"Retry-After": "1"},
    503: {"Retry-After": str(RETRY_SECONDS)},
}
"""What has to be told with a status."""


def refusal(code: int, type_: str, message: str) -> web.Response:
    """The answer to a request that is not fulfilled, see `error`."""
    return error(code, type_, message, _HEADERS.get(code))


def refused(told: dict[str, Any]) -> web.Response:
    """The same for what the runner told: `{"code", "type", "message"}`."""
    return refusal(told["code"], told["type"], told["message"])


def bearer(request: web.Request) -> str:
    """The token of an `Authorization` header, empty when there is none of that kind."""
    kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


async def body_of(request: web.Request) -> bytes:
    """What was sent. Raises `HTTPRequestEntityTooLarge`."""
    found = b""
    async for chunk in request.content.iter_any():
        found += chunk
        if len(found) > BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(BODY_BYTES, len(found))
    return found


def only(request: web.Request, *methods: str) -> web.Response | None:
    """The answer to another method than these."""
    if request.method in methods:
        return None
    return not_allowed(f"{request.method} is not for this path; use {' or '.join(methods)}", *methods)


def not_allowed(message: str, *methods: str) -> web.Response:
    """The answer to another method than these and OPTIONS."""
    return error(405, "method_not_allowed", message, {"Allow": ", ".join([*methods, hdrs.METH_OPTIONS])})
