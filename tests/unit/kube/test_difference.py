import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from magecluster.api.labels import MANAGER
from magecluster.kube.difference import is_applied

OBJECTS = [
    manifest
    for path in sorted((Path(__file__).parents[2] / "data" / "objects").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
]
KEYED = {
    "containers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ownerReferences": "uid",
    "imagePullSecrets": "name",
}
Path_ = tuple[str | int, ...]


def as_live(manifest: dict[str, Any]) -> dict[str, Any]:
    """As the API server would hold it, if it added nothing."""
    return copy.deepcopy(manifest) | {"status": {}}


def leaves(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    match node:
        case dict():
            for key, value in node.items():
                yield from leaves(value, (*path, key))
        case list():
            for index, value in enumerate(node):
                yield from leaves(value, (*path, index))
        case _:
            if node not in ("", 0, False):  # empty equals absent
                yield path


def at(node: Any, path: Path_) -> Any:
    for step in path:
        node = node[step]
    return node


ids = [f"{m['metadata']['name']}-{m['kind']}" for m in OBJECTS]


@given(st.data())
def test_what_others_add_does_not_count(data: st.DataObject) -> None:
    desired = data.draw(st.sampled_from(OBJECTS))
    live = as_live(desired)
    maps = [
        path[:cut] for path in leaves(desired) for cut in range(len(path)) if isinstance(at(desired, path[:cut]), dict)
    ]
    for path in data.draw(st.lists(st.sampled_from(maps), max_size=5)):
        at(live, path)[data.draw(st.sampled_from(["defaulted", "addedByOthers"]))] = data.draw(
            st.one_of(st.integers(), st.text(), st.just({"a": [1]}))
        )
    assert is_applied(desired, live)


@given(st.data())
def test_every_changed_field_is_seen(data: st.DataObject) -> None:
    desired = data.draw(st.sampled_from(OBJECTS))
    live = as_live(desired)
    path = data.draw(st.sampled_from(list(leaves(desired))))
    parent = at(live, path[:-1])
    parent[path[-1]] = "drifted" if data.draw(st.booleans()) or isinstance(path[-1], int) else None
    assert not is_applied(desired, live)


@pytest.mark.parametrize("manifest", OBJECTS, ids=ids)
def test_items_that_others_add_to_a_keyed_list_do_not_count(manifest: dict[str, Any]) -> None:
    live = as_live(manifest)
    added = 0
    paths = {leaf[:cut] for leaf in leaves(manifest) for cut in range(len(leaf))}
    for path in sorted(paths, key=len, reverse=True):  # inner lists first: an insert moves what is below
        if path and path[-1] in KEYED and isinstance(at(manifest, path), list):
            at(live, path).insert(0, {KEYED[str(path[-1])]: "sidecar"})
            added += 1
    assert is_applied(manifest, live)
    assert added or manifest["kind"] in ("PersistentVolumeClaim", "Secret")


def test_an_item_that_others_add_to_an_atomic_list_is_drift() -> None:
    desired = {"metadata": {}, "spec": {"policyTypes": ["Ingress"]}}
    live = {"metadata": {}, "spec": {"policyTypes": ["Ingress", "Egress"]}}
    assert not is_applied(desired, live)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("1000m", "1"), ("0.5", "500m"), ("1024Mi", "1Gi"), (2, "2"), ("1e3", "1k"), ("1500M", "1500M")],
)
def test_amounts_are_compared_as_amounts(ours: Any, theirs: str) -> None:
    desired = {"metadata": {}, "spec": {"resources": {"requests": {"anything": ours}}}}
    live = {"metadata": {}, "spec": {"resources": {"requests": {"anything": theirs}}}}
    assert is_applied(desired, live)


def test_another_amount_is_drift_and_a_version_is_no_amount() -> None:
    def labelled(field: str, value: str) -> dict[str, Any]:
        return {"metadata": {}, "spec": {field: {"cpu": value}}}

    assert not is_applied(labelled("limits", "1"), labelled("limits", "2"))
    assert not is_applied(labelled("nodeSelector", "1000m"), labelled("nodeSelector", "1"))


def with_fields(fields: dict[str, Any], manager: str = MANAGER) -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
    return {
        "metadata": {"labels": {"a": "1", "b": "2"}, "managedFields": [entry]},
        "spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "http"}], "finalizers": ["x"]},
    }


DESIRED: dict[str, Any] = {
    "metadata": {"labels": {"a": "1"}},
    "spec": {"ports": [{"port": 80, "name": "http"}], "finalizers": ["x"]},
}


@pytest.mark.parametrize(
    ("fields", "applied"),
    [
        ({"f:metadata": {"f:labels": {"f:a": {}}}}, True),
        ({"f:metadata": {"f:labels": {"f:a": {}, "f:b": {}}}}, False),
        (
            {
                "f:spec": {
                    "f:ports": {
                        'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}, "f:protocol": {}}
                    }
                }
            },
            True,
        ),
        ({"f:spec": {"f:ports": {'k:{"port":81,"protocol":"TCP"}': {".": {}}}}}, False),
        ({"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}}}}, False),
        ({"f:spec": {"f:finalizers": {'v:"x"': {}}}}, True),
        ({"f:spec": {"f:finalizers": {'v:"y"': {}}}}, False),
        ({"f:spec": {"f:affinity": {}}}, False),
    ],
)
def test_a_field_that_we_gave_up_is_seen(fields: dict[str, Any], applied: bool) -> None:  # noqa: FBT001  a table
    assert is_applied(DESIRED, with_fields(fields)) == applied


def test_fields_of_other_managers_are_theirs() -> None:
    assert is_applied(DESIRED, with_fields({"f:metadata": {"f:labels": {"f:b": {}}}}, manager="kubectl"))
