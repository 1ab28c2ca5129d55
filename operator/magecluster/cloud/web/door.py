"""The one way in: every request to every route is identified, limited, judged, read, measured and audited here."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from time import perf_counter

import structlog
from aiohttp import web

from magecluster.api.mageteam import MageTeam
from magecluster.cloud.access.caller import Caller
from magecluster.cloud.access.permissions import NOTHING
from magecluster.cloud.errors import (
    CloudError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
)
from magecluster.cloud.web import body, identity
from magecluster.cloud.web.call import SERVER, Call, answer
from magecluster.cloud.web.kubernetes import refusal_of
from magecluster.cloud.web.record import record
from magecluster.cloud.web.route import Access, Route
from magecluster.cloud.web.services import Services
from magecluster.kube.errors import KubeError

RETRY_SECONDS = 5
CANCELLED = 499
"""Outcome of a request that was given up before it had an answer, as nginx writes it down; nobody is sent it."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = structlog.stdlib.get_logger(__name__)


def entrance(services: Services, route: Route) -> Handler:
    """What aiohttp calls for a route."""

    async def enter(request: web.Request) -> web.StreamResponse:
        began = perf_counter()
        call = Call(request, services, route, identity.address_of(request, services.settings.trusted_proxies))
        try:
            await admit(call)
            response = await route.handler(call)
        except (CloudError, KubeError) as error:
            response = refused(call, error)
        except Exception:
            reference = secrets.token_hex(8)
            logger.exception("Could not answer %s (%s)", route.name, reference)
            response = failed(call, reference)
        except asyncio.CancelledError:
            # The server ends, and this took too long. What was written until now has to be told.
            call.audit["error"] = "cancelled"
            _told(call, CANCELLED, began)
            raise
        if not response.prepared:
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("Server", SERVER)
        _told(call, response.status, began)
        return response

    return enter


def _told(call: Call, status: int, began: float) -> None:
    """Measured and, if it writes, audited."""
    call.services.metrics.request(call.route.name, status, perf_counter() - began)
    if call.route.audited:
        record(call, status)


async def admit(call: Call) -> None:
    """Find out who it is and whether he may. Raises `CloudError`."""
    route, services, request = call.route, call.services, call.request
    if route.access is Access.CLUSTER:
        call.age = fresh_age(services)
        await _let_gateway_in(call)
    elif route.access is not Access.PUBLIC:
        call.age = fresh_age(services)
        shown = identity.token_of(request)
        if shown is None:
            raise UnauthenticatedError("log in first: POST /api/v1/sessions, then send its token")
        call.caller = await services.sessions.identify(shown.token, call.address)
        _limit(services, call.caller.id)
        if shown.by_cookie and route.writes:
            identity.check_same_site(request, services.settings)
        _judge(call, call.caller)
    for parameter in route.parameters:
        if parameter.schema.get("type") == "boolean":
            call.flag(parameter.name)  # a wrong one is refused also where nothing depends on it
    if route.takes is not None and (request.body_exists or not route.optional):
        call.body = await body.read(request, route.takes, services.settings.body_seconds)


def fresh_age(services: Services) -> float:
    """Seconds since the cache was known to be up to date. Raises `UnavailableError` when that is too long ago."""
    age = services.age()
    if age > services.settings.stale_seconds:
        told = "has not answered yet" if age == float("inf") else f"was heard of last {age:.0f} s ago"
        raise UnavailableError(f"Kubernetes {told}: try again", retry_after=RETRY_SECONDS)
    return age


async def _let_gateway_in(call: Call) -> None:
    """Find out which cluster a gateway speaks for. Raises `CloudError`, `KubeError`."""
    services, shown = call.services, identity.token_of(call.request)
    speaker = await services.pods.speaker(shown.token, call.address) if shown and not shown.by_cookie else None
    if speaker is None:
        raise UnauthenticatedError("this is for gateways of clusters, which show the token of their pod")
    _limit(services, f"{speaker.namespace}/{speaker.name}")
    call.audit |= {"who": f"gateway of {speaker.namespace}/{speaker.name}"}
    call.cluster = services.clusters.find(speaker.namespace, speaker.name)
    call.team = services.teams.owning(speaker.namespace)
    if call.cluster is None:
        raise ForbiddenError(
            f"there is no cluster {speaker.name} in namespace {speaker.namespace}, or none served here"
        )
    if call.team is None:
        raise ForbiddenError(
            f"the namespace {speaker.namespace} belongs to no team: an administrator makes a MageTeam for it, "
            "whose limits then count for workspaces"
        )
    call.audit |= {"team": call.team.metadata.name}


def _limit(services: Services, caller: str) -> None:
    if services.settings.requests_per_second <= 0:
        return
    if wait := services.rates.take(caller, services.clock()):
        raise TooManyRequestsError("too many requests with this token: slow down", retry_after=wait)


def _judge(call: Call, caller: Caller) -> None:
    access = call.route.access
    if isinstance(access, frozenset):
        name = call.path("team")
        team = call.team = _usable(call, caller, name)
        rights = call.rights = caller.rights(team) if team else NOTHING
        if team is None or (not rights and caller.role(team) is None):
            raise NotFoundError(f"there is no team {name}, or you do not belong to it")
        if access.isdisjoint(rights):
            needed = " or ".join(sorted(access))
            raise ForbiddenError(f"this needs {needed}, which your role or your token does not have")
        if call.route.of_clusters:
            call.require_served(name, team.spec.namespace)
    elif access in (Access.SESSION, Access.PLATFORM) and caller.session is None:
        raise ForbiddenError("a service token cannot do this: log in with e-mail and password")
    elif access is Access.PLATFORM and not caller.platform_admin:
        raise ForbiddenError("only administrators of this installation may do this")


def _usable(call: Call, caller: Caller, name: str) -> MageTeam | None:
    """That a team exists and cannot be used is told to those who can mend it. Raises `ConflictError`."""
    try:
        return call.services.teams.find(name)
    except ConflictError:
        if caller.platform_admin:
            raise
        return None


def refused(call: Call, error: CloudError | KubeError) -> web.Response:
    """The answer to what was refused, by us or by Kubernetes."""
    refusal = error if isinstance(error, CloudError) else refusal_of(error)
    call.audit["error"] = refusal.type
    return answer(refusal.body(), refusal.status, refusal.headers)


def failed(call: Call, reference: str) -> web.Response:
    """The answer when this program has a fault; the traceback is in the log, under the reference."""
    message = f"the Cloud API failed; its log tells more under {reference}"
    call.audit["error"] = "internal_error"
    return answer({"error": {"code": 500, "type": "internal_error", "message": message}}, 500)
