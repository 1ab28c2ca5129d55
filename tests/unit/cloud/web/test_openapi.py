import json
import operator
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from typing_extensions import override

from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.web import documentation_page
from magecluster.cloud.web.app import ROUTES
from magecluster.cloud.web.examples import EXAMPLES
from magecluster.cloud.web.openapi import SCHEMES, document
from magecluster.cloud.web.openapi_answers import every_error
from magecluster.cloud.web.route import Route

DOCUMENT = document(ROUTES)
NAMED = operator.attrgetter("name")
CONFIG = DOCUMENT["components"]["schemas"]["ConfigChange"]


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def answers(route: Route) -> dict[str, dict[str, Any]]:
    """With what is referred to in its place."""
    shared = DOCUMENT["components"]["responses"]
    told = operation(route)["responses"]
    return {
        status: shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for status, answer in told.items()
    }


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(below)


def judge(schema: str, value: object) -> list[str]:
    """What a component has against a value."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    return [error.message for error in OAS31Validator(whole).iter_errors(value)]


def test_it_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    validate(DOCUMENT)


def test_it_has_every_route_and_nothing_else() -> None:
    told = {
        (method.upper(), path): found["operationId"]
        for path, methods in DOCUMENT["paths"].items()
        for method, found in methods.items()
    }
    assert told == {(route.method, route.path): route.name for route in ROUTES}
    assert len(set(told.values())) == len(told)


def test_it_is_the_same_every_time_and_in_every_process() -> None:
    code = (
        "import sys; from magecluster.cloud.web.app import ROUTES; from magecluster.cloud.web.openapi import document;"
        "import json; sys.stdout.write(json.dumps(document(ROUTES)))"
    )
    paths = {"PYTHONPATH": ":".join(sys.path)}
    seeds = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**paths, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert seeds == [json.dumps(DOCUMENT)] * 2


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    refs = {node["$ref"] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)}
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses", "headers")
        for name in DOCUMENT["components"][kind]
    }
    assert refs == there


def test_permissions_are_those_that_exist() -> None:
    told = {name for route in ROUTES for name in operation(route).get("x-permissions", ())}
    assert told <= set(Permission)
    for route in ROUTES:
        needed = sorted(route.access) if isinstance(route.access, frozenset) else None
        assert operation(route).get("x-permissions") == needed


def test_who_may_is_said_by_role() -> None:
    said = {route.name: operation(route)["description"] for route in ROUTES}
    assert said["deleteCluster"] == "For members of the team with `clusters:delete`: Admin."
    assert said["restartCluster"].endswith(": Admin, Editor.")
    assert said["createSession"] == "For everybody with an accepted `X-API-KEY`."


def test_logins_are_told_where_they_are_asked_for() -> None:
    asked = {route.name: [*map(tuple, operation(route)["security"])] for route in ROUTES}
    logins = [(name,) for name in SCHEMES if name != "api_key"]
    assert asked["createSession"] == [("api_key",)]
    assert asked["getCluster"] == logins
    assert asked["acceptInvitation"] == [(), *logins]
    assert asked["healthz"] == []


@pytest.mark.parametrize("route", ROUTES, ids=NAMED)
def test_an_operation_says_what_its_route_says(route: Route) -> None:
    told = operation(route)
    assert told["summary"]
    assert told["description"]
    assert all(parameter["description"] for parameter in told.get("parameters", ()))
    named = {parameter["name"] for parameter in told.get("parameters", ())} | {"X-API-KEY"}
    assert {parameter.name for parameter in route.parameters} <= named
    assert ("requestBody" in told) == (route.takes is not None)
    assert {str(status) for status in (route.success, *route.also)} <= set(answers(route))
    for status, answer in answers(route).items():
        assert answer["description"]
        if status >= "400" and "text/plain" not in answer["content"]:
            assert answer["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}


def test_refusals_are_told_where_they_can_occur_and_nowhere_else() -> None:
    told = {route.name: {int(status) for status in answers(route) if status >= "400"} for route in ROUTES}
    body = {400, 408, 413, 415, 422}
    assert told["getUser"] == {401, 429, 500, 503}
    assert told["getCluster"] == {401, 403, 404, 409, 429, 500, 503}
    assert told["putCluster"] == {401, 403, 404, 409, 412, 429, 500, 503} | body
    assert told["createSession"] == {401, 403, 409, 429, 500, 503} | body
    assert told["getInvitation"] == {404, 410, 429, 500, 503}
    assert told["healthz"] == {500}


def test_what_can_be_answered_by_304_takes_an_etag() -> None:
    taking = {
        route.name
        for route in ROUTES
        if "If-None-Match" in {parameter["name"] for parameter in operation(route).get("parameters", ())}
    }
    assert taking == {route.name for route in ROUTES if 304 in route.also} == {"getCluster"}


def test_headers_are_told_where_they_are_sent() -> None:
    told = {
        (route.name, status): set(answer["headers"])
        for route in ROUTES
        for status, answer in answers(route).items()
        if "headers" in answer
    }
    assert told["getCluster", "200"] == {"ETag", "Age"}
    assert told["putCluster", "202"] == {"ETag", "Preference-Applied"}
    assert told["createCluster", "201"] == {"ETag", "Location", "Preference-Applied"}
    assert told["createTeam", "201"] == {"Location"}
    assert told["getUser", "429"] == told["getUser", "503"] == {"Retry-After"}
    assert told["getUser", "401"] == {"WWW-Authenticate"}
    assert told["finishOidcLogin", "429"] == {"Retry-After"}
    assert ("createToken", "201") not in told
    assert ("readyz", "503") not in told


@pytest.mark.parametrize("route", [route for route in ROUTES if route.takes], ids=NAMED)
def test_every_body_has_an_example_that_is_accepted(route: Route) -> None:
    assert route.takes
    example = EXAMPLES[route.takes]
    route.takes.model_validate(example)
    assert judge(route.takes.__name__, example) == []
    contents = operation(route)["requestBody"]["content"]
    assert [content["example"] for content in contents.values()] == [example] * len(contents)


@pytest.mark.parametrize(
    "config",
    [
        {"replicaCount": None, "image": None, "extraEnvs": None, "affinity": None},
        {
            "image": {"tag": None},
            "nodeSelector": {"disk": None},
            "resources": {"limits": {"cpu": None, "memory": "1Gi"}},
        },
        {"affinity": {"nodeAffinity": None}, "ingress": {"hosts": None, "enabled": None}},
        {"database": {"secretKeyRef": {"key": "dsn"}}, "revision": "r"},
        {"extraEnvs": [{"name": "TOKEN", "value": "x", "secret": True}]},
    ],
)
def test_a_config_is_sent_as_a_merge_patch(config: object) -> None:
    assert judge("ConfigChange", config) == []


@pytest.mark.parametrize(
    "config",
    [
        {"status": "Active"},
        {"replicas": 1},
        {"image": {"tags": "1"}},
        {"extraEnvs": [{"value": "x"}]},
        {"extraEnvs": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a"}}}]},
        {"tolerations": [{"key": None}]},
    ],
)
def test_what_is_no_config_is_known_before_it_is_sent(config: object) -> None:
    assert judge("ConfigChange", config) != []


def test_an_absent_key_has_no_default_and_rules_are_told() -> None:
    assert not [node for node in nodes(CONFIG) if "default" in node and "properties" not in node]
    assert any("ingress.hosts" in rule for rule in CONFIG["properties"]["ingress"]["x-rules"])
    assert not [key for node in nodes(DOCUMENT) for key in node if key.startswith("x-kubernetes")]


class Page(HTMLParser):
    """What the page refers to, and whether its tags fit together."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        if tag not in ("input", "wbr"):
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_tells_every_operation_and_type() -> None:
    page = Page(documentation_page.body(DOCUMENT))
    assert not page.open
    assert len(page.ids) == len(set(page.ids))
    assert {route.name for route in ROUTES} <= set(page.ids)
    assert {f"type-{name}" for name in DOCUMENT["components"]["schemas"]} <= set(page.ids)
    assert {link for link in page.links if link != "openapi.json"} <= {f"#{name}" for name in page.ids}


def test_the_page_runs_nothing() -> None:
    page = Page(documentation_page.body(DOCUMENT))
    assert not page.tags & {"script", "style", "link", "img", "iframe", "form", "object"}
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]


def test_what_stands_in_the_document_is_text_on_the_page() -> None:
    hostile = json.loads(json.dumps(DOCUMENT).replace("Read a cluster", "<script>`<img>`"))
    assert "<script" not in documentation_page.body(hostile)
    assert "<img" not in documentation_page.body(hostile)


def test_the_page_tells_every_error() -> None:
    html = documentation_page.body(DOCUMENT)
    assert {"not_found", "held_by_gitops", "contradiction"} <= {kind.type for kind in every_error()}
    for kind in every_error():
        assert f"<code>{kind.type}</code>" in html


def test_a_command_can_be_copied() -> None:
    html = documentation_page.body(DOCUMENT)
    assert "curl -X DELETE &quot;$URL/api/v1/teams/data/clusters/lab&quot; \\\n  -H &quot;Authorization" in html
