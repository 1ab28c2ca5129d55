"""Starting a run by its trigger, for whoever knows the trigger's token.

    POST /api/pipeline_schedules/{id}/pipeline_runs/{token}
    POST /api/pipeline_schedules/{id}/api_trigger             with `Authorization: Bearer {token}`

Mage has both, and makes the run. What it does not do is done here before: it starts inactive triggers and makes them
active, answers what it refuses with 200, and knows no `Idempotency-Key`.
"""

import asyncio
import json
import re
from collections.abc import Coroutine
from io import BytesIO
from typing import Any, NamedTuple, Protocol
from weakref import WeakValueDictionary

import aiohttp
import structlog
from aiohttp import hdrs, web
from yarl import URL

from magecluster.gateway.endpoints import bearer, body_of, not_allowed, refusal, refused
from magecluster.gateway.errors import unavailable
from magecluster.gateway.headers import of_other_body, to_mage
from magecluster.gateway.payload import KEY_HEADER, RUN, Json, Once, RefusedError, once, parse
from magecluster.gateway.statuses import Call, true_answer

REPLAYED = "Idempotent-Replayed"
"""Header of an answer that is about a run which an earlier call had started."""

_NO_TOKEN = "The token of the trigger is missing; send it as Authorization: Bearer TOKEN"  # noqa: S105  a message
_REPLACED = (hdrs.ACCEPT_ENCODING, hdrs.CONTENT_LENGTH, hdrs.CONTENT_ENCODING, hdrs.CONTENT_TYPE, KEY_HEADER)
"""Headers that do not fit what Mage is sent instead."""

logger = structlog.stdlib.get_logger(__name__)


class Runner(Protocol):
    """Who sees Mage's database: `magecluster_runner`, beside Mage."""

    async def look_up(self, request: Json) -> Json:
        """Its answer; an error also where it cannot be asked, or does not answer in time."""


class Start(NamedTuple):
    """A call that is well formed."""

    request: web.Request
    trigger: int
    token: str
    payload: Json


class Triggers:
    """Checks calls, and has Mage start the runs."""

    def __init__(self, session: aiohttp.ClientSession, upstream: str, runner: Runner) -> None:
        self._session, self._upstream, self._runner = session, upstream, runner
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._begun: set[asyncio.Task[web.Response]] = set()

    async def start(self, request: web.Request) -> web.Response:
        """The answer to a call by any method but OPTIONS."""
        if request.method != hdrs.METH_POST:
            return not_allowed(f"A run is not started by {request.method}; use POST", hdrs.METH_POST)
        given = request.match_info["trigger"]
        if not (token := request.match_info.get("token") or bearer(request)):
            return refusal(401, "unauthenticated", _NO_TOKEN)
        if not re.fullmatch(r"[0-9]{1,18}", given):
            return refusal(404, "not_found", f"There is no trigger {given}; its number stands in the list of triggers")
        try:
            payload = parse(await body_of(request))
            same = once(payload, int(given), request.headers.getall(KEY_HEADER, []))
        except RefusedError as wrong:
            return refusal(400, "bad_request", str(wrong))
        call = Start(request, int(given), token, payload)
        # With a key it is done to its end, whether or not the client waits: else nobody knew whether a run was started.
        return await (self._to_its_end(self._once(call, same)) if same else self._now(call))

    async def end(self) -> None:
        """Wait for what has been begun."""
        await asyncio.gather(*self._begun, return_exceptions=True)

    async def _now(self, call: Start) -> web.Response:
        told = await self._told(call)
        return refused(told) if told else await self._ask_mage(call)

    async def _once(self, call: Start, same: Once) -> web.Response:
        async with self._locks.setdefault(same.key, asyncio.Lock()):
            told = await self._told(call)
            # What a repeated call asks for has happened, also when the trigger was made inactive since.
            if told and told["code"] != 409:  # noqa: PLR2004  HTTP: conflict
                return refused(told)
            found = await self._runner.look_up({"op": "run_of_key", "trigger": call.trigger, "key": same.key})
            if "error" in found:
                return refused(found["error"])
            if found[RUN]:
                return _again(found[RUN], same)
            if told:
                return refused(told)
            call.payload[RUN]["metrics"] = same.metrics
            return await self._ask_mage(call)

    async def _told(self, call: Start) -> Json | None:
        """Why the trigger does not start a run for this token, if it does not."""
        found = await self._runner.look_up({"op": "trigger", "id": str(call.trigger), "token": call.token})
        told: Json | None = found.get("error")
        return told

    async def _ask_mage(self, call: Start) -> web.Response:
        """Mage's own answer. Always by the one address that has no token in it, as Mage logs addresses."""
        base = call.request.path.partition("/api/")[0]
        path = f"{base}/api/pipeline_schedules/{call.trigger}/api_trigger"
        headers = to_mage(call.request)
        for name in _REPLACED:
            headers.popall(name, None)
        headers[hdrs.CONTENT_TYPE] = "application/json"
        headers[hdrs.AUTHORIZATION] = f"Bearer {call.token}"
        try:
            async with self._session.post(
                URL(self._upstream + path),
                headers=headers,
                skip_auto_headers=(hdrs.ACCEPT_ENCODING,),
                data=BytesIO(json.dumps(call.payload).encode()),  # in parts, where it is long
                allow_redirects=False,
            ) as answer:
                return _of_mage(path, answer, await answer.read())
        except aiohttp.ClientConnectorError:
            return unavailable(call.request, "Mage is starting or stopped, and no run was started; try again")
        except (aiohttp.ClientError, TimeoutError) as failure:
            logger.warning("Mage did not answer whether it started a run of trigger %s: %s", call.trigger, failure)
            message = f"Mage broke off before it answered; see whether there is a run. With {KEY_HEADER} you need not"
            return unavailable(call.request, message)

    async def _to_its_end(self, work: Coroutine[Any, Any, web.Response]) -> web.Response:
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return await asyncio.shield(task)


def _of_mage(path: str, answer: aiohttp.ClientResponse, body: bytes) -> web.Response:
    headers = of_other_body(answer.headers)
    true = true_answer(Call(hdrs.METH_POST, path), answer.status, body)
    return web.Response(
        status=true.status if true else answer.status, body=true.body if true else body, headers=headers
    )


def _again(run: Json, same: Once) -> web.Response:
    if not same.is_of(run):
        message = f"An earlier call with this {KEY_HEADER} had another body; use a new key for another run"
        return refusal(422, "idempotency_key_reused", message)
    return web.json_response({RUN: run}, headers={REPLAYED: "true"})
