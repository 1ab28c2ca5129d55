"""The application: the routes of all tables, and an answer in our shape for what none of them takes."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from magecluster.cloud.errors import MethodNotAllowedError, NotFoundError
from magecluster.cloud.web import (
    clusters,
    documentation,
    health,
    invitations,
    members,
    oidc,
    sessions,
    stream,
    teams,
    tokens,
    workspaces,
    writes,
)
from magecluster.cloud.web.body import MOST_BYTES
from magecluster.cloud.web.call import answer
from magecluster.cloud.web.door import entrance
from magecluster.cloud.web.route import Route
from magecluster.cloud.web.services import Services

_ROUTES: tuple[Route, ...] = (
    *clusters.ROUTES,  # first: the router looks in this order
    *writes.ROUTES,
    *stream.ROUTES,
    *sessions.ROUTES,
    *oidc.ROUTES,
    *teams.ROUTES,
    *members.ROUTES,
    *invitations.ROUTES,
    *tokens.ROUTES,
    *health.ROUTES,
)
ROUTES = (*_ROUTES, *documentation.routes(_ROUTES))


EVERYTHING = (*ROUTES, *workspaces.ROUTES)
"""With what is between us and our gateways, and in no document."""


def create_app(services: Services, routes: tuple[Route, ...] = EVERYTHING) -> web.Application:
    """Every route behind the one door; no middleware, which every request would pay for."""
    app = web.Application(client_max_size=MOST_BYTES)
    methods: dict[str, list[str]] = {}
    for route in routes:
        app.router.add_route(route.method, route.path, entrance(services, route))
        methods.setdefault(route.path, []).append(route.method)
    for path, offered in methods.items():
        app.router.add_route("*", path, _other_method(", ".join(sorted(offered))))
    app.router.add_route("*", "/{path:.*}", _nothing_here)
    return app


def _other_method(allowed: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def refuse(request: web.Request) -> web.Response:
        error = MethodNotAllowedError(f"{request.method} is not offered here: use {allowed}")
        return answer(error.body(), error.status, {"Allow": allowed})

    return refuse


async def _nothing_here(_: web.Request) -> web.Response:
    error = NotFoundError("there is nothing at this path: /api/v1/openapi.json tells what there is")
    return answer(error.body(), error.status)
