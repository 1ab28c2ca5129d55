"""The chart's manifests: valid for a real API server, and exactly the rights that the operator uses."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.cloud_api import ADMIN, PASSWORD, CloudApi, a_team, good
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
    "no Cloud API": ["--set", "cloudApi.enabled=false"],
    "a Cloud API with arguments": ["--set", "cloudApi.extraArgs={--no-api-key}", "--set", "cloudApi.service.port=8080"],
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
    container = next(c for c in pod["containers"] if c["name"] == "operator")
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
    with rights(cluster, bare, tmp_path, "operator", "--set", "cloudApi.enabled=false") as kubeconfig:
        options = (f"--lease-namespace={bare.name}", "--lease-name=op-operator")
        process = OperatorProcess(kubeconfig, tmp_path / "log", *options).start()
        yield process
        if process.running:
            process.stop()


@contextmanager
def rights(cluster: Cluster, space: Namespace, folder: Path, of: str, *options: str) -> Iterator[Path]:
    """A kubeconfig with the rights that the chart gives for one of the two processes, and no others."""
    manifests = [m for m in yaml.safe_load_all(render(cluster, space.name, *options)) if m]
    space.apply(*(m for m in manifests if m["kind"] == "ServiceAccount" or (_of_rights(m) and of in _name(m))))
    token = space.kubectl("create", "token", "op-operator").strip()
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    kubeconfig["users"] = [{"name": user["name"], "user": {"token": token}} for user in kubeconfig["users"]]
    own = folder / "kubeconfig"
    own.write_text(yaml.safe_dump(kubeconfig))
    yield own
    names = (f"{space.name}-op-operator", f"{space.name}-op-cloud-api")
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", *names, "--ignore-not-found")


def _of_rights(manifest: dict[str, Any]) -> bool:
    return str(manifest["apiVersion"]).startswith("rbac.authorization.k8s.io/")


def _name(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"]["name"])


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


def test_the_rights_of_the_cloud_api_alone_are_enough(cluster: Cluster, bare: Namespace, tmp_path: Path) -> None:
    team = f"{bare.name}-team"
    cluster.kubectl("create", "namespace", team)
    try:
        with rights(cluster, bare, tmp_path, "cloud-api") as kubeconfig:
            api = CloudApi(kubeconfig, tmp_path / "log", bare.name).start().ready()
            try:
                uses_everything(api, bare, team)
                # Events are recorded in the background.
                happened = Namespace(cluster, team).events
                eventually(lambda: any(reason == "Deleted" for reason, _ in happened("demo")), what="an Event")
            finally:
                api.stop()
            told = api.log.read_text()
            assert not re.search(r"cannot (\w+) resource", told), told
            assert not api.tracebacks()
    finally:
        cluster.kubectl("delete", "namespace", team, "--wait=false")


def uses_everything(api: CloudApi, own: Namespace, team: str) -> None:
    api.user("add", ADMIN, "--admin", "--password-stdin")
    own.apply(a_team("kubectl", f"{team}-other"))
    client = api.logs_in(ADMIN, PASSWORD)
    good(client("POST", "/teams", {"team": {"id": team, "namespace": team}}))
    good(client("PUT", f"/teams/{team}/members/ed@example.com", {"member": {"role": "Editor"}}))
    secret = {"name": "TOKEN", "value": "x", "secret": True}
    path = f"/teams/{team}/clusters"
    good(client("POST", path, {"cluster": {"name": "demo", "config": {"extraEnvs": [secret]}}}))
    good(client("PUT", f"{path}/demo", {"cluster": {"config": {"extraEnvs": [{**secret, "value": "y"}]}}}))
    invited = good(
        client("POST", f"/teams/{team}/invitations", {"invitation": {"email": "new@example.com", "role": "Viewer"}})
    )
    good(client("DELETE", f"/teams/{team}/invitations/{invited['invitation']['id']}"))
    token = good(client("POST", f"/teams/{team}/tokens", {"token": {"name": "ci", "scopes": ["clusters:read"]}}))[
        "token"
    ]
    good(client("DELETE", f"/teams/{team}/tokens/{token['id']}"))
    good(client("DELETE", f"{path}/demo"))
    good(client("DELETE", f"/teams/{team}"))
    api.user("remove", ADMIN)


def test_without_the_cloud_api_the_operator_can_list_no_secrets_at_all(cluster: Cluster) -> None:
    def lists(*options: str) -> bool:
        found = [m for m in yaml.safe_load_all(render(cluster, "x", *options)) if m]
        rules = [rule for manifest in found for rule in manifest.get("rules") or []]
        return any("secrets" in rule["resources"] and "list" in rule["verbs"] for rule in rules)

    assert lists()
    assert not lists("--set", "cloudApi.enabled=false")
