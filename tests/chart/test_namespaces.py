"""`watchNamespaces`: both processes work in those namespaces, with Roles there and no ClusterRole."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.chart import container, rendered
from tests.support.cloud_api import CloudApi
from tests.support.kube import Namespace, a_cluster
from tests.support.operator import OperatorProcess
from tests.support.rights import rights, uses_everything

from devkit import shell
from devkit.cluster import Cluster

DENIED = re.compile(r"cannot (\w+) resource")


def values(*namespaces: str) -> dict[str, Any]:
    return {"watchNamespaces": list(namespaces)}


def test_there_are_no_rights_beyond_the_named_namespaces() -> None:
    found = rendered({**values("a", "b"), "crds": {"enabled": False}})
    assert not [m for m in found if m["kind"].startswith("ClusterRole")]
    places = {(m["metadata"]["namespace"], m["metadata"]["name"]) for m in found if m["kind"] == "Role"}
    everywhere = {(space, f"chart-space-op-{who}") for space in ("a", "b") for who in ("operator", "cloud-api")}
    assert places == everywhere | {("chart-space", "op-operator"), ("chart-space", "op-cloud-api")}
    watched = [m for m in found if m["kind"] == "Role" and m["metadata"]["namespace"] in ("a", "b")]
    verbs = {v for m in watched for rule in m["rules"] if "secrets" in rule["resources"] for v in rule["verbs"]}
    assert verbs == {"get", "create", "patch"}


def test_workspaces_there_need_one_right_more() -> None:
    found = rendered({**values("a"), "cloudApi": {"workspaces": "always"}, "crds": {"enabled": False}})
    (role,) = [m for m in found if m["kind"] == "ClusterRole"]
    assert role["rules"] == [
        {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}
    ]
    operator = container(found, "op-operator", "operator")
    assert {"name": "MAGECLUSTER_CLOUD_API", "value": "http://op-cloud-api.chart-space.svc:80"} in operator["env"]


def test_both_processes_are_told_which_ones() -> None:
    found = rendered({**values("a", "b"), "cloudApi": {"standalone": True}})
    for name in ("operator", "cloud-api"):
        args = container(found, f"op-{name}", name)["args"]
        assert [arg for arg in args if arg.startswith("--namespace")] == ["--namespace=a", "--namespace=b"]


@pytest.mark.parametrize("wrong", [["A"], ["a", "a"], "a", ["a.b"], [""]], ids=str)
def test_what_is_no_list_of_namespaces_is_refused(wrong: object) -> None:
    with pytest.raises(shell.Failed, match="/watchNamespaces"):
        rendered({"watchNamespaces": wrong})


def test_the_operators_rights_are_enough(
    cluster: Cluster, the_operator: OperatorProcess, bare: Namespace, other: Namespace, tmp_path: Path
) -> None:
    if the_operator.running:
        the_operator.stop()
    with rights(cluster, bare, tmp_path, "operator", values(other.name)) as kubeconfig:
        options = (f"--lease-namespace={bare.name}", "--lease-name=op-operator", f"--namespace={other.name}")
        process = OperatorProcess(kubeconfig, tmp_path / "log", *options).start().ready()
        try:
            other.apply(a_cluster(kubernetesExecutor={"enabled": True}))
            bare.apply(a_cluster())
            other.becomes("demo", "Active")
            other.spec("demo", status="Stopped")
            other.becomes("demo", "Stopped")
            assert bare.get("deployment", "demo") == {}
        finally:
            process.stop()
    told = process.log.read_text()
    assert not DENIED.search(told), told
    assert not process.tracebacks()


def test_the_rights_of_the_cloud_api_are_enough(
    cluster: Cluster, bare: Namespace, other: Namespace, tmp_path: Path
) -> None:
    with rights(cluster, bare, tmp_path, "cloud-api", values(other.name)) as kubeconfig:
        api = CloudApi(kubeconfig, tmp_path / "log", bare.name, f"--namespace={other.name}").start().ready()
        try:
            uses_everything(api, bare, other, workspaces=False)
        finally:
            api.stop()
    told = api.log.read_text()
    assert not DENIED.search(told), told
    assert not api.tracebacks()
