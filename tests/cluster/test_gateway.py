"""The gateway in the pod. Its nodes are pretended, so nothing runs in it here."""

import yaml
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster

IMAGE = "registry.example.com/magecluster@sha256:" + "0" * 64


def containers(space: Namespace) -> list[str]:
    found = space.get("deployment", "demo").get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    return [container["name"] for container in found]


def entrances(space: Namespace) -> tuple[str, str]:
    service, policy = space.get("service", "demo"), space.get("networkpolicy", "demo")
    return service["spec"]["ports"][0]["targetPort"], policy["spec"]["ingress"][0]["ports"][0]["port"]


def test_it_comes_and_goes_with_the_wish(space: Namespace) -> None:
    space.apply(a_cluster(gateway={"enabled": True, "image": IMAGE}))
    space.becomes("demo", "Active")
    assert (containers(space), entrances(space)) == (["mage", "gateway"], ("gateway", "gateway"))
    space.spec("demo", gateway={"enabled": False})
    eventually(lambda: containers(space) == ["mage"])
    eventually(lambda: entrances(space) == ("http", "http"))


def test_without_an_image_what_runs_is_left_alone_and_the_remedy_told(space: Namespace) -> None:
    space.apply(a_cluster())
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
    space.spec("demo", status="Active", gateway={"image": IMAGE})
    space.becomes("demo", "Active")
    assert (containers(space), entrances(space)) == (["mage", "gateway"], ("gateway", "gateway"))


def test_an_image_that_is_no_reference_is_refused(space: Namespace) -> None:
    for image in ("", "has space:1", "-x", "a//b", "a@sha256:12"):
        manifest = yaml.safe_dump(a_cluster(gateway={"image": image}))
        refusal = space.refused("apply", "--filename", "-", given=manifest)
        assert "spec.gateway.image" in refusal, image
