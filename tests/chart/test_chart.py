"""The chart's manifests: valid for a real API server, and exactly the rights that the operator uses."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.chart import CHART, container, rendered
from tests.support.cloud_api import CloudApi
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster
from tests.support.operator import OperatorProcess
from tests.support.rights import is_of_rights, name, rights, uses_everything

from devkit.cluster import Cluster
from magecluster import __version__

DIGEST = "sha256:" + "0" * 64


def test_the_chart_and_the_operator_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


@pytest.mark.parametrize(
    ("image", "end"),
    [({"tag": "other"}, ":other"), ({"tag": "other", "digest": DIGEST}, f"magecluster@{DIGEST}"), ({}, __version__)],
)
def test_gateways_run_the_operators_own_image(image: dict[str, str], end: str) -> None:
    operator = container(rendered({"image": image}), "op-operator", "operator")
    assert operator["image"].endswith(end)
    assert {"name": "MAGECLUSTER_IMAGE", "value": operator["image"]} in operator["env"]


def test_definitions_are_kept_unless_told_otherwise() -> None:
    def policy(**crds: bool) -> Any:
        found = rendered({"crds": crds})
        metadata = (m["metadata"] for m in found if m["kind"] == "CustomResourceDefinition")
        return {crd["name"]: crd.get("annotations", {}).get("helm.sh/resource-policy") for crd in metadata}

    names = ("mageclusters.magecluster.io", "mageteams.magecluster.io")
    assert policy() == dict.fromkeys(names, "keep")
    assert policy(keep=False) == dict.fromkeys(names)
    assert policy(enabled=False) == {}


@pytest.fixture
def bound(
    cluster: Cluster, the_operator: OperatorProcess, bare: Namespace, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """An operator with the rights of the chart and no others."""
    if the_operator.running:
        the_operator.stop()
    with rights(cluster, bare, tmp_path, "operator") as kubeconfig:
        options = (f"--lease-namespace={bare.name}", "--lease-name=op-operator")
        process = OperatorProcess(kubeconfig, tmp_path / "log", *options).start()
        yield process
        if process.running:
            process.stop()


def test_the_rights_of_the_chart_are_enough(bound: OperatorProcess, bare: Namespace) -> None:
    bound.ready()
    eventually(bound.leading)
    bare.kubectl("create", "configmap", "settings", "--from-literal=region=north")
    region = {"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "region"}}}
    bare.apply(
        a_cluster(
            extraEnvs=[region],
            ingress={"enabled": True, "hosts": [{"host": "a.example.com"}]},
            kubernetesExecutor={"enabled": True},
            storage={"retention": "Delete"},
        )
    )
    bare.becomes("demo", "Active")
    assert bare.get("role", "demo-mage")
    bare.apply(a_cluster(nodeSelector={"pool": "none"}, storage={"retention": "Retain"}))
    eventually(lambda: not bare.all("ingresses") and not bare.get("role", "demo-mage"))
    eventually(lambda: bare.condition("demo", "Degraded")["reason"] == "Unschedulable")
    bare.spec("demo", status="Stopped")
    bare.becomes("demo", "Stopped")
    denied = [line for line in bound.log.read_text().splitlines() if re.search(r"cannot (\w+) resource", line)]
    assert not denied
    assert bound.stop() == 0


@pytest.mark.parametrize("standalone", [True, False])
def test_the_operator_cannot_read_all_secrets(
    cluster: Cluster,
    bare: Namespace,
    tmp_path: Path,
    standalone: bool,  # noqa: FBT001  a parameter
) -> None:
    def may(verb: str, resource: str, namespace: str = "kube-system") -> bool:
        user = f"system:serviceaccount:{bare.name}:op-operator"
        asked = {"verb": verb, "resource": resource, "namespace": namespace}
        spec = {"user": user, "resourceAttributes": asked}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = json.loads(cluster.kubectl("create", "-f", "-", "-o", "json", input=json.dumps(review)))
        return bool(answer["status"]["allowed"])

    with rights(cluster, bare, tmp_path, "operator", standalone=standalone):
        # By name, as a cluster refers to it.
        eventually(lambda: may("get", "secrets"))
        eventually(lambda: may("list", "secrets", bare.name) is not standalone)
        for verb, resource in (("list", "secrets"), ("watch", "secrets"), ("create", "pods")):
            assert not may(verb, resource)
        assert not may("delete", "persistentvolumeclaims")


@pytest.mark.parametrize("values", [{}, {"watchNamespaces": ["a", "b"]}, {"cloudApi": {"standalone": True}}], ids=str)
def test_no_rule_is_broader_than_names(values: dict[str, Any]) -> None:
    rules = [rule for manifest in rendered(values) if is_of_rights(manifest) for rule in manifest.get("rules") or []]
    assert rules
    for rule in rules:
        assert "*" not in json.dumps(rule)
        assert not set(rule["verbs"]) & {"escalate", "bind", "impersonate", "deletecollection"}
        assert not {"pods/exec", "pods/attach"} & set(rule["resources"])


def test_credentials_of_a_cluster_are_random(bound: OperatorProcess, bare: Namespace) -> None:
    bound.ready()
    bare.apply(a_cluster("one"), a_cluster("two"))
    bare.becomes("one", "Active")
    bare.becomes("two", "Active")
    values = [value for name in ("one-auth", "two-auth") for value in bare.get("secret", name)["data"].values()]
    assert len(set(values)) == 6
    assert all(len(base64.b64decode(value)) >= 32 for value in values)


def test_the_rights_of_the_cloud_api_alone_are_enough(cluster: Cluster, bare: Namespace, tmp_path: Path) -> None:
    team = Namespace(cluster, f"{bare.name}-team")
    cluster.kubectl("create", "namespace", team.name)
    team.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "demo-mage"}})
    try:
        with rights(cluster, bare, tmp_path, "cloud-api") as kubeconfig:
            api = CloudApi(kubeconfig, tmp_path / "log", bare.name).start().ready()
            try:
                uses_everything(api, bare, team, workspaces=True)
            finally:
                api.stop()
            told = api.log.read_text()
            assert not re.search(r"cannot (\w+) resource", told), told
            assert not api.tracebacks()
    finally:
        cluster.kubectl("delete", "namespace", team.name, "--wait=false")


def test_apart_from_the_cloud_api_the_operator_can_list_no_secrets_at_all() -> None:
    def lists(**cloud_api: bool) -> set[tuple[str, str]]:
        """Whose account may do it, and in which namespace."""
        found = rendered({"cloudApi": cloud_api})
        roles = {
            (m["kind"], name(m))
            for m in found
            for rule in m.get("rules") or []
            if "secrets" in rule.get("resources", ()) and "list" in rule["verbs"]
        }
        bound = [m for m in found if "roleRef" in m and (m["roleRef"]["kind"], m["roleRef"]["name"]) in roles]
        return {(subject["name"], m["metadata"].get("namespace", "")) for m in bound for subject in m["subjects"]}

    assert lists() == {("op-operator", "chart-space")}
    assert lists(standalone=True) == {("op-cloud-api", "chart-space")}
    assert lists(enabled=False) == set()
