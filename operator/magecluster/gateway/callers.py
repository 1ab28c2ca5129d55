"""Who calls an endpoint of the gateway's own: somebody with a session of Mage's, which the runner knows."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import hdrs, web

from magecluster.gateway.cookies import token_of
from magecluster.gateway.endpoints import bearer, body_of, refusal, refused
from magecluster.gateway.payload import Json, RefusedError, json_of
from magecluster.gateway.runner import Runner, RunnerError

API_KEY = "api_key"


class Caller(NamedTuple):
    """As Mage knows them."""

    name: str
    admin: bool
    owner: bool


Answer = Callable[[web.Request, Json, Caller], Awaitable[web.StreamResponse]]
"""To a request with this body, by this caller. Raises `RefusedError`, `RunnerError`."""


def object_of(body: bytes) -> Json:
    """The JSON object of a body, empty for none. Raises `RefusedError`."""
    found = json_of(body) if body.strip() else {}
    if not isinstance(found, dict):
        raise RefusedError("The body is no JSON object; make it one")
    return found


async def answered(runner: Runner, request: web.Request, answer: Answer) -> web.StreamResponse:
    """What is answered to somebody who is known, or why nobody is."""
    try:
        body = object_of(await body_of(request))
        return await answer(request, body, await caller(runner, request, body))
    except RefusedError as wrong:
        return refusal(400, "bad_request", str(wrong))
    except RunnerError as failure:
        return refused(failure.told["error"])


async def caller(runner: Runner, request: web.Request, body: Json) -> Caller:
    """Raises `RunnerError` with what to answer."""
    asked = {
        "op": "caller",
        "api_key": request.headers.get("X-API-KEY") or request.query.get(API_KEY) or str(body.get(API_KEY) or ""),
        "token": request.headers.get("OAUTH-TOKEN") or _of_authorization(request) or token_of(request),
    }
    found = await runner.look_up(asked)
    if told := found.get("error"):
        raise RunnerError(told["code"], told["type"], told["message"])
    return Caller(**found["caller"])


def _of_authorization(request: web.Request) -> str:
    return bearer(request) if hdrs.AUTHORIZATION in request.headers else ""
