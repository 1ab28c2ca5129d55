"""Commits of Git, deployed into the project; `magecluster_deployer` beside Mage does it.

    GET        /api/deployment_settings
    GET        /api/deployment_settings/{setting}
    GET, POST  /api/deployment_settings/{setting}/deployments
    GET, PUT   /api/deployment_settings/{setting}/deployments/{id}    PUT: `{"deployment": {"action": "rollback"}}`

The body of POST is that of Mage Pro; its answer is documented nowhere, so it is ours.
"""

import re
from typing import Any

from aiohttp import hdrs, web

from magecluster.gateway.callers import Caller, answered
from magecluster.gateway.endpoints import only
from magecluster.gateway.payload import Json, RefusedError
from magecluster.gateway.runner import Runner, RunnerError

MOST_SECONDS = 600
"""That a request may wait for the end of a deployment."""
PAGE = 40
"""Deployments in a list, as in Mage's own lists."""

_NO_SETTING = "This cluster has no deployment setting; set spec.git, or `git` by the Cloud API"
_UNFINISHED = ("queued", "running")
_SOURCE: Json = {"head": {"name": str}, "name": str, "version": str}
_STAGE: Json = {"branch": {"name": str}, "environment": str, "target_directory": str}


class Deployments:
    """Checks who asks for what, and has the deployer do it."""

    def __init__(self, runner: Runner, deployer: Runner | None) -> None:
        self._runner, self._deployer = runner, deployer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """To a request by any method but OPTIONS."""
        return await answered(self._runner, request, self._answer)

    async def _answer(self, request: web.Request, body: Json, who: Caller) -> web.StreamResponse:
        name, number = request.match_info.get("setting"), request.match_info.get("deployment")
        if not who.admin:
            raise RunnerError(403, "forbidden", f"{who.name} is neither owner nor admin, who alone deploy")
        if name is None:
            settings = [await self._setting()] if self._deployer else []
            return only(request, hdrs.METH_GET) or web.json_response({"deployment_settings": settings})
        setting = await self._setting()
        if setting["name"] != name:
            raise RunnerError(404, "not_found", f"There is no deployment setting {name}; there is {setting['name']}")
        if "all" not in request.match_info:
            return only(request, hdrs.METH_GET) or web.json_response({"deployment_setting": setting})
        if number is None:
            return await self._of_setting(request, body, setting, who)
        return await self._of_number(request, body, number, who)

    async def _of_setting(self, request: web.Request, body: Json, setting: Json, who: Caller) -> web.StreamResponse:
        if wrong := only(request, hdrs.METH_GET, hdrs.METH_POST):
            return wrong
        if request.method == hdrs.METH_GET:
            return await self._list(request)
        return await self._begun(request, _wanted(body, setting, who))

    async def _of_number(self, request: web.Request, body: Json, number: str, who: Caller) -> web.StreamResponse:
        if wrong := only(request, hdrs.METH_GET, hdrs.METH_PUT):
            return wrong
        if not re.fullmatch(r"[0-9]{1,9}", number):
            raise RunnerError(404, "not_found", f"There is no deployment {number}")
        if request.method == hdrs.METH_GET:
            return await self._one(request, int(number))
        if body.get("deployment") != {"action": "rollback"}:
            raise RefusedError('The one thing to do with a deployment is {"deployment": {"action": "rollback"}}')
        return await self._begun(request, {"op": "roll_back", "id": int(number), "requested_by": who.name})

    async def _setting(self) -> Json:
        return dict((await self._ask({"op": "setting"}))["setting"])

    async def _list(self, request: web.Request) -> web.Response:
        found = (await self._ask({"op": "list"}))["deployments"]
        limit, offset = (_number(request, name, default) for name, default in (("_limit", PAGE), ("_offset", 0)))
        page = found[offset : offset + limit]
        metadata = {"count": len(found), "results": len(page), "next": offset + limit < len(found)}
        return web.json_response({"deployments": page, "metadata": metadata})

    async def _begun(self, request: web.Request, asked: Json) -> web.Response:
        record = (await self._ask(asked))["deployment"]
        return await self._one(request, record["id"], status=202)

    async def _one(self, request: web.Request, number: int, status: int = 200) -> web.Response:
        seconds = _patience(request)
        record = (await self._ask({"op": "get", "id": number, "wait": seconds}))["deployment"]
        if record["status"] in _UNFINISHED:
            return web.json_response({"deployment": record}, status=202 if seconds else status)
        # Who waited for it is told by the status, too; who only looks gets what there is to see.
        if record["status"] == "failed" and (seconds or request.method != hdrs.METH_GET):
            error = record["error"]
            return web.json_response({"error": error, "deployment": record}, status=error["code"])
        return web.json_response({"deployment": record})

    async def _ask(self, asked: Json) -> Json:
        if self._deployer is None:
            raise RunnerError(404, "not_found", _NO_SETTING)
        found = await self._deployer.ask(asked)
        if told := found.get("error"):
            raise RunnerError(told["code"], told["type"], told["message"])
        return found


def _wanted(body: Json, setting: Json, who: Caller) -> Json:
    """What the deployer is asked for. Raises `RefusedError`."""
    given = body.get("deployment")
    if not isinstance(given, dict):
        raise RefusedError('The body has no "deployment"; send {"deployment": {"source": {"head": {"name": BRANCH}}}}')
    _check("deployment", given, {"source": _SOURCE, "stage": _STAGE})
    source, stage = given.get("source") or {}, given.get("stage") or {}
    branch = (stage.get("branch") or {}).get("name") or setting["branch"]
    if branch != setting["branch"]:
        raise RefusedError(
            f"stage.branch.name is {branch}, and this cluster is deployed from {setting['branch']}; see spec.git"
        )
    head = (source.get("head") or {}).get("name") or setting["branch"]
    made = {
        "source": {"head": {"name": head}, "name": source.get("name"), "version": source.get("version")},
        "stage": {"branch": {"name": branch}, "environment": stage.get("environment") or "production"},
        "requested_by": who.name,
    }
    directory = stage.get("target_directory")
    return {
        "op": "deploy",
        "deployment": made,
        "directory": (setting["directory"] if directory is None else directory).strip("/"),
    }


def _check(name: str, given: Any, shape: Json) -> None:
    for key, value in given.items():
        wanted = shape.get(key)
        if wanted is None:
            raise RefusedError(f"{name} has an unknown key {key!r}; there are {', '.join(shape)}")
        if value is None:
            continue
        if isinstance(wanted, dict):
            if not isinstance(value, dict):
                raise RefusedError(f"{name}.{key} is to be an object with {', '.join(wanted)}")
            _check(f"{name}.{key}", value, wanted)
        elif not isinstance(value, wanted):
            raise RefusedError(f"{name}.{key} is to be a text")


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise RefusedError(f"{name} is {text!r}; it is to be a number")
    return int(text)


def _patience(request: web.Request) -> int:
    """Seconds of `Prefer: wait=N` (RFC 7240), 0 for none."""
    found = re.search(r"(?:^|[,;\s])wait=([0-9]{1,9})", request.headers.get("Prefer", ""))
    return min(int(found[1]), MOST_SECONDS) if found else 0
