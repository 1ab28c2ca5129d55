"""Our pods keep to the Pod Security Standard "restricted", as a real API server judges that enforces it."""

import subprocess
from typing import Any

import pytest
import yaml
from tests.support.chart import rendered
from tests.support.kube import Manifest, Namespace

SHAPES: dict[str, dict[str, Any]] = {
    "side by side": {},
    "apart, with every Secret": {
        "standalone": True,
        "tls": {"existingSecret": "cert", "caKey": "ca.crt"},
        "apiKeys": {"existingSecret": "keys"},
        "oidc": {"issuer": "https://id.example.com", "clientId": "mage", "existingSecret": "oidc"},
    },
}


@pytest.fixture
def restricted(bare: Namespace) -> Namespace:
    """A namespace that refuses, and warns of, what is not restricted."""
    modes = ("enforce", "warn")
    labels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in modes]
    bare.cluster.kubectl("label", "namespace", bare.name, *labels)
    return bare


def dry_run(space: Namespace, manifests: list[Manifest]) -> subprocess.CompletedProcess[str]:
    kubectl = [str(space.cluster.binary("kubectl")), "--kubeconfig", str(space.cluster.kubeconfig), "-n", space.name]
    given = yaml.safe_dump_all(manifests)
    return subprocess.run(
        [*kubectl, "apply", "--dry-run=server", "-f", "-"], input=given, capture_output=True, text=True, check=False
    )


def pods(manifests: list[Manifest]) -> list[Manifest]:
    """Those that Deployments make, and the one of `helm test`."""
    found = [m for m in manifests if m["kind"] == "Pod"]
    for deployment in (m for m in manifests if m["kind"] == "Deployment"):
        template = deployment["spec"]["template"]
        metadata = {"name": deployment["metadata"]["name"], "labels": template["metadata"]["labels"]}
        spec = {**template["spec"], "serviceAccountName": "default"}
        found.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return found


@pytest.mark.parametrize("cloud_api", SHAPES.values(), ids=SHAPES)
def test_every_pod_is_accepted_where_restricted_is_enforced(restricted: Namespace, cloud_api: dict[str, Any]) -> None:
    manifests = rendered({"cloudApi": cloud_api}, restricted.name)
    workloads = [m for m in manifests if m["kind"] in ("Deployment", "Pod")]
    for some in (workloads, pods(manifests)):
        done = dry_run(restricted, some)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(some) >= 2
        assert "would violate PodSecurity" not in done.stderr


def test_the_namespace_would_refuse_a_pod_that_is_not_restricted(restricted: Namespace) -> None:
    pod, *_ = pods(rendered({}, restricted.name))
    del pod["spec"]["securityContext"]["runAsNonRoot"]
    done = dry_run(restricted, [pod])
    assert done.returncode != 0
    assert "violates PodSecurity" in done.stderr


def test_only_processes_that_talk_to_kubernetes_have_a_token() -> None:
    found = rendered()
    (tested,) = [m for m in found if m["kind"] == "Pod"]
    assert tested["spec"]["automountServiceAccountToken"] is False
