"""The operator as a process: restarts, several of them, an API server that goes away, and writes that are not made."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster, writes
from tests.support.operator import OperatorProcess

from devkit.cluster import Cluster
from magecluster.api.labels import MANAGER
from magecluster.api.status import UNSEEN

FLEET = 100
REST_SECONDS = 60
"""At rest means: for a minute nothing is written."""


def many(space: Namespace, count: int) -> list[str]:
    names = [f"c{number}" for number in range(count)]
    space.apply(*(a_cluster(name, storage={"size": "1Mi"}) for name in names))
    eventually(lambda: all(c.get("status", {}).get("state") == "Active" for c in space.all("mc")), within=240, every=1)
    return names


def written(cluster: Cluster) -> dict[str, float]:
    """Writes by resource; Pods, nodes and what belongs to controllers of Kubernetes itself do not count.

    Of Events, those of the operator: Kubernetes' controllers hold theirs back, and send many at once later.
    """
    ours = ("mageclusters", "deployments", "services", "persistentvolumeclaims", "secrets", "serviceaccounts")
    counted = (*ours, "networkpolicies", "ingresses", "roles", "rolebindings", "configmaps")
    all_writes = writes(cluster)
    told = cluster.kubectl("get", "events", "-A", "-o", "name", "--field-selector", f"reportingComponent={MANAGER}")
    return {kind: all_writes.get(kind, 0) for kind in counted} | {"events": float(len(told.splitlines()))}


@pytest.mark.timeout(600)
def test_nothing_is_written_at_rest_nor_after_a_restart(
    cluster: Cluster, operator: OperatorProcess, space: Namespace
) -> None:
    many(space, FLEET)
    eventually(lambda: operator.metric("magecluster_queue_depth") == 0)
    settle(cluster)
    before = written(cluster)
    assert before["events"] >= FLEET
    time.sleep(REST_SECONDS)  # the time itself is what is tested
    assert written(cluster) == before
    assert operator.stop() == 0
    operator.start().ready()
    eventually(operator.leading, within=30)
    eventually(lambda: operator.metric("magecluster_reconcile_duration_seconds_count") >= FLEET, within=60)
    eventually(lambda: operator.metric("magecluster_queue_depth") == 0)
    assert written(cluster) == before
    assert operator.metric("magecluster_applies_total") >= FLEET


def settle(cluster: Cluster) -> None:
    """Wait until Kubernetes' own controllers have nothing more to write either: other tests' namespaces end late."""
    eventually(lambda: "Terminating" not in cluster.kubectl("get", "namespaces"), within=180, every=1)
    last: list[dict[str, float]] = [{}]

    def quiet() -> bool:
        before, last[0] = last[0], writes(cluster)
        return before == last[0]

    eventually(quiet, within=120, every=5)


def test_changes_made_while_no_operator_ran_are_caught_up(operator: OperatorProcess, space: Namespace) -> None:
    space.apply(a_cluster("kept"), a_cluster("deleted"))
    space.becomes("kept", "Active")
    space.becomes("deleted", "Active")
    operator.stop()
    space.spec("kept", podAnnotations={"a": "b"})
    space.kubectl("delete", "service", "kept")
    space.kubectl("delete", "mc", "deleted")
    space.apply(a_cluster("made"))
    operator.start().ready()
    eventually(lambda: space.get("service", "kept"))
    space.becomes("made", "Active")
    template = space.get("deployment", "kept")["spec"]["template"]["metadata"]
    assert template["annotations"] == {"a": "b"}


@pytest.mark.parametrize(("end", "within"), [(signal.SIGTERM, 10), (signal.SIGKILL, 40)], ids=["stopped", "killed"])
def test_a_standby_takes_over_from_a_leader_that_is(
    cluster: Cluster, operator: OperatorProcess, space: Namespace, tmp_path: Path, end: signal.Signals, within: float
) -> None:
    """At once when it was stopped, since it gives the Lease back; else when the Lease has expired."""
    eventually(operator.leading)
    standby = OperatorProcess(cluster.kubeconfig, tmp_path / "standby").start().ready()
    assert not standby.leading()
    operator.stop(end)
    eventually(standby.leading, within=within)
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    standby.stop()
    assert not standby.tracebacks()


def test_two_leaders_at_once_do_no_harm(
    cluster: Cluster, operator: OperatorProcess, space: Namespace, tmp_path: Path
) -> None:
    other = OperatorProcess(cluster.kubeconfig, tmp_path / "other", "--lease-name=another").start().ready()
    eventually(other.leading)
    names = [f"c{number}" for number in range(10)]
    space.apply(*(a_cluster(name) for name in names))
    for name in names:
        space.becomes(name, "Active")
        assert space.get("deployment", name)["metadata"]["generation"] == 1
    other.stop()
    assert not other.tracebacks()


def test_the_api_server_may_go_away_and_come_back(
    cluster: Cluster, operator: OperatorProcess, space: Namespace
) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    cluster.restart("apiserver")
    eventually(lambda: space.state("demo") == "Active")
    space.spec("demo", status="Stopped")
    space.becomes("demo", "Stopped", within=120)
    assert operator.running
    assert operator.metric("magecluster_api_errors_total") > 0


def test_only_the_named_namespaces_are_reconciled(
    cluster: Cluster, operator: OperatorProcess, bare: Namespace, tmp_path: Path
) -> None:
    operator.stop()
    cluster.kubectl("create", "namespace", f"{bare.name}-other")
    other = Namespace(cluster, f"{bare.name}-other")
    one = OperatorProcess(
        cluster.kubeconfig, tmp_path / "log", "--namespace", bare.name, f"--lease-namespace={bare.name}"
    )
    try:
        one.start().ready()
        other.apply(a_cluster())
        bare.apply(a_cluster())
        bare.becomes("demo", "Active")
        assert other.get("mc", "demo")["status"]["observedGeneration"] == UNSEEN
    finally:
        one.stop()
        cluster.kubectl("delete", "namespace", other.name, "--wait=false")
    assert not one.tracebacks()


def test_metrics_and_logs_name_what_happened(operator: OperatorProcess, space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    text = operator.get("/metrics")
    for name in (
        "magecluster_reconcile_duration_seconds_bucket",
        "magecluster_queue_depth",
        'magecluster_applies_total{kind="Deployment",outcome="created"}',
        'magecluster_clusters{state="Active"}',
        "process_resident_memory_bytes",
    ):
        assert name in text
    lines: list[dict[str, Any]] = [line for line in operator.lines() if line.get("cluster") == f"{space.name}/demo"]
    assert any("Applied Deployment demo" in line["event"] for line in lines)


def test_no_cluster_to_talk_to_is_one_clear_line(tmp_path: Path, cluster: Cluster) -> None:
    process = OperatorProcess(tmp_path / "absent", tmp_path / "log").start()
    eventually(lambda: not process.running)
    told = process.log.read_text()
    assert told.count("\n") == 1
    assert told.startswith("magecluster: there is no kubeconfig")


def test_an_unknown_context_is_one_clear_line(tmp_path: Path, cluster: Cluster) -> None:
    process = OperatorProcess(cluster.kubeconfig, tmp_path / "log", "--context=absent").start()
    eventually(lambda: not process.running)
    assert process.log.read_text().startswith("magecluster: no Kubernetes to talk to")
