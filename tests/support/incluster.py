"""The operator as a pod, as the chart installs it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.cloud_api import Client, first_password, good
from tests.support.eventually import eventually
from tests.support.kube import Manifest

from devkit.cluster import Cluster
from devkit.install import CLOUD_API, DEPLOYMENT, NAMESPACE
from devkit.reach import Kubectl, url
from magecluster.cloud.settings import PUBLISHED_KEY

ADMINISTRATOR = "admin@mage.local"
"""The first account, which the Cloud API makes itself."""


@contextmanager
def administrator(cluster: Cluster) -> Iterator[Client]:
    """Logged in at the Cloud API, through its Service."""
    with url(Kubectl.of(cluster), CLOUD_API, NAMESPACE, 80) as address:
        session = {"email": ADMINISTRATOR, "password": first_password(cluster, NAMESPACE)}
        answer = Client(address)("POST", "/sessions", {"session": session}, X_API_KEY=PUBLISHED_KEY)
        yield Client(address, good(answer)["session"]["token"])


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
