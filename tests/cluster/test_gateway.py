"""The gateway in the pod. Its nodes are pretended, so nothing runs in it here."""

import json
from pathlib import Path

import pytest
import yaml
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster
from tests.support.operator import GATEWAY_IMAGE, OperatorProcess

from magecluster.api.magecluster import MageCluster
from magecluster.kube.difference import is_applied
from magecluster.resources import desired_objects
from magecluster.resources.platform import Platform

WITH = ["mage", "gateway", "runner"]


def containers(space: Namespace) -> list[str]:
    found = space.get("deployment", "demo").get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    return [container["name"] for container in found]


def entrances(space: Namespace) -> tuple[str, str]:
    service, policy = space.get("service", "demo"), space.get("networkpolicy", "demo")
    return service["spec"]["ports"][0]["targetPort"], policy["spec"]["ingress"][0]["ports"][0]["port"]


def test_it_comes_and_goes_with_the_wish(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    assert (containers(space), entrances(space)) == (WITH, ("gateway", "gateway"))
    space.spec("demo", gateway={"enabled": False})
    eventually(lambda: containers(space) == ["mage"])
    eventually(lambda: entrances(space) == ("http", "http"))


def test_what_was_applied_needs_no_further_write(space: Namespace) -> None:
    runs = {"resources": {"limits": {"memory": "1024Mi"}}}
    space.apply(a_cluster(gateway={"image": GATEWAY_IMAGE, "runs": runs}, kubernetesExecutor={"enabled": True}))
    space.becomes("demo", "Active")
    live = json.loads(space.kubectl("get", "deployment,service", "--output=json", "--show-managed-fields"))["items"]
    wanted = desired_objects(MageCluster.parse(space.get("mc", "demo")), "", Platform())
    for kind in ("Deployment", "Service"):
        (is_there,), (desired,) = ([o for o in some if o["kind"] == kind] for some in (live, wanted))
        assert is_applied(desired, is_there), kind
        assert is_there["metadata"].get("generation", 1) == 1


def test_without_an_image_what_runs_is_left_alone_and_the_remedy_told(
    operator: OperatorProcess, bare: Namespace, tmp_path: Path
) -> None:
    operator.stop()
    without = OperatorProcess(bare.cluster.kubeconfig, tmp_path / "log", gateway_image="").start()
    try:
        check_without_an_image(bare)
    finally:
        without.stop()


def check_without_an_image(space: Namespace) -> None:
    space.apply(a_cluster(gateway={"enabled": False}))
    space.becomes("demo", "Active")
    space.spec("demo", gateway={"enabled": True})
    told = eventually(lambda: space.condition("demo", "Degraded")["reason"] == "Invalid" and space.get("mc", "demo"))
    message = space.condition("demo", "Degraded")["message"]
    assert told["status"]["state"] == "Degraded"
    assert "spec.gateway.image" in message
    assert "--gateway-image" in message
    assert (containers(space), entrances(space)) == (["mage"], ("http", "http"))
    space.spec("demo", status="Stopped")
    space.becomes("demo", "Stopped")
    space.spec("demo", status="Active", gateway={"image": GATEWAY_IMAGE})
    space.becomes("demo", "Active")
    assert (containers(space), entrances(space)) == (WITH, ("gateway", "gateway"))


OTHER_IMAGE = GATEWAY_IMAGE.replace("0" * 64, "1" * 64)
CLOUD_API = "--cloud-api=http://magecluster-cloud-api.test.svc:80"


def gateway_of(space: Namespace) -> tuple[str, bool]:
    """Its image, and whether it knows the Cloud API, for which the pod then has a volume with a token."""
    pod = space.get("deployment", "demo")["spec"]["template"]["spec"]
    (found,) = [container for container in pod["containers"] if container["name"] == "gateway"]
    knows = CLOUD_API in found["args"]
    assert knows == any(volume["name"] == "cloud-api-token" for volume in pod["volumes"])
    return str(found["image"]), knows


def reconciled(space: Namespace, how_often: str) -> None:
    """Has a change reconciled that is no reason for a restart, to the end: the report comes last."""
    space.spec("demo", service={"annotations": {"reconciled": how_often}})

    def reported() -> bool:
        found = space.get("mc", "demo")
        return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])

    eventually(reported, what="a change is reconciled")
    assert space.get("service", "demo")["metadata"]["annotations"] == {"reconciled": how_often}


def test_another_installation_of_the_operator_restarts_nothing_and_the_next_restart_brings_what_is_new(
    operator: OperatorProcess, bare: Namespace, tmp_path: Path
) -> None:
    bare.apply(a_cluster())
    bare.becomes("demo", "Active")
    (pod,) = bare.all("pods")
    operator.stop()
    newer = OperatorProcess(bare.cluster.kubeconfig, tmp_path / "log", CLOUD_API, gateway_image=OTHER_IMAGE).start()
    try:
        eventually(newer.leading)
        reconciled(bare, "once")
        assert gateway_of(bare) == (GATEWAY_IMAGE, False)
        assert [each["metadata"]["uid"] for each in bare.all("pods")] == [pod["metadata"]["uid"]]
        bare.kubectl("set", "image", "deployment/demo", f"gateway={GATEWAY_IMAGE[:-1]}2")
        eventually(lambda: gateway_of(bare) == (OTHER_IMAGE, True), what="what somebody else set is not kept")
    finally:
        newer.stop()
    operator.start()
    eventually(operator.leading)
    reconciled(bare, "twice")
    assert gateway_of(bare) == (OTHER_IMAGE, True)
    bare.spec("demo", status="Stopped")
    bare.becomes("demo", "Stopped")
    bare.spec("demo", status="Active")
    bare.becomes("demo", "Active")
    assert gateway_of(bare) == (GATEWAY_IMAGE, False)
    assert not newer.tracebacks()


@pytest.mark.parametrize("change", [{"restartedAt": "2026-07-01T08:00:00Z"}, {"podLabels": {"a": "b"}}])
def test_what_restarts_a_pod_brings_what_is_new(
    operator: OperatorProcess, bare: Namespace, tmp_path: Path, change: dict[str, object]
) -> None:
    bare.apply(a_cluster())
    bare.becomes("demo", "Active")
    operator.stop()
    newer = OperatorProcess(bare.cluster.kubeconfig, tmp_path / "log", CLOUD_API, gateway_image=OTHER_IMAGE).start()
    try:
        bare.spec("demo", **change)
        eventually(lambda: gateway_of(bare) == (OTHER_IMAGE, True), what="the new gateway")
    finally:
        newer.stop()


def test_an_image_that_is_no_reference_is_refused(space: Namespace) -> None:
    for image in ("", "has space:1", "-x", "a//b", "a@sha256:12"):
        manifest = yaml.safe_dump(a_cluster(gateway={"image": image}))
        refusal = space.refused("apply", "--filename", "-", given=manifest)
        assert "spec.gateway.image" in refusal, image
