"""The answers of a route in OpenAPI: its success, what its entry tells, and what every route like it can refuse."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from magecluster.cloud import errors
from magecluster.cloud.errors import CloudError
from magecluster.cloud.web.route import IDEMPOTENCY_KEY, PREFER, Access, Route
from magecluster.cloud.web.wire.base import Failure
from magecluster.cloud.web.wire.clusters import ClusterAnswer, ClusterList

Json = dict[str, Any]

_SECONDS = {"type": "integer", "minimum": 0}
HEADERS: Json = {
    "ETag": {
        "description": "The version of the cluster, for `If-None-Match` and `If-Match`",
        "schema": {"type": "string"},
    },
    "Age": {"description": "Seconds since the cache was known to be up to date", "schema": _SECONDS},
    "Location": {"description": "Where to go", "schema": {"type": "string", "format": "uri-reference"}},
    "Retry-After": {"description": "Seconds after which the same request may succeed", "schema": _SECONDS},
    "WWW-Authenticate": {"description": "How to send the token", "schema": {"type": "string"}},
    "Preference-Applied": {"description": "`wait=N` if it was asked for", "schema": {"type": "string"}},
}
_REFUSED_WITH: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
    HTTPStatus.TOO_MANY_REQUESTS: "Retry-After",
    HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After",
}
_FAULT = "The server has a fault; the message has a reference into its log"


def answers(route: Route, routes: Sequence[Route]) -> dict[str, Json]:
    """All of them, by status; `routes` tells which things can be read again."""
    told = {int(route.success): _success(route), **route.also}
    shared = {status: {"$ref": f"#/components/responses/{_named(status)[0]}"} for status in refusals(route)}
    own = {status: _answer(route, status, text, routes) for status, text in told.items()}
    return {str(status): answer for status, answer in sorted({**shared, **own}.items())}


def shared_answers(routes: Sequence[Route]) -> dict[str, Json]:
    """Refusals that mean the same everywhere."""
    used = {status for route in routes for status in refusals(route) if status not in {route.success, *route.also}}
    found: dict[str, Json] = {}
    for status in sorted(used):
        name, text = _named(status)
        headers = {"headers": _refs([_REFUSED_WITH[status]])} if status in _REFUSED_WITH else {}
        found[name] = {"description": text, **headers, "content": _failure()}
    return found


def refusals(route: Route) -> list[int]:
    """Statuses that the door, Kubernetes or a fault can give a route, whatever it does."""
    public, body, place = route.access is Access.PUBLIC, route.takes is not None, "{" in route.path
    keyed = IDEMPOTENCY_KEY in route.parameters
    # Whoever is logged in may also do what is open to everybody, and then has to be let in.
    login = not public or route.writes
    could: dict[int, bool] = {
        HTTPStatus.BAD_REQUEST: body or keyed or any(where == "query" for _, where, _, _ in route.parameters),
        HTTPStatus.UNAUTHORIZED: login,
        HTTPStatus.FORBIDDEN: login and route.access is not Access.LOGIN,
        HTTPStatus.NOT_FOUND: place,
        HTTPStatus.REQUEST_TIMEOUT: body,
        # A team that cannot be used, or whose namespace is not served; writes can come too late again and again.
        HTTPStatus.CONFLICT: route.of_team or route.writes,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: body,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: body,
        HTTPStatus.UNPROCESSABLE_ENTITY: body or keyed or "{email}" in route.path,
        HTTPStatus.TOO_MANY_REQUESTS: login or place,
        HTTPStatus.INTERNAL_SERVER_ERROR: True,
        HTTPStatus.SERVICE_UNAVAILABLE: login or place,
    }
    return [int(status) for status, can in could.items() if can]


def every_error() -> list[type[CloudError]]:
    """One for each type of error, in the order in which they are written down."""
    found = {kind.type: kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "type")}
    return list(found.values())


def summary(kind: type) -> str:
    """What a type is, up to where it begins to explain."""
    return (kind.__doc__ or "").partition("\n")[0].partition(";")[0].rstrip(".")


def _named(status: int) -> tuple[str, str]:
    """Name and meaning of a refusal that many routes share."""
    for kind in every_error():
        if kind.status == status:
            return kind.__name__.removesuffix("Error"), summary(kind)
    return "Fault", _FAULT


def _success(route: Route) -> str:
    match route.success:
        case HTTPStatus.CREATED:
            return "It is made"
        case HTTPStatus.NO_CONTENT:
            return "Done; there is nothing to show"
        case HTTPStatus.FOUND:
            return "Go there"
        case HTTPStatus.NOT_IMPLEMENTED:
            return "Not offered; the message says who has it"
        case _:
            return summary(route.gives) if route.gives else "As asked for"


def _answer(route: Route, status: int, text: str, routes: Sequence[Route]) -> Json:
    headers = list(_headers(route, status, routes))
    return {
        "description": text,
        **({"headers": _refs(headers)} if headers else {}),
        **({"content": content} if (content := _content(route, status)) else {}),
    }


def _headers(route: Route, status: int, routes: Sequence[Route]) -> Iterator[str]:
    good = status < HTTPStatus.BAD_REQUEST
    if good and route.gives is ClusterAnswer and route.method != "DELETE":
        yield "ETag"
    if good and route.gives in (ClusterAnswer, ClusterList) and route.method == "GET":
        yield "Age"
    if status == HTTPStatus.FOUND or (status == HTTPStatus.CREATED and _can_be_read(route, routes)):
        yield "Location"
    if good and PREFER in route.parameters:
        yield "Preference-Applied"
    if status in _REFUSED_WITH and route.media != "text/plain":
        yield _REFUSED_WITH[status]


def _can_be_read(made: Route, routes: Sequence[Route]) -> bool:
    """Whether what was made has an address of its own."""
    return any(
        other.method == "GET" and other.gives is made.gives and other.path.rpartition("/")[0] == made.path
        for other in routes
    )


def _content(route: Route, status: int) -> Json | None:
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED, HTTPStatus.FOUND):
        return None
    if route.media == "text/plain":
        return {route.media: {"schema": {"type": "string"}}}
    if status >= HTTPStatus.BAD_REQUEST:
        return _failure()
    if route.media == "text/event-stream":
        return {route.media: {"schema": {"type": "string"}, "x-itemSchema": _event(route)}}
    schema = _ref(route.gives) if route.gives else {"type": "object" if "json" in route.media else "string"}
    return {route.media: {"schema": schema}}


def _event(route: Route) -> Json:
    """One event, as `itemSchema` of OpenAPI 3.2 tells it."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": _ref(route.gives)}
    return {"type": "object", "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": data}}


def _failure() -> Json:
    return {"application/json": {"schema": _ref(Failure)}}


def _ref(kind: type | None) -> Json:
    return {"$ref": f"#/components/schemas/{kind.__name__}"} if kind else {}


def _refs(names: Sequence[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
