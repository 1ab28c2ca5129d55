"""What a workspace takes over from its cluster."""

from typing import Any

import pytest

from magecluster.api.labels import INHERITED
from magecluster.api.model import Manifest
from magecluster.cloud.config.workspaces import Wish, changed, is_workspace, manifest_of, model, name_within
from magecluster.cloud.errors import ConflictError, InvalidConfigError, InvalidRequestError
from magecluster.resources.environment import base_path


def parent(name: str = "lab", /, **spec: Any) -> Manifest:
    return {"metadata": {"name": name, "namespace": "data", "uid": "c-1"}, "spec": spec, "status": {}}


def live_of(spec: Manifest, inherited: str = "") -> Manifest:
    metadata = {"name": "lab-anna", "namespace": "data", "uid": "w-1", "annotations": {INHERITED: inherited}}
    return {"metadata": metadata, "spec": spec}


def variables(spec: Manifest) -> dict[str, Any]:
    return {env["name"]: env.get("value", env.get("valueFrom")) for env in spec["extraEnvs"]}


def test_it_is_a_cluster_of_its_own_that_ends_with_its_cluster() -> None:
    made = manifest_of(parent(), "anna", Wish())
    assert made["metadata"]["name"] == "lab-anna"
    assert made["metadata"]["ownerReferences"] == [
        {"apiVersion": "magecluster.io/v1alpha1", "kind": "MageCluster", "name": "lab", "uid": "c-1"}
    ]
    spec = made["spec"]
    assert (spec["workspaceOf"], spec["storage"]["size"], spec["storage"]["retention"]) == (
        {"name": "lab"},
        "2Gi",
        "Retain",
    )
    assert "existingSecret" not in spec["auth"], "blocks of a workspace would be told the password of its cluster"
    assert variables(spec) == {"MAGE_BASE_PATH": "anna"}
    live = {**made, "status": {}}
    assert (name_within(live), base_path(model(live)), is_workspace(live, "lab")) == ("anna", "/anna", True)
    assert not is_workspace(live, "other")


def test_it_looks_as_its_cluster_but_shares_neither_database_nor_git_nor_address() -> None:
    cluster = parent(
        image={"tag": "0.9.79"},
        imagePullSecrets=[{"name": "registry"}],
        nodeSelector={"disk": "fast"},
        resources={"limits": {"cpu": "1"}},
        database={"secretKeyRef": {"name": "db"}},
        git={"repository": "https://example.com/a.git"},
        ingress={"enabled": True, "hosts": [{"host": "mage.example.com"}]},
        kubernetesExecutor={"enabled": True},
        replicaCount=2,
        storage={"size": "50Gi", "retention": "Delete"},
        auth={"ownerEmail": "ann@example.com", "existingSecret": "own"},
        extraEnvs=[
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "lab-env", "key": "k"}}},
            {"name": "REDIS_URL", "value": "redis://r"},
            {"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"},
            {"name": "MAGE_BASE_PATH", "value": "team"},
        ],
    )
    spec = manifest_of(cluster, "anna", Wish())["spec"]
    assert (spec["image"]["tag"], spec["imagePullSecrets"], spec["nodeSelector"], spec["resources"]["limits"]) == (
        "0.9.79",
        [{"name": "registry"}],
        {"disk": "fast"},
        {"cpu": "1"},
    )
    assert not {"database", "git"} & spec.keys()
    assert (spec["ingress"]["enabled"], spec["replicaCount"]) == (False, 1)
    assert spec["auth"] == {"ownerEmail": "ann@example.com"}
    assert not model(live_of(spec)).uses_kubernetes_executor
    assert variables(spec) == {
        "MAGE_BASE_PATH": "team/anna",
        "A": {"secretKeyRef": {"name": "lab-env", "key": "k", "optional": False}},
    }


@pytest.mark.parametrize(("name", "told"), [("api", "path of Mage's own"), ("pipelines", "path of"), ("a" * 30, "8")])
def test_a_name_that_is_taken_or_too_long_is_refused(name: str, told: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        manifest_of(parent("a" * 31), name, Wish())
    assert told in error.value.fields["name"]


def test_what_is_wished_wins() -> None:
    wish = Wish(
        image={"repository": "mage", "tag": "1"},
        resources={"limits": {"memory": "1Gi"}},
        variables={"A": "mine"},
        storage={"size": "3Gi", "retention": "Delete"},
    )
    cluster = parent(
        image={"tag": "0.9.79", "digest": "sha256:" + "0" * 64, "pullPolicy": "Always"},
        resources={"limits": {"cpu": "1"}},
        extraEnvs=[{"name": "A", "value": "theirs"}],
    )
    spec = manifest_of(cluster, "anna", wish)["spec"]
    assert spec["image"] == {"repository": "mage", "tag": "1", "pullPolicy": "Always"}
    assert spec["resources"] == {"limits": {"memory": "1Gi"}, "requests": {}}
    assert variables(spec)["A"] == "mine"
    assert (spec["storage"]["size"], spec["storage"]["retention"]) == ("3Gi", "Delete")


@pytest.mark.parametrize("name", ["MAGE_BASE_PATH", "MAGE_ROUTES_BASE_PATH"])
def test_its_own_path_cannot_be_chosen(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="own path"):
        manifest_of(parent(), "anna", Wish(variables={name: "x"}))


def test_values_that_no_cluster_can_have_are_refused() -> None:
    with pytest.raises(InvalidConfigError) as error:
        manifest_of(parent(), "anna", Wish(storage={"size": "many"}))
    assert "storage.size" in error.value.fields


@pytest.mark.parametrize(
    "name", ["CLUSTER_TYPE", "DEFAULT_EXECUTOR_TYPE", "MANAGE_INSTANCE", "PROJECT_TYPE", "PROJECT_UUID", "REDIS_URL"]
)
def test_what_is_not_for_owners_to_decide_is_refused(name: str) -> None:
    wish = Wish(variables={name: "k8s"})
    with pytest.raises(InvalidRequestError) as error:
        manifest_of(parent(), "anna", wish)
    assert "not for owners" in error.value.fields[name]
    with pytest.raises(InvalidRequestError, match=name):
        changed(parent(), manifest_of(parent(), "anna", Wish()), wish)


def test_no_workspace_may_run_jobs_unless_somebody_else_has_allowed_it() -> None:
    k8s = {"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"}
    spec = manifest_of(parent(extraEnvs=[k8s]), "anna", Wish())["spec"]
    assert spec["kubernetesExecutor"] == {"enabled": False}
    for there, after in (({}, False), ({"enabled": True}, True)):
        live = live_of({**spec, "extraEnvs": [k8s], "kubernetesExecutor": there})
        assert changed(parent(), live, Wish()).spec["kubernetesExecutor"] == {"enabled": after}


def test_variables_of_its_cluster_are_renewed_only_when_asked_for() -> None:
    made = manifest_of(parent(extraEnvs=[{"name": "A", "value": "1"}]), "anna", Wish(variables={"B": "1"}))
    later = parent(extraEnvs=[{"name": "A", "value": "2"}, {"name": "C", "value": "3"}])
    assert variables(changed(later, made, Wish()).spec) == variables(made["spec"])
    renewed = {"MAGE_BASE_PATH": "anna", "A": "2", "B": "1", "C": "3"}
    assert variables(changed(later, made, Wish(renew=True)).spec) == renewed
    assert variables(changed(later, made, Wish(renew=True, variables={"A": "9"})).spec)["A"] == "9"


def test_what_its_cluster_has_no_more_is_dropped_when_renewed_and_what_is_its_own_stays() -> None:
    three = parent(extraEnvs=[{"name": name, "value": "1"} for name in "ABC"])
    made = manifest_of(three, "anna", Wish(variables={"B": "2", "D": "2"}))
    assert made["metadata"]["annotations"] == {INHERITED: "A,C"}
    less = parent(extraEnvs=[{"name": "C", "value": "1"}])
    same = changed(less, made, Wish())
    assert ([*variables(same.spec)], same.inherited) == (["MAGE_BASE_PATH", "A", "B", "C", "D"], "A,C")
    renewed = changed(less, made, Wish(renew=True))
    assert ([*variables(renewed.spec)], renewed.inherited) == (["MAGE_BASE_PATH", "B", "C", "D"], "C")
    own = changed(less, made, Wish(variables={"A": "3"}))
    assert own.inherited == "C"
    assert "A" in variables(changed(less, live_of(own.spec, own.inherited), Wish(renew=True)).spec)
    # One that was made by kubectl has no note.
    assert "A" in variables(changed(less, live_of(made["spec"]), Wish(renew=True)).spec)


def test_the_ingress_is_that_of_its_cluster_with_a_path_of_its_own() -> None:
    theirs = {
        "enabled": True,
        "className": "nginx",
        "annotations": {"a": "b"},
        "hosts": [{"host": "mage.example.com", "paths": [{"path": "/", "pathType": "Prefix"}]}],
        "tls": [{"hosts": ["mage.example.com"], "secretName": "cert"}],
    }
    cluster = parent(ingress=theirs)
    spec = manifest_of(cluster, "anna", Wish(ingress=True))["spec"]
    paths = [{"path": "/anna", "pathType": "Prefix"}]
    assert spec["ingress"] == {**theirs, "hosts": [{"host": "mage.example.com", "paths": paths}]}
    with pytest.raises(ConflictError, match="no Ingress"):
        manifest_of(parent(), "anna", Wish(ingress=True))
    without = live_of({**manifest_of(cluster, "anna", Wish())["spec"], "extraEnvs": []})
    with pytest.raises(ConflictError, match="set MAGE_BASE_PATH in extraEnvs"):
        changed(cluster, without, Wish(ingress=True))
