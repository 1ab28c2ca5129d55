"""A cluster's life: made, stopped, started, changed, deleted."""

import json
import re

from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace, a_cluster

from devkit.install import ROOT

COLLECTED = 90
"""Seconds for the garbage collector, which looks for new resource definitions only every 30 s."""

OWNED = ("deployment", "service", "serviceaccount", "networkpolicy")


def owner_uids(manifest: Manifest) -> list[str]:
    return [owner["uid"] for owner in manifest["metadata"].get("ownerReferences", [])]


def test_an_applied_manifest_becomes_a_ready_cluster(space: Namespace) -> None:
    space.apply(a_cluster(extraEnvs=[{"name": "GREETING", "value": "hello"}]))
    cluster = space.becomes("demo", "Active")
    status = cluster["status"]
    assert (status["ready"], status["replicas"], status["readyReplicas"], status["version"]) == ("1/1", 1, 1, "0.9.80")
    assert status["url"] == f"http://demo.{space.name}.svc:6789"
    assert status["observedGeneration"] == cluster["metadata"]["generation"]
    truth = {c["type"]: c["status"] for c in status["conditions"]}
    assert truth == {
        "Ready": "True",
        "Available": "True",
        "Progressing": "False",
        "Stopped": "False",
        "Degraded": "False",
    }
    for kind in OWNED:
        name = "demo-mage" if kind == "serviceaccount" else "demo"
        assert owner_uids(space.get(kind, name)) == [cluster["metadata"]["uid"]], kind
    assert space.get("pvc", "demo-data")["status"]["phase"] == "Bound"
    assert set(space.get("secret", "demo-auth")["data"]) == {"owner-password", "jwt-secret", "jwt-download-secret"}
    columns = space.kubectl("get", "mc", "demo").splitlines()
    assert columns[0].split() == ["NAME", "STATE", "READY", "REPLICAS", "VERSION", "URL", "AGE"]
    assert columns[1].split()[:6] == ["demo", "Active", "1/1", "1", "0.9.80", status["url"]]


def test_stop_and_start_by_status_keep_the_replica_count(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    before = {
        kind: space.get(kind, name)["metadata"]["uid"] for kind, name in (("pvc", "demo-data"), ("service", "demo"))
    }
    space.spec("demo", status="Stopped")
    stopped = space.becomes("demo", "Stopped")
    assert stopped["spec"]["replicaCount"] == 1
    assert stopped["status"]["ready"] == "0/0"
    assert space.all("pods") == []
    space.spec("demo", status="Active")
    space.becomes("demo", "Active")
    after = {
        kind: space.get(kind, name)["metadata"]["uid"] for kind, name in (("pvc", "demo-data"), ("service", "demo"))
    }
    assert after == before


def test_kubectl_scale_stops_and_starts(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    space.kubectl("scale", "mc/demo", "--replicas=0")
    space.becomes("demo", "Stopped")
    space.kubectl("scale", "mc/demo", "--replicas=1")
    space.becomes("demo", "Active")
    scale = json.loads(space.kubectl("get", "mc", "demo", "--subresource=scale", "-o", "json"))
    assert scale["status"]["replicas"] == 1
    assert len(space.all("pods", "-l", scale["status"]["selector"])) == 1


def test_events_tell_each_change_of_state_once(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    space.spec("demo", status="Stopped")
    space.becomes("demo", "Stopped")
    reasons = [reason for reason, _ in eventually(lambda: [e for e in [space.events("demo")] if len(e) >= 4][0:1])[0]]
    assert len(reasons) == len(set(reasons)), reasons
    described = space.kubectl("describe", "mc", "demo")
    assert all(reason in described for reason in reasons)


def test_restarted_at_restarts_once(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    space.spec("demo", restartedAt="2026-01-02T03:04:05Z")
    eventually(lambda: space.get("deployment", "demo")["metadata"]["generation"] == 2)
    first = space.becomes("demo", "Active")
    space.spec("demo", restartedAt="2026-01-02T03:04:05Z")
    assert space.get("mc", "demo")["metadata"]["generation"] == first["metadata"]["generation"]


def test_what_the_pod_does_not_see_does_not_restart_it(space: Namespace) -> None:
    manifest = a_cluster(extraEnvs=[{"name": "A", "value": "1"}])
    space.apply(manifest)
    space.becomes("demo", "Active")
    pods = {pod["metadata"]["uid"] for pod in space.all("pods")}
    space.apply(manifest)
    space.kubectl("label", "mc", "demo", "team=data")
    space.kubectl("annotate", "mc", "demo", "note=hello")
    space.spec("demo", service={"annotations": {"example.com/a": "b"}})
    eventually(lambda: space.get("service", "demo")["metadata"].get("annotations") == {"example.com/a": "b"})
    assert {pod["metadata"]["uid"] for pod in space.all("pods")} == pods
    assert space.get("deployment", "demo")["metadata"]["generation"] == 1


def retained(space: Namespace) -> set[tuple[str, str]]:
    """What the last command of docs/operations.md, Uninstall, shows of a namespace."""
    (command,) = re.findall(
        r"^kubectl (get pvc,secret .*?) +#", (ROOT / "docs/operations.md").read_text(), re.MULTILINE
    )
    found = json.loads(space.cluster.kubectl(*command.split(), "--output=json"))["items"]
    short = {"PersistentVolumeClaim": "pvc", "Secret": "secret"}
    return {(short[o["kind"]], o["metadata"]["name"]) for o in found if o["metadata"]["namespace"] == space.name}


def test_a_retained_volume_and_its_credentials_are_taken_up_again(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    volume, secret = space.get("pvc", "demo-data"), space.get("secret", "demo-auth")
    space.kubectl("delete", "mc", "demo")
    eventually(lambda: not space.all("deployments") and not space.all("services"), within=COLLECTED)
    assert space.get("pvc", "demo-data")["metadata"]["uid"] == volume["metadata"]["uid"]
    assert {("pvc", "demo-data"), ("secret", "demo-auth")} <= retained(space)
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    assert space.get("pvc", "demo-data")["metadata"]["uid"] == volume["metadata"]["uid"]
    assert space.get("secret", "demo-auth")["data"] == secret["data"]


def test_a_volume_that_is_not_retained_goes_with_its_cluster(space: Namespace) -> None:
    space.apply(a_cluster(storage={"retention": "Delete"}))
    space.becomes("demo", "Active")
    space.kubectl("delete", "mc", "demo")
    eventually(lambda: not space.all("pvc") and not space.get("secret", "demo-auth"), within=COLLECTED)


def test_retention_can_be_changed_until_the_end(space: Namespace) -> None:
    space.apply(a_cluster(storage={"retention": "Delete"}))
    space.becomes("demo", "Active")
    assert owner_uids(space.get("pvc", "demo-data"))
    space.apply(a_cluster(storage={"retention": "Retain"}))
    eventually(lambda: not owner_uids(space.get("pvc", "demo-data")))
    eventually(lambda: not owner_uids(space.get("secret", "demo-auth")))


def test_deleted_and_made_again_at_once(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    space.kubectl("delete", "mc", "demo", "--wait=false")
    space.apply(a_cluster())
    uid = space.get("mc", "demo")["metadata"]["uid"]
    eventually(lambda: owner_uids(space.get("deployment", "demo") or {"metadata": {}}) == [uid], within=COLLECTED)
    space.becomes("demo", "Active")


def test_a_deleted_namespace_ends_without_errors(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    space.kubectl("delete", "namespace", space.name, "--timeout=60s")
    assert space.cluster.kubectl("get", "namespace", space.name, "--ignore-not-found") == ""


def test_of_a_quick_series_of_edits_the_last_one_wins(space: Namespace) -> None:
    """Each edit may fall into the operator's own write of the status."""
    names = [f"c{number}" for number in range(4)]
    space.apply(*map(a_cluster, names))
    for turn in range(8):
        for name in names:
            space.spec(name, podAnnotations={"turn": str(turn)})
    for name in names:
        eventually(lambda: turn_of(space, name) == "7", what=f"{name} has its last edit")  # noqa: B023  asked at once


def turn_of(space: Namespace, name: str) -> str:
    template = space.get("deployment", name).get("spec", {}).get("template", {})
    return str(template.get("metadata", {}).get("annotations", {}).get("turn", ""))


def test_a_namespace_that_enforces_baseline_lets_all_its_containers_in(space: Namespace) -> None:
    space.enforce("baseline")
    git = {"repository": "https://git.example.com/sales.git"}
    space.apply(a_cluster(kubernetesExecutor={"enabled": True}, git=git))
    space.becomes("demo", "Active")
    (pod,) = space.all("pods")
    assert [c["name"] for c in pod["spec"]["containers"]] == ["mage", "gateway", "runner", "deployer"]
