"""OpenAPI 3.1, made from the table of routes and the wire types: pure."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic.json_schema import models_json_schema

from magecluster import __version__
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.web.body import MEDIA
from magecluster.cloud.web.route import Access, Route
from magecluster.cloud.web.wire.base import Failure, Wire

Json = dict[str, Any]

COMPONENTS = "#/components/schemas/{model}"
PLACES = {
    "team": "Id of the team",
    "cluster": "Name of the cluster",
    "email": "E-mail of the member",
    "invitation": "Id of the invitation",
    "token": "Id of the service token, or the token in the link of an invitation",
}
_SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Token of a session or a service token"},
    "oauthToken": {"type": "apiKey", "in": "header", "name": "OAUTH-TOKEN"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "oauth_token"},
}
_HEADERS: Json = {
    "ETag": "Version of config and state; for `If-Match` only the config counts",
    "Age": "Seconds since the cache was known to be up to date",
    "Location": "Where the new thing is",
    "Retry-After": "Seconds after which the same request may succeed",
    "Preference-Applied": "The wait that was applied",
}


def document(routes: Iterable[Route], *, url: str = "/") -> Json:
    """The whole document; the same for the same routes."""
    table = list(routes)
    models = {model for route in table for model in (route.takes, route.gives) if model} | {Failure}
    ordered: list[tuple[type[Wire], Any]] = [
        (model, "serialization" if _is_answer(model, table) else "validation")
        for model in sorted(models, key=lambda model: model.__name__)
    ]
    names, schemas = models_json_schema(ordered, ref_template=COMPONENTS)
    refs = {model: names[model, mode]["$ref"] for model, mode in ordered}
    paths: dict[str, Json] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mage Cloud API of magecluster", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in table)],
        "paths": paths,
        "components": {"schemas": schemas.get("$defs", {}), "securitySchemes": _SCHEMES},
    }


def _is_answer(model: type[Wire], routes: list[Route]) -> bool:
    return model is Failure or any(route.gives is model for route in routes)


def _operation(route: Route, refs: Mapping[Any, str]) -> Json:
    places = [
        {"name": name, "in": "path", "required": True, "description": PLACES[name], "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    others = [
        {"name": p.name, "in": p.where, "description": p.text, "schema": dict(p.schema)} for p in route.parameters
    ]
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "description": f"For {who(route)}.",
        "parameters": [*places, *others],
        "responses": _responses(route, refs),
        "security": [] if route.access is Access.PUBLIC else [{name: []} for name in _SCHEMES],
    }
    if isinstance(route.access, frozenset):
        operation["x-permissions"] = sorted(route.access)
    if route.takes:
        media = MEDIA if route.method == "PATCH" else MEDIA[:1]
        content = {name: {"schema": {"$ref": refs[route.takes]}} for name in media}
        operation["requestBody"] = {"required": not route.optional, "content": content}
    return operation


def who(route: Route) -> str:
    """Who may use it, in words."""
    if isinstance(route.access, frozenset):
        return "members of the team with " + " or ".join(f"`{name}`" for name in Permission if name in route.access)
    return route.access.value


def _responses(route: Route, refs: Mapping[Any, str]) -> Json:
    found = {route.success: "Success" if route.success != HTTPStatus.NOT_IMPLEMENTED else "Who offers it"}
    found |= {status: text for status, text in _general(route).items() if status not in found}
    found |= route.also
    return {str(status): _response(route, status, text, refs) for status, text in sorted(found.items())}


def _response(route: Route, status: int, text: str, refs: Mapping[Any, str]) -> Json:
    response: Json = {"description": text}
    if headers := _headers(route, status):
        response["headers"] = {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in headers}
    if status >= HTTPStatus.BAD_REQUEST:
        response["content"] = {"application/json": {"schema": {"$ref": refs[Failure]}}}
        if route.media == "text/plain":
            response["content"] = {route.media: {"schema": {"type": "string"}}}
    elif status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED, HTTPStatus.FOUND):
        schema: Json = {"type": "string"}
        if route.media == "application/json":
            schema = {"$ref": refs[route.gives]} if route.gives else {"type": "object"}
        response["content"] = {route.media: {"schema": schema}}
        if route.gives and route.media != "application/json":
            # What a stream carries, which OpenAPI 3.1 has no word for.
            response["content"][route.media]["x-data"] = {"$ref": refs[route.gives]}
    return response


def _headers(route: Route, status: int) -> list[str]:
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return ["Retry-After"] if route.media != "text/plain" else []
        case HTTPStatus.CREATED:
            return ["Location"] if route.tag in ("clusters", "teams") else []
        case HTTPStatus.OK if route.name == "getCluster":
            return ["ETag", "Age"]
        case HTTPStatus.ACCEPTED:
            return ["Preference-Applied"]
        case _:
            return []


def _general(route: Route) -> dict[int, str]:
    """Refusals that many routes share."""
    if route.media == "text/plain":
        return {}
    found = {400: "The request cannot be read", 429: "Too many requests", 500: "A fault of the server"}
    if route.access is not Access.PUBLIC:
        found |= {401: "Nobody is logged in", 403: "Not allowed"}
    if "{" in route.path:
        found |= {404: "There is no such thing, or not for this account"}
    if route.takes:
        found |= {
            408: "The request did not arrive in time",
            413: "The request is larger than 1 MiB",
            415: "The body is of another type",
            422: "Fields are missing, not known or wrong; all of them are named",
        }
    if route.writes:
        found |= {409: "Something else stands against it; the message says what"}
    if route.name == "createSession":
        found |= {401: "E-mail and password do not belong together, or `X-API-KEY` is not accepted", 403: "Not allowed"}
    return found | {503: "Kubernetes does not answer, or the cache is too old"}
