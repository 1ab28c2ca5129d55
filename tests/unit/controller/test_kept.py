"""What a running pod keeps when the operator's installation changes. Each cluster of tests/data that runs is tried."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from magecluster.api.labels import MANAGER
from magecluster.api.magecluster import MageCluster
from magecluster.controller.kept import keeping
from magecluster.kube.difference import is_applied
from magecluster.resources.deployment import deployment
from magecluster.resources.platform import Platform

FILES = sorted((Path(__file__).parents[2] / "data/clusters").glob("*.yaml"))
RUNNING = [cluster for path in FILES if (cluster := MageCluster.parse(yaml.safe_load(path.read_text()))).wants_to_run]
REFERENCES = "0123456789abcdef"
OLD = Platform(gateway_image="registry.example.com/magecluster:1", cloud_api="http://magecluster-cloud-api.mage.svc:80")
NEWER = replace(OLD, gateway_image="registry.example.com/magecluster:2")
ELSEWHERE = replace(OLD, cloud_api="https://other-cloud-api.mage.svc:443")
WITHOUT = replace(OLD, cloud_api=None)
KEYS = {"containers": "name", "env": "name", "initContainers": "name", "volumeMounts": "mountPath", "volumes": "name"}


def owned(node: Any, field: str = "") -> dict[str, Any]:
    """As `metadata.managedFields` has it."""
    match node:
        case dict():
            return {f"f:{key}": owned(value, key) for key, value in node.items()}
        case list() if key := KEYS.get(field):
            return {f"k:{json.dumps({key: each[key]}, separators=(',', ':'))}": owned(each) for each in node}
        case _:
            return {}


def made(cluster: MageCluster, platform: Platform) -> dict[str, Any]:
    """The live Deployment that an operator with this platform has applied."""
    live = copy.deepcopy(deployment(cluster, REFERENCES, platform))
    entry = {"manager": MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": owned(live["spec"])}}
    live["metadata"]["managedFields"] = [entry]
    return live


def gateway_of(live: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in live["spec"]["template"]["spec"]["containers"] if c["name"] == "gateway")
    return found


def the(name: str) -> MageCluster:
    return next(cluster for cluster in RUNNING if cluster.metadata.name == name)


@pytest.mark.parametrize("cluster", RUNNING, ids=lambda cluster: cluster.metadata.name)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OLD, NEWER),
        (OLD, ELSEWHERE),
        (OLD, WITHOUT),
        (WITHOUT, OLD),
        (OLD, replace(NEWER, cloud_api=None)),
        (WITHOUT, NEWER),
    ],
    ids=["image", "address", "no address", "first address", "image and no address", "image and first address"],
)
def test_another_installation_of_the_operator_changes_no_pod_that_runs(
    cluster: MageCluster, before: Platform, after: Platform
) -> None:
    live = made(cluster, before)
    assert is_applied(deployment(cluster, REFERENCES, keeping(after, cluster, REFERENCES, live)), live)


@pytest.mark.parametrize("after", [NEWER, ELSEWHERE, WITHOUT])
def test_another_reason_for_a_restart_brings_all_that_is_new(after: Platform) -> None:
    cluster = the("demo")
    live = made(cluster, OLD)
    assert keeping(after, cluster, "fedcba9876543210", live) == after
    spec = cluster.spec
    for changed in (
        spec.model_copy(update={"restarted_at": "2026-07-01T08:00:00Z"}),
        spec.model_copy(update={"pod_labels": {"a": "b"}}),
        spec.model_copy(update={"gateway": spec.gateway.model_copy(update={"image": "registry.example.com/mine:1"})}),
    ):
        assert keeping(after, cluster.model_copy(update={"spec": changed}), REFERENCES, live) == after


@pytest.mark.parametrize("after", [NEWER, ELSEWHERE, WITHOUT])
def test_what_does_not_run_gets_the_new(after: Platform) -> None:
    cluster = the("demo")
    stopped = cluster.model_copy(update={"spec": cluster.spec.model_copy(update={"replica_count": 0})})
    assert keeping(after, cluster, REFERENCES, None) == after
    assert keeping(after, stopped, REFERENCES, made(cluster, OLD)) == after
    assert keeping(after, cluster, REFERENCES, made(stopped, OLD)) == after


@pytest.mark.parametrize("field", ["image", "args"])
def test_what_somebody_else_wrote_is_not_kept(field: str) -> None:
    """The API server takes a field from us that somebody else changes."""
    cluster = the("demo")
    live = made(cluster, OLD)
    (entry,) = live["metadata"]["managedFields"]
    containers = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    del containers['k:{"name":"gateway"}'][f"f:{field}"]
    gateway = gateway_of(live)
    if field == "image":
        gateway["image"] = "registry.example.com/theirs:1"
    else:
        gateway["args"] = [arg.replace(str(OLD.cloud_api), "http://theirs") for arg in gateway["args"]]
    assert keeping(OLD, cluster, REFERENCES, live) == OLD
    assert keeping(NEWER, cluster, REFERENCES, live) == NEWER


def test_where_nothing_that_the_gateway_sees_differs_nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("magecluster.controller.kept.deployment")
    for cluster in RUNNING:
        assert keeping(OLD, cluster, REFERENCES, made(cluster, OLD)) is OLD
    workspace = the("lab-anna")  # it has no Cloud API anyway
    assert keeping(ELSEWHERE, workspace, REFERENCES, made(workspace, OLD)) is ELSEWHERE
