"""The application: the routes of all tables, and an answer in our shape for what none of them takes."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from magecluster.cloud.errors import CloudError, MethodNotAllowedError, NotFoundError
from magecluster.cloud.web import (
    clusters,
    documentation,
    health,
    invitations,
    members,
    sessions,
    stream,
    teams,
    tokens,
    writes,
)
from magecluster.cloud.web.body import MOST_BYTES
from magecluster.cloud.web.call import answer
from magecluster.cloud.web.door import entrance
from magecluster.cloud.web.route import Route
from magecluster.cloud.web.services import Services

ROUTES: tuple[Route, ...] = (
    *clusters.ROUTES,  # first: the router looks in this order
    *writes.ROUTES,
    *stream.ROUTES,
    *sessions.ROUTES,
    *teams.ROUTES,
    *members.ROUTES,
    *invitations.ROUTES,
    *tokens.ROUTES,
    *documentation.ROUTES,
    *health.ROUTES,
)


def create_app(services: Services, routes: tuple[Route, ...] = ROUTES) -> web.Application:
    """Every route behind the one door."""
    app = web.Application(middlewares=[_told], client_max_size=MOST_BYTES)
    for route in routes:
        app.router.add_route(route.method, route.path, entrance(services, route))
    return app


@web.middleware
async def _told(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The one shape for requests that no route takes."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refused:
        allowed = ", ".join(sorted(refused.allowed_methods))
        error: CloudError = MethodNotAllowedError(f"{request.method} is not offered here: use {allowed}")
        return answer(error.body(), error.status, {"Allow": allowed})
    except web.HTTPNotFound:
        error = NotFoundError("there is nothing at this path: /api/v1/openapi.json tells what there is")
        return answer(error.body(), error.status)
