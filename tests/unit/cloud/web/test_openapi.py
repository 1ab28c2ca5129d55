import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.web.app import ROUTES
from magecluster.cloud.web.documentation import page
from magecluster.cloud.web.openapi import document

DOCUMENT = document(ROUTES)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(below)


def test_it_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    validate(DOCUMENT)


def test_it_has_every_route_and_nothing_else() -> None:
    told = {(method, path): operation["operationId"] for path, method, operation in operations()}
    assert told == {(route.method, route.path): route.name for route in ROUTES}
    assert len(set(told.values())) == len(told)


def test_it_is_the_same_every_time() -> None:
    assert json.dumps(document(ROUTES)) == json.dumps(DOCUMENT)


def test_every_schema_that_is_named_is_there_and_every_one_there_is_named() -> None:
    refs = {node["$ref"].rpartition("/")[2] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)}
    assert refs == set(DOCUMENT["components"]["schemas"])


def test_permissions_are_those_that_exist() -> None:
    told = {name for _, _, operation in operations() for name in operation.get("x-permissions", ())}
    assert told <= set(Permission)
    for route in ROUTES:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        assert operation.get("x-permissions") == (sorted(route.access) if isinstance(route.access, frozenset) else None)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_operation_says_what_its_route_says(route: Any) -> None:
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    assert ("requestBody" in operation) == (route.takes is not None)
    assert str(route.success) in operation["responses"]
    assert {str(status) for status in route.also} <= set(operation["responses"])
    for status, response in operation["responses"].items():
        assert response["description"]
        if status >= "400" and route.media != "text/plain":
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Failure"}


def test_a_config_can_be_reset_by_null_and_has_a_revision() -> None:
    properties = DOCUMENT["components"]["schemas"]["ConfigChange"]["properties"]
    assert "null" in properties["replicaCount"]["type"]
    assert properties["revision"]["type"] == "string"
    assert "status" not in properties
    assert "secret" in properties["extraEnvs"]["items"]["properties"]


def test_the_page_tells_every_operation_and_runs_nothing() -> None:
    html = page(DOCUMENT)
    assert "<script" not in html
    for _, _, operation in operations():
        assert f'id="{operation["operationId"]}"' in html
