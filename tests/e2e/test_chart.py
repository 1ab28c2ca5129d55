"""A second release of the chart with everything on, in its own namespace: `helm test`, and a rollout under load."""

import json
import uuid
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from tests.support.chart import CHART
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace

from devkit import shell
from devkit.cluster import Cluster, certificates
from devkit.cluster.certificates import Subject

pytestmark = pytest.mark.timeout(300)

RELEASE = "own"
KEY = uuid.uuid4().hex
ASKER = """
import http.client, ssl, sys, time
context, failed, asked = ssl.create_default_context(cafile="/ca/ca.crt"), 0, 0
while True:
    try:
        connection = http.client.HTTPSConnection(sys.argv[1], 443, timeout=10, context=context)
        connection.request("GET", "/readyz")
        assert connection.getresponse().status == 200
        connection.close()
    except Exception as error:
        failed += 1
        print("failed", repr(error), flush=True)
    asked += 1
    if asked % 100 == 0:
        print("asked", asked, flush=True)
    time.sleep(0.005)
"""
"""Asks by a new connection each time, as it finds its way through the Service anew."""


def secret(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def certificate(host: str) -> Manifest:
    """A Secret as cert-manager makes it, with the CA."""
    ca = certificates.authority("chart")
    pair = certificates.issue(ca, Subject("cloud-api", hosts=(host,)))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    key = pair.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode()
    made = {"tls.crt": pair.certificate.public_bytes(pem).decode(), "tls.key": key}
    return secret("cert", **made, **{"ca.crt": ca.certificate.public_bytes(pem).decode()}) | {
        "type": "kubernetes.io/tls"
    }


@pytest.fixture(scope="module")
def own(cluster: Cluster) -> Iterator[Namespace]:
    """The namespace of the release, which enforces `restricted`."""
    name = f"own-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    space = Namespace(cluster, name)
    space.enforce("restricted")
    try:
        space.apply(certificate(address(space)), secret("keys", **{"api-keys": KEY}))
        tls = "cloudApi.tls.existingSecret=cert,cloudApi.tls.caKey=ca.crt,cloudApi.apiKeys.existingSecret=keys"
        pods = f"crds.enabled=false,cloudApi.standalone=true,cloudApi.replicas=2,watchNamespaces={{{name}}}"
        helm(space, "install", RELEASE, str(CHART), "--wait", "--timeout=120s", "--set", tls, "--set", pods)
        yield space
        helm(space, "uninstall", RELEASE)
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def helm(space: Namespace, *words: str) -> str:
    return shell.run(
        space.cluster.binary("helm"), "--kubeconfig", space.cluster.kubeconfig, "--namespace", space.name, *words
    )


def address(space: Namespace) -> str:
    return f"{RELEASE}-cloud-api.{space.name}.svc"


def test_helm_test_logs_in_and_reads(own: Namespace) -> None:
    told = helm(own, "test", RELEASE, "--logs", "--timeout=150s")
    assert "Logged in as admin@mage.local" in told
    assert "There is no cluster to read yet" in told


def asker(space: Namespace) -> Manifest:
    """A pod that asks the Service all the time."""
    found = json.loads(space.kubectl("get", "deployment", f"{RELEASE}-cloud-api", "-o", "json"))
    (container,) = found["spec"]["template"]["spec"]["containers"]
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": found["spec"]["template"]["spec"]["securityContext"],
        "containers": [
            {
                **{key: container[key] for key in ("image", "imagePullPolicy", "securityContext")},
                "name": "asker",
                "command": ["python", "-c", ASKER, address(space)],
                "volumeMounts": [{"name": "ca", "mountPath": "/ca"}],
            }
        ],
        "volumes": [{"name": "ca", "secret": {"secretName": "cert", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asker"}, "spec": spec}


def test_a_rollout_drops_no_request(own: Namespace) -> None:
    def log() -> list[str]:
        return own.kubectl("logs", "pod/asker").splitlines()

    own.apply(asker(own))
    own.kubectl("wait", "--for=condition=Ready", "pod/asker", "--timeout=60s")
    eventually(lambda: "asked 100" in log(), what="answers")
    before = len(log())
    own.kubectl("rollout", "restart", f"deployment/{RELEASE}-cloud-api")
    own.kubectl("rollout", "status", f"deployment/{RELEASE}-cloud-api", "--timeout=120s")
    label = "app.kubernetes.io/component=cloud-api"
    eventually(lambda: len(own.all("pods", "--selector", label)) == 2, within=60, what="the end of the old pods")
    told = log()
    assert len(told) > before
    assert not [line for line in told if line.startswith("failed")]
