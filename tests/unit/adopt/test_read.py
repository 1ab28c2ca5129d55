"""Reading a release, from a pretended API server."""

from typing import Any

from tests.support.pretended import PretendedServer
from tests.support.releases import a_deployment, a_record

from magecluster.adopt.read import read
from magecluster.kube.kinds import DEPLOYMENTS, PODS, SECRETS, SERVICE_ACCOUNTS


def a_pod(name: str, node: str | None, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    labels = a_deployment()["spec"]["template"]["metadata"]["labels"]
    spec = {"nodeName": node} if node else {}
    return {"metadata": {"name": name, "labels": labels, **metadata}, "spec": spec, "status": {"phase": phase}}


def a_server(*pods: dict[str, Any]) -> PretendedServer:
    server = PretendedServer()
    deployment = a_deployment(pod={"serviceAccountName": "robot"})
    server.put(DEPLOYMENTS, deployment)
    server.put(SECRETS, a_record(deployment))
    server.put(SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}, "imagePullSecrets": [{"name": "registry"}]})
    for pod in pods:
        server.put(PODS, pod)
    return server


async def test_only_pods_that_run_say_which_node_has_the_files() -> None:
    server = a_server(
        a_pod("evicted", "old", "Failed"),
        a_pod("ending", "left", deletionTimestamp="2026-01-01T00:00:00Z"),
        a_pod("waiting", None, "Pending"),
        a_pod("one", "here"),
    )
    live = await read(server.connection, "data", "team")
    assert live.nodes == ("here",)
    assert live.accounts["robot"]["imagePullSecrets"] == [{"name": "registry"}]


async def test_every_node_with_a_pod_that_runs_is_told() -> None:
    live = await read(a_server(a_pod("one", "a"), a_pod("two", "b"), a_pod("three", "a")).connection, "data", "team")
    assert live.nodes == ("a", "b")
