"""The gateway in the pod. Its nodes are pretended, so nothing runs in it here."""

import json
from pathlib import Path

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


def test_an_image_that_is_no_reference_is_refused(space: Namespace) -> None:
    for image in ("", "has space:1", "-x", "a//b", "a@sha256:12"):
        manifest = yaml.safe_dump(a_cluster(gateway={"image": image}))
        refusal = space.refused("apply", "--filename", "-", given=manifest)
        assert "spec.gateway.image" in refusal, image
