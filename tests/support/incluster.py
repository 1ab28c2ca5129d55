"""The operator as a pod, as the chart installs it."""

import json
import re

from tests.support.eventually import eventually
from tests.support.kube import Manifest

from devkit.cluster import Cluster
from devkit.install import DEPLOYMENT, NAMESPACE


class OperatorPod:
    """Looked at through kubectl."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def kubectl(self, *args: str) -> str:
        return self._cluster.kubectl("--namespace", NAMESPACE, *args)

    def pods(self) -> list[Manifest]:
        found: list[Manifest] = json.loads(self.kubectl("get", "pods", "--output=json"))["items"]
        return found

    def log(self, container: str = "operator") -> str:
        return self.kubectl("logs", DEPLOYMENT, f"--container={container}")

    def metrics(self) -> str:
        """/metrics, through the API server."""
        name = self.pods()[0]["metadata"]["name"]
        return self.kubectl("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}:8080/proxy/metrics")

    def restart(self) -> None:
        """Returns when the new pod has taken over."""
        old = {pod["metadata"]["uid"] for pod in self.pods()}
        self.kubectl("delete", "pod", "--all")
        self.kubectl("rollout", "status", DEPLOYMENT, "--timeout=60s")
        assert not old & {pod["metadata"]["uid"] for pod in self.pods()}
        eventually(lambda: "Leading as" in self.log(), what="a new leader")

    def check(self) -> None:
        """Nothing was forbidden and nothing happened that the operator did not expect."""
        # The audit of the Cloud API has the word for people who may not do something.
        for container, wrong in (("operator", "forbidden"), ("cloud-api", "is forbidden")):
            log = self.log(container)
            refused = [line for line in log.splitlines() if re.search(wrong, line, re.IGNORECASE)]
            assert not refused, refused
            assert "Traceback" not in log
        # A 403 is also what a namespace that is being deleted answers; a missing right would stand in the log.
        assert 'magecluster_api_errors_total{status="401"}' not in self.metrics()
