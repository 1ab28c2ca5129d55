"""What `tests/cluster/test_owners.py` cannot make a real API server write."""

import json
from typing import Any

import pytest

from magecluster.api.model import Manifest
from magecluster.cloud.config.fields import Path
from magecluster.cloud.config.owners import LAST_APPLIED, held

COUNT: Path = ("replicaCount",)
TAG: Path = ("image", "tag")
REGION: Path = ("extraEnvs", "REGION")
FIELDS: Manifest = {
    "f:replicaCount": {},
    "f:image": {".": {}, "f:tag": {}},
    "f:extraEnvs": {".": {}, 'k:{"name":"REGION"}': {".": {}, "f:name": {}, "f:value": {}}},
}


def entry(manager: str = "argo", operation: str = "Update", **more: Any) -> Manifest:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": FIELDS}, **more}


def applied(spec: Any) -> dict[str, str]:
    return {LAST_APPLIED: json.dumps({"metadata": {}, "spec": spec})}


def owners(*entries: Manifest, annotations: dict[str, str] | None = None) -> dict[Path, str]:
    return held(entries, annotations or {}, (COUNT, TAG, REGION), ["argo", "flux"])


def test_nobody_owns_anything() -> None:
    assert owners() == {}
    assert owners(entry("kubectl")) == {}
    assert owners({"manager": "argo", "operation": "Update"}) == {}


def test_a_scaler_owns_the_replicas_alone() -> None:
    assert owners(entry(subresource="scale")) == {COUNT: "argo"}
    assert owners(entry(subresource="scale"), annotations=applied({})) == {COUNT: "argo"}
    assert owners(entry(subresource="status")) == {}


def test_the_first_of_several_owners_is_named() -> None:
    assert owners(entry("kubectl"), entry("flux"), entry("argo")) == dict.fromkeys((COUNT, TAG, REGION), "flux")


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({}, set()),
        (None, set()),
        ({"image": {}, "extraEnvs": []}, {REGION}),
        ({"image": {"repository": "mage"}, "replicaCount": 1}, {COUNT}),
        ({"image": {"tag": "1"}}, {TAG}),
    ],
)
def test_of_what_was_written_by_a_client_only_what_its_manifest_names(spec: Any, named: set[Path]) -> None:
    assert set(owners(entry(), annotations=applied(spec))) == named
    assert set(owners(entry(operation="Apply"), annotations=applied(spec))) == {COUNT, TAG, REGION}


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_an_annotation_that_cannot_be_read_is_none(text: str) -> None:
    assert set(owners(entry(), annotations={LAST_APPLIED: text})) == {COUNT, TAG, REGION}


def test_a_manifest_of_others_gives_nobody_a_field() -> None:
    scaled = {"manager": "argo", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicaCount": {}}}}
    manifest = applied({"replicaCount": 1, "image": {"tag": "1"}, "extraEnvs": []})
    assert owners(entry("kubectl"), scaled, annotations=manifest) == {COUNT: "argo"}


def test_a_list_that_a_client_writes_is_held_as_a_whole() -> None:
    new: Path = ("extraEnvs", "NEW")
    assert held([entry()], applied({"extraEnvs": [{"name": "REGION"}]}), [new], ["argo"]) == {new: "argo"}
    assert held([entry()], applied({"image": {"tag": "1"}}), [new], ["argo"]) == {}
    assert held([entry(operation="Apply")], {}, [new], ["argo"]) == {}
