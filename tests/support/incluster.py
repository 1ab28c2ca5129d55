"""Operator and Cloud API as pods, as the chart installs them with a pod for each."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.cloud_api import Client, first_password, good
from tests.support.eventually import eventually
from tests.support.kube import Manifest

from devkit.cluster import Cluster
from devkit.install import CLOUD_API, NAMESPACE, RELEASE
from devkit.reach import Kubectl, url
from magecluster.cloud.settings import PUBLISHED_KEY

VALUES = ("extraArgs={--resync-seconds=3}", "cloudApi.standalone=true")
"""Of the chart. Referenced Secrets are read again often, as there are few clusters; the Cloud API is apart, so that it
and the operator have their own rights alone."""

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

    def pods(self, component: str = "operator") -> list[Manifest]:
        """`component` is operator or cloud-api."""
        selector = f"--selector=app.kubernetes.io/component={component}"
        found: list[Manifest] = json.loads(self.kubectl("get", "pods", selector, "--output=json"))["items"]
        return found

    def log(self, component: str = "operator") -> str:
        return self.kubectl("logs", _deployment(component))

    def in_the_cloud_api(self, *command: str) -> str:
        """What a command prints that an administrator runs in its container."""
        return self.kubectl("exec", _deployment("cloud-api"), "--", *command)

    def metrics(self) -> str:
        """/metrics, through the API server."""
        name = self.pods()[0]["metadata"]["name"]
        return self.kubectl("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}:8080/proxy/metrics")

    def restart(self) -> None:
        """Returns when the new pod has taken over."""
        both = ("operator", "cloud-api")
        old = {pod["metadata"]["uid"] for component in both for pod in self.pods(component)}
        self.kubectl("delete", "pod", "--all")
        for component in both:
            self.kubectl("rollout", "status", _deployment(component), "--timeout=60s")
        assert not old & {pod["metadata"]["uid"] for component in both for pod in self.pods(component)}
        eventually(lambda: "Leading as" in self.log(), what="a new leader")

    def check(self) -> None:
        """Nothing was forbidden and nothing happened that the operator did not expect."""
        # The audit of the Cloud API has the word for people who may not do something.
        for component, wrong in (("operator", "forbidden"), ("cloud-api", "is forbidden")):
            log = self.log(component)
            refused = [line for line in log.splitlines() if re.search(wrong, line, re.IGNORECASE)]
            assert not refused, refused
            assert "Traceback" not in log
        # A 403 is also what a namespace that is being deleted answers; a missing right would stand in the log.
        assert 'magecluster_api_errors_total{status="401"}' not in self.metrics()


def _deployment(component: str) -> str:
    return f"deployment/{RELEASE}-{component}"
