"""Who calls an endpoint of the gateway's own: somebody with a session of Mage's, which the runner knows."""

import asyncio
import json
from typing import Any, NamedTuple

from aiohttp import hdrs, web

from magecluster.gateway.endpoints import bearer
from magecluster.gateway.payload import RefusedError
from magecluster.gateway.runner import Runner, RunnerError

Json = dict[str, Any]

API_KEY, OAUTH_TOKEN = "api_key", "oauth_token"
SECONDS = 10.0


class Caller(NamedTuple):
    """As Mage knows them."""

    name: str
    admin: bool
    owner: bool


def object_of(body: bytes) -> Json:
    """The JSON object of a body, empty for none. Raises `RefusedError`."""
    try:
        found = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"The body is no JSON ({error}); correct it") from error
    if not isinstance(found, dict):
        raise RefusedError("The body is no JSON object; make it one")
    return found


async def caller(runner: Runner, request: web.Request, body: Json) -> Caller:
    """Raises `RunnerError` with what to answer."""
    asked = {
        "op": "caller",
        "api_key": request.headers.get("X-API-KEY") or request.query.get(API_KEY) or str(body.get(API_KEY) or ""),
        "token": request.headers.get("OAUTH-TOKEN")
        or _of_authorization(request)
        or request.cookies.get(OAUTH_TOKEN, ""),
    }
    try:
        async with asyncio.timeout(SECONDS):
            found = await runner.ask(asked)
    except TimeoutError as late:
        raise RunnerError(503, "database_unavailable", "Mage's database does not answer; try again") from late
    if told := found.get("error"):
        raise RunnerError(told["code"], told["type"], told["message"])
    return Caller(**found["caller"])


def _of_authorization(request: web.Request) -> str:
    return bearer(request) if hdrs.AUTHORIZATION in request.headers else ""
