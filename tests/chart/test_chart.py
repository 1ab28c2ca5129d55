"""The chart's manifests: valid for a real API server, and exactly the rights that the operator uses."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster
from tests.support.operator import OperatorProcess

from devkit import shell
from devkit.cluster import Cluster
from magecluster import __version__

CHART = Path(__file__).parents[2] / "charts" / "magecluster"

VALUES = {
    "defaults": [],
    "several replicas": ["--set", "replicas=3"],
    "no definitions": ["--set", "crds.enabled=false"],
    "definitions that go": ["--set", "crds.keep=false"],
    "a private registry": ["--set", "imagePullSecrets[0].name=registry", "--set", "image.tag=1"],
    "arguments": ["--set", "extraArgs={--workers=2,--log-level=debug}"],
}


def render(cluster: Cluster, namespace: str, *options: str) -> str:
    helm = cluster.binary("helm")
    return shell.run(helm, "template", "op", CHART, "--namespace", namespace, *options)


@pytest.mark.parametrize("options", VALUES.values(), ids=VALUES)
def test_a_real_api_server_accepts_every_manifest(cluster: Cluster, bare: Namespace, options: list[str]) -> None:
    manifests = render(cluster, bare.name, *options)
    told = bare.kubectl("apply", "--dry-run=server", "--server-side", "--validate=strict", "-f", "-", given=manifests)
    assert len(told.splitlines()) == len([m for m in yaml.safe_load_all(manifests) if m])


def test_the_chart_and_the_operator_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_gateways_run_the_operators_own_image(cluster: Cluster) -> None:
    found = yaml.safe_load_all(render(cluster, "x", "--set", "image.tag=other"))
    pod = next(m for m in found if m and m["kind"] == "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"].endswith(":other")
    assert {"name": "MAGECLUSTER_IMAGE", "value": container["image"]} in container["env"]


def test_definitions_are_kept_unless_told_otherwise(cluster: Cluster) -> None:
    def policy(*options: str) -> Any:
        found = yaml.safe_load_all(render(cluster, "x", *options))
        crds = (m["metadata"] for m in found if m and m["kind"] == "CustomResourceDefinition")
        return {crd["name"]: crd.get("annotations", {}).get("helm.sh/resource-policy") for crd in crds}

    names = ("mageclusters.magecluster.io", "mageteams.magecluster.io")
    assert policy() == dict.fromkeys(names, "keep")
    assert policy("--set", "crds.keep=false") == dict.fromkeys(names)
    assert policy("--set", "crds.enabled=false") == {}


@pytest.fixture
def bound(
    cluster: Cluster, the_operator: OperatorProcess, bare: Namespace, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """An operator with the rights of the chart and no others."""
    if the_operator.running:
        the_operator.stop()
    rules = [
        m
        for m in yaml.safe_load_all(render(cluster, bare.name))
        if m and m["kind"] not in ("Deployment", "CustomResourceDefinition")
    ]
    bare.apply(*rules)
    token = bare.kubectl("create", "token", "op-operator").strip()
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    kubeconfig["users"] = [{"name": user["name"], "user": {"token": token}} for user in kubeconfig["users"]]
    own = tmp_path / "kubeconfig"
    own.write_text(yaml.safe_dump(kubeconfig))
    process = OperatorProcess(
        own, tmp_path / "log", f"--lease-namespace={bare.name}", "--lease-name=op-operator"
    ).start()
    yield process
    if process.running:
        process.stop()
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", f"{bare.name}-op-operator")


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


def test_the_operator_cannot_read_all_secrets(bound: OperatorProcess, cluster: Cluster, bare: Namespace) -> None:
    def may(verb: str, resource: str) -> bool:
        user = f"system:serviceaccount:{bare.name}:op-operator"
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user,
                "resourceAttributes": {"verb": verb, "resource": resource, "namespace": "kube-system"},
            },
        }
        answer = json.loads(cluster.kubectl("create", "-f", "-", "-o", "json", input=json.dumps(review)))
        return bool(answer["status"]["allowed"])

    assert may("get", "secrets")  # by name, as a cluster refers to it
    assert not may("list", "secrets")
    assert not may("watch", "secrets")
    assert not may("delete", "persistentvolumeclaims")
    assert not may("create", "pods")


def test_no_rule_is_broader_than_names(cluster: Cluster) -> None:
    for manifest in yaml.safe_load_all(render(cluster, "x")):
        for rule in (manifest or {}).get("rules") or []:
            assert "*" not in json.dumps(rule)
            assert not set(rule["verbs"]) & {"escalate", "bind", "impersonate", "deletecollection"}


def test_credentials_of_a_cluster_are_random(bound: OperatorProcess, bare: Namespace) -> None:
    bound.ready()
    bare.apply(a_cluster("one"), a_cluster("two"))
    bare.becomes("one", "Active")
    bare.becomes("two", "Active")
    values = [value for name in ("one-auth", "two-auth") for value in bare.get("secret", name)["data"].values()]
    assert len(set(values)) == 6
    assert all(len(base64.b64decode(value)) >= 32 for value in values)
