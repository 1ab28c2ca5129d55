"""Workspaces: a Mage of one's own for each user, managed by the owners of this one; the Cloud API makes them.

    GET, POST         /api/workspaces
    GET, PUT, DELETE  /api/workspaces/{name}    PUT: stop, resume, patch or add_to_ingress

Bodies and answers are those of Mage's own resource, see `workspace_bodies.py`.
"""

import re

from aiohttp import hdrs, web

from magecluster.api.workspaces import WORKSPACE_NAME
from magecluster.gateway.callers import Caller, answered
from magecluster.gateway.cloud import Cloud
from magecluster.gateway.endpoints import only
from magecluster.gateway.neighbours import Neighbours
from magecluster.gateway.payload import Json, RefusedError
from magecluster.gateway.runner import Runner, RunnerError
from magecluster.gateway.workspace_bodies import TYPE, change_of, creation_of, shown

_NO_CLOUD = (
    "This Mage manages no workspaces: it is one itself, or its operator was told of no Cloud API; "
    "an administrator starts the operator with --cloud-api"
)


class Workspaces:
    """Checks who asks for what, and has the Cloud API do it."""

    def __init__(self, runner: Runner, cloud: Cloud | None, neighbours: Neighbours) -> None:
        self._runner, self._cloud, self._neighbours = runner, cloud, neighbours

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """To a request by any method but OPTIONS."""
        return await answered(self._runner, request, self._answer)

    async def _answer(self, request: web.Request, body: Json, who: Caller) -> web.StreamResponse:
        name = request.match_info.get("workspace")
        if not who.owner:
            raise RunnerError(403, "forbidden", f"{who.name} is no owner, and only owners manage workspaces")
        if self._cloud is None:
            raise RunnerError(501, "no_cloud_api", _NO_CLOUD)
        if name is None:
            return only(request, hdrs.METH_GET, hdrs.METH_POST) or await self._of_all(self._cloud, request, body, who)
        allowed = (hdrs.METH_GET, hdrs.METH_PUT, hdrs.METH_DELETE)
        return only(request, *allowed) or await self._of_one(self._cloud, request, body, name, who)

    async def _of_all(self, cloud: Cloud, request: web.Request, body: Json, who: Caller) -> web.Response:
        if request.method == hdrs.METH_GET:
            found = (await cloud.ask("GET"))["workspaces"]
            return web.json_response({"workspaces": [shown(each, request) for each in found if _asked(each, request)]})
        made = await cloud.ask("POST", body={"workspace": {**creation_of(_wanted(body)), "for": who.name}})
        self._neighbours.forget(made["workspace"]["name"])
        return web.json_response({"workspace": shown(made["workspace"], request)})

    async def _of_one(self, cloud: Cloud, request: web.Request, body: Json, name: str, who: Caller) -> web.Response:
        if not re.fullmatch(WORKSPACE_NAME, name):
            raise RunnerError(404, "not_found", f"There is no workspace {name}")
        asked = None
        if request.method == hdrs.METH_PUT:
            asked = {"workspace": {**change_of(_wanted(body)), "for": who.name}}
        if request.method == hdrs.METH_DELETE:
            found = await cloud.ask(request.method, name, query={"for": who.name})
            self._neighbours.forget(name)
        else:
            found = await cloud.ask(request.method, name, asked)
        return web.json_response({"workspace": shown(found["workspace"], request)})


def _wanted(body: Json) -> Json:
    found = body.get("workspace")
    if not isinstance(found, dict):
        raise RefusedError('The body has no "workspace"; send {"workspace": {"name": NAME}}')
    return found


def _asked(workspace: Json, request: web.Request) -> bool:
    """By the filters of Mage's list."""
    query = request.query
    namespaces = query.getall("namespace[]", []) + query.getall("namespace", [])
    type_ = query.get("cluster_type", TYPE)
    return type_ == TYPE and (not namespaces or workspace["namespace"] in namespaces)
