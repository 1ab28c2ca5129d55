"""OpenAPI 3.1, made from the table of routes and the wire types alone: pure."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema
from typing_extensions import override

from magecluster import __version__
from magecluster.api.magecluster import NAME_LENGTH
from magecluster.api.mageteam import TEAM_NAME, Role
from magecluster.cloud.access.permissions import ROLE_PERMISSIONS, Permission
from magecluster.cloud.web.body import MEDIA
from magecluster.cloud.web.examples import EXAMPLES
from magecluster.cloud.web.openapi_answers import HEADERS, answers, shared_answers
from magecluster.cloud.web.route import Access, Parameter, Route
from magecluster.cloud.web.wire.base import Failure, Wire
from magecluster.cloud.web.wire.clusters import NAME

Json = dict[str, Any]

_NAME = {"type": "string", "pattern": NAME, "maxLength": NAME_LENGTH}
_TEAM = {"type": "string", "pattern": TEAM_NAME, "maxLength": 63}
_TEXT = {"type": "string"}
PLACES: dict[str, tuple[str, str, Json]] = {
    "teams/{team}": ("Id of the team", "data", _TEAM),
    "clusters/{cluster}": ("Name of the cluster", "lab", _NAME),
    "members/{email}": ("E-mail of the member", "ed@example.com", {**_TEXT, "minLength": 3, "maxLength": 254}),
    "invitations/{invitation}": ("Id of the invitation", "5f0c2a9e7b31", _TEXT),
    "invitations/{token}": ("What the link of the invitation ends with", "mci_data_Zk3vQ0…", _TEXT),
    "tokens/{token}": ("Id of the service token; not the token itself", "8d1e6b20c4fa", _TEXT),
}
"""Places in paths, each with a description, an example and its schema."""
_IF_NONE_MATCH = Parameter("If-None-Match", "header", "`ETag` of the version that is there already", {"type": "string"})

API_KEY = "X-API-KEY"
_LOGINS = ("bearer", "oauth_token_header", "oauth_token_cookie")
SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "Token of a session (`mcs_…`) or a service token (`mct_…`)",
    },
    "oauth_token_header": {
        "type": "apiKey",
        "in": "header",
        "name": "OAUTH-TOKEN",
        "description": "The same token, as Mage's own API takes it",
    },
    "oauth_token_cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "oauth_token",
        "description": "The same token; writes have to come from the same site",
    },
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": API_KEY,
        "description": "The key of the installation, at login only: the one that Mage's document publishes by default",
    },
}
TAGS = {
    "clusters": "Read, change, start, stop, restart, make and delete Mage clusters",
    "sessions": "Log in and out, and one's own account",
    "teams": "Which namespace a team works in, and how much it may use",
    "members": "Who belongs to a team, and invitations by a one-time link",
    "tokens": "Service tokens: for programs that work in one team in the name of an account",
    "health": "For Kubernetes and Prometheus",
    "documentation": "The API described by itself",
}
_ABOUT = """\
Start, stop, restart, configure, make and delete Mage clusters, in teams.

Log in by `POST /api/v1/sessions`, and send the token of the answer as `Authorization: Bearer`, as header \
`OAUTH-TOKEN`, or as cookie `oauth_token`. Every error has the shape of `Failure`; its message says what to do. \
Clients must accept fields of answers that they do not know."""


class _Schemas(GenerateJsonSchema):
    """Without what says nothing: titles made from names, and null as the default of what may be absent."""

    @override
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        out = super().default_schema(schema)
        if out.get("default", "") is None:
            del out["default"]
        return out


def document(routes: Sequence[Route], *, url: str = "/") -> Json:
    """The whole document, the same for the same routes; `url` is where the server is reached."""
    types = sorted(
        {type_ for route in routes for type_ in (route.takes, route.gives) if type_} | {Failure},
        key=lambda type_: type_.__name__,
    )
    _, schemas = models_json_schema(
        [(type_, "validation") for type_ in types],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, routes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mage Cloud API",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": tag, "description": TAGS[tag]} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas["$defs"].items())),
            "responses": shared_answers(routes),
            "headers": HEADERS,
            "securitySchemes": SCHEMES,
        },
    }


def _operation(route: Route, routes: Sequence[Route]) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"{who(route)}.",
        "tags": [route.tag],
        "security": _security(route),
    }
    if isinstance(route.access, frozenset):
        operation["x-permissions"] = sorted(route.access)
        operation["x-roles"] = roles(route.access)
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.takes:
        operation["requestBody"] = _body(route, route.takes)
    return {**operation, "responses": answers(route, routes)}


def who(route: Route) -> str:
    """Who may use it, in words."""
    match route.access:
        case frozenset() as permissions:
            needed = " or ".join(f"`{name}`" for name in Permission if name in permissions)
            return f"For members of the team with {needed}: {', '.join(roles(permissions))}"
        case Access.PUBLIC if _has_api_key(route):
            return f"For everybody with an accepted `{API_KEY}`"
        case access:
            return f"For {access.value}"


def roles(permissions: frozenset[Permission]) -> list[str]:
    """Roles that have one of these permissions, the strongest first."""
    strongest = sorted(Role, key=lambda role: -len(ROLE_PERMISSIONS[role]))
    return [role.value for role in strongest if permissions & ROLE_PERMISSIONS[role]]


def _has_api_key(route: Route) -> bool:
    return any(parameter.name == API_KEY for parameter in route.parameters)


def _security(route: Route) -> list[Json]:
    if _has_api_key(route):
        return [{"api_key": []}]
    logins: list[Json] = [{name: []} for name in _LOGINS]
    if route.access is not Access.PUBLIC:
        return logins
    # A write that is open to everybody may be done by somebody who is logged in, too.
    return [{}, *logins] if route.writes else []


def _parameters(route: Route) -> list[Json]:
    read = [parameter for parameter in route.parameters if parameter.name != API_KEY]
    if 304 in route.also:  # noqa: PLR2004  Not Modified is the answer to If-None-Match
        read.append(_IF_NONE_MATCH)
    return [
        *(_place(place) for place in re.findall(r"[^/]+/{\w+}", route.path)),
        *({"name": name, "in": where, "description": text, "schema": schema} for name, where, text, schema in read),
    ]


def _place(place: str) -> Json:
    text, example, schema = PLACES[place]
    name = place.partition("{")[2].rstrip("}")
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema, "example": example}


def _body(route: Route, takes: type[Wire]) -> Json:
    content = {"schema": {"$ref": f"#/components/schemas/{takes.__name__}"}, "example": EXAMPLES[takes]}
    media = MEDIA if route.method == "PATCH" else MEDIA[:1]
    return {"required": not route.optional, "content": dict.fromkeys(media, content)}
