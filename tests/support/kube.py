"""A namespace of a real cluster, used through kubectl as people use it."""

import json
import subprocess
from typing import Any

import yaml
from tests.support.eventually import eventually

from devkit import shell
from devkit.cluster import Cluster

Manifest = dict[str, Any]


class Namespace:
    """What a test does in its own namespace."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name

    def kubectl(self, *args: str, given: str | None = None) -> str:
        return self.cluster.kubectl("--namespace", self.name, *args, input=given)

    def refused(self, *args: str, given: str | None = None) -> str:
        """The message of a kubectl call that has to fail."""
        command = [
            str(self.cluster.binary("kubectl")),
            "--kubeconfig",
            str(self.cluster.kubeconfig),
            "-n",
            self.name,
            *args,
        ]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def apply(self, *manifests: Manifest) -> None:
        self.kubectl("apply", "--filename", "-", given=yaml.safe_dump_all(manifests))

    def get(self, kind: str, name: str) -> Manifest:
        """The object, empty when it is not there."""
        answer = self.kubectl("get", kind, name, "--ignore-not-found", "--output", "json")
        found: Manifest = json.loads(answer) if answer else {}
        return found

    def all(self, kind: str, *options: str) -> list[Manifest]:
        items: list[Manifest] = json.loads(self.kubectl("get", kind, "--output", "json", *options))["items"]
        return items

    def patch(self, kind: str, name: str, patch: Manifest, *options: str) -> None:
        self.kubectl("patch", kind, name, "--type", "merge", "--patch", json.dumps(patch), *options)

    def spec(self, name: str, **fields: Any) -> None:
        """Change fields of a MageCluster's spec."""
        self.patch("mc", name, {"spec": fields})

    def enforce(self, standard: str) -> None:
        """Let in nothing but pods of this Pod Security Standard."""
        label = f"pod-security.kubernetes.io/enforce={standard}"
        self.cluster.kubectl("label", "--overwrite", "namespace", self.name, label)

    def state(self, name: str) -> str:
        return str(self.get("mc", name).get("status", {}).get("state", ""))

    def condition(self, name: str, type_: str) -> Manifest:
        conditions: list[Manifest] = self.get("mc", name).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == type_), {"status": "", "reason": "", "message": ""})

    def becomes(self, name: str, state: str, within: float = 60) -> Manifest:
        """Wait for a state; returns the cluster."""
        try:
            eventually(lambda: self.state(name) == state, within=within, what=f"{name} {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.kubectl('describe', 'mc', name)}") from error
        return self.get("mc", name)

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reasons and messages of the Events about a MageCluster, oldest first."""
        found = self.all("events", "--field-selector", f"involvedObject.name={name},involvedObject.kind=MageCluster")
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [(event["reason"], event["message"]) for event in found]


def a_cluster(name: str = "demo", /, **spec: Any) -> Manifest:
    return {"apiVersion": "magecluster.io/v1alpha1", "kind": "MageCluster", "metadata": {"name": name}, "spec": spec}


def writes(cluster: Cluster) -> dict[str, float]:
    """Requests that wrote, by resource, as the API server counts them; leases and events of leases aside."""
    text = shell.run(
        cluster.binary("kubectl"), "--kubeconfig", cluster.kubeconfig, "get", "--raw", "/metrics", timeout=30
    )
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("apiserver_request_total{"):
            continue
        labels = dict(part.split("=", 1) for part in line[line.index("{") + 1 : line.rindex("}")].split(","))
        verb, resource = labels["verb"].strip('"'), labels["resource"].strip('"')
        if verb in ("POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION") and resource != "leases":
            found[resource] = found.get(resource, 0) + float(line.rpartition(" ")[2])
    return found
