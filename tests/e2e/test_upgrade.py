"""The life of an installation: taken away, put back by an older chart, upgraded under load. Mage runs on meanwhile."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.eventually import eventually
from tests.support.incluster import VALUES, OperatorPod, administrator
from tests.support.kube import Manifest, Namespace
from tests.support.mage import active

from devkit import shell
from devkit.cluster import Cluster
from devkit.install import CLOUD_API, NAMESPACE, PUBLIC_MAGE, RELEASE, ROOT

pytestmark = [pytest.mark.last, pytest.mark.timeout(900)]

URL = f"http://{CLOUD_API}.{NAMESPACE}/api/v1"
CHART = "charts/magecluster"
TWO = ("--set", "cloudApi.standalone=true", "--set", "cloudApi.replicas=2", "--set", "replicas=2")
ENOUGH = "/tmp/enough"  # noqa: S108  in a pod of ours
LOAD = """
import json, os, sys, threading, time, urllib.request
url, token, enough = sys.argv[1:4]
good, bad = [], []
def ask():
    while not os.path.exists(enough):
        request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                good.append(json.load(answer)["cluster"]["name"])
        except Exception as error:
            bad.append(repr(error))
        time.sleep(0.1)
threads = [threading.Thread(target=ask) for _ in range(4)]
[thread.start() for thread in threads]
print("asking", flush=True)
[thread.join() for thread in threads]
print(json.dumps({"good": len(good), "bad": bad}))
"""
"""Until there is a file of that name."""
MAKE = """
import json, sys, urllib.request
url, token, body = sys.argv[1:4]
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json", "Prefer": "wait=240"}
with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers), timeout=300) as answer:
    print(answer.status, json.load(answer)["cluster"]["state"])
"""


@pytest.fixture
def helm(cluster: Cluster, operator: OperatorPod) -> Iterator["Helm"]:
    yield Helm(cluster)
    values = [word for value in VALUES for word in ("--set", value)]
    Helm(cluster).installed(ROOT / CHART, *values)  # as the end of the suite knows it


class Helm:
    """The release of the suite."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._program = (cluster.binary("helm"), "--kubeconfig", cluster.kubeconfig, "--namespace", NAMESPACE)

    def installed(self, chart: Path, *options: str) -> None:
        shell.run(*self._program, "upgrade", "--install", RELEASE, chart, "--create-namespace", "--wait", *options)

    def uninstalled(self) -> None:
        shell.run(*self._program, "uninstall", RELEASE, "--wait")

    def tested(self) -> str:
        return shell.run(*self._program, "test", RELEASE, "--logs")


class Caller:
    """A pod of the cluster that runs Python for us."""

    def __init__(self, space: Namespace) -> None:
        self._space = space
        container = {"name": "caller", "image": PUBLIC_MAGE, "command": ["sleep", "infinity"]}
        container |= {"imagePullPolicy": "IfNotPresent"}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
        space.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "caller"}, "spec": spec})
        space.kubectl("wait", "pod/caller", "--for=condition=Ready", "--timeout=120s")

    def command(self, script: str, *arguments: str) -> list[str]:
        cluster = self._space.cluster
        kubectl = (str(cluster.binary("kubectl")), "--kubeconfig", str(cluster.kubeconfig), "-n", self._space.name)
        return [*kubectl, "exec", "caller", "--", "python", "-c", script, *arguments]

    def __call__(self, script: str, *arguments: str) -> str:
        return shell.run(*self.command(script, *arguments), timeout=400)


@contextmanager
def load(asks: Caller, url: str, token: str) -> Iterator[dict[str, Any]]:
    """Asks as long as the block goes on. What was answered stands in the dictionary after it."""
    told: dict[str, Any] = {}
    with subprocess.Popen(asks.command(LOAD, url, token, ENOUGH), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "asking\n"
            yield told
            assert process.poll() is None, "the load ended before the rollout did"
            asks(f"open({ENOUGH!r}, 'w').close()")
            told |= json.loads(process.communicate(timeout=120)[0])
        finally:
            process.kill()


def of_the_previous_commit(folder: Path) -> Path:
    """The chart as it was one commit before; as it is now where a checkout has no commit before."""
    try:
        shell.run("git", "-C", ROOT, "archive", "--output", folder / "chart.tar", "HEAD~1", CHART)
    except shell.Failed as error:
        print(f"This checkout has no previous commit, so the chart is upgraded to itself: {error}")  # noqa: T201
        return ROOT / CHART
    shell.run("tar", "--extract", "--directory", folder, "--file", folder / "chart.tar")
    return folder / CHART


def pods(space: Namespace) -> dict[str, list[int]]:
    """UIDs, with how often the containers were restarted."""
    found: list[Manifest] = space.all("pods", "--selector=app.kubernetes.io/name=mage")
    return {
        pod["metadata"]["uid"]: [status["restartCount"] for status in pod["status"]["containerStatuses"]]
        for pod in found
    }


def ours(cluster: Cluster) -> set[str]:
    """UIDs of the pods of operator and Cloud API."""
    found = OperatorPod(cluster)
    return {pod["metadata"]["uid"] for component in ("operator", "cloud-api") for pod in found.pods(component)}


def check_tested(helm: Helm) -> None:
    told = helm.tested()
    assert "Succeeded" in told
    assert "Read cluster" in told


def test_mage_runs_through_the_whole_life_of_an_installation(
    cluster: Cluster, helm: Helm, space: Namespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with administrator(cluster) as client:
        client("POST", "/teams", {"team": {"id": space.name, "namespace": space.name}})
        token = str(client.token)
    # From a pod, by the name of the Service.
    asks = Caller(space)
    clusters = f"{URL}/teams/{space.name}/clusters"
    body = json.dumps({"cluster": {"name": "lives"}})
    assert asks(MAKE, clusters, token, body).split() == ["201", "Active"]
    active(space, "lives")
    before = pods(space)
    assert len(before) == 1

    helm.uninstalled()
    assert not Namespace(cluster, NAMESPACE).all("deployments")
    assert space.get("mc", "lives")["status"]["state"] == "Active"
    with capsys.disabled():
        previous = of_the_previous_commit(tmp_path)
    # Gateways that start now would not know the Cloud API, and after the upgrade again would.
    helm.installed(previous, *TWO, "--set", "cloudApi.workspaces=never")
    check_tested(helm)
    assert pods(space) == before

    old = ours(cluster)
    assert len(old) == 4, "two operators and two Cloud APIs"
    upgraded = ("--set", "podAnnotations.upgraded=yes", "--set", "cloudApi.podAnnotations.upgraded=yes")
    with load(asks, f"{clusters}/lives", token) as told:
        helm.installed(ROOT / CHART, *TWO, *upgraded)
        eventually(lambda: not old & ours(cluster), within=60, what="all pods are new ones")
    assert told["bad"] == []
    assert told["good"] > 100
    check_tested(helm)
    assert pods(space) == before

    space.spec("lives", service={"annotations": {"a": "b"}})
    eventually(lambda: space.get("service", "lives")["metadata"].get("annotations"), what="the new operator works")
    helm.uninstalled()
    eventually(lambda: not ours(cluster), what="operator and Cloud API are gone")
    assert space.get("mc", "lives")["status"]["state"] == "Active"
    assert pods(space) == before
