"""How programs of this machine get at what runs in a cluster: its URL, and who may log in."""

import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit import shell
from devkit.cluster import Cluster
from devkit.cluster.native import Native

OWNER = "owner@mage.local"
"""The first user, unless spec.auth.ownerEmail names another one."""

PORT = 6789


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the options that lead it to one cluster; a call raises shell.Failed."""

    words: tuple[str | Path, ...]
    routed: bool = False
    """Whether this machine reaches the addresses of Services as they are."""

    @classmethod
    def of(cls, cluster: Cluster) -> "Kubectl":
        words = (cluster.binary("kubectl"), "--kubeconfig", cluster.kubeconfig)
        return cls(words, routed=isinstance(cluster, Native))

    def __call__(self, *args: str, given: str | None = None) -> str:
        return shell.run(*self.words, *args, input=given)


def password(kubectl: Kubectl, name: str, namespace: str = "default") -> str:
    """The owner's generated password."""
    return _secret(kubectl, f"{name}-auth", "owner-password", namespace)


def first_password(kubectl: Kubectl, namespace: str) -> str:
    """Of the first account of the Cloud API."""
    return _secret(kubectl, "magecluster-admin", "password", namespace)


@contextmanager
def url(kubectl: Kubectl, name: str, namespace: str = "default", port: int = PORT) -> Iterator[str]:
    """Where a Service answers: its own address, or else a port of this machine for as long as it is needed."""
    if kubectl.routed:
        yield service(kubectl, name, namespace, port)
        return
    command = (*kubectl.words, "port-forward", "-n", namespace, f"service/{name}", f":{port}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield _forwarded(process)
        finally:
            process.terminate()


def service(kubectl: Kubectl, name: str, namespace: str, port: int = PORT) -> str:
    address = kubectl("get", "service", name, "-n", namespace, "-o", "jsonpath={.spec.clusterIP}")
    return f"http://{address}:{port}"


def _secret(kubectl: Kubectl, name: str, key: str, namespace: str) -> str:
    path = f"jsonpath={{.data.{key}}}"
    return base64.b64decode(kubectl("get", "secret", name, "-n", namespace, "-o", path)).decode()


def _forwarded(process: subprocess.Popen[str]) -> str:
    """Kubectl says which port it took, or ends with the reason why it took none."""
    line = process.stdout.readline() if process.stdout else ""
    if not line.startswith("Forwarding from "):
        raise shell.Failed(f"kubectl port-forward: {line.strip()}")
    return f"http://{line.split()[2]}"
