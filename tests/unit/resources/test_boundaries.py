"""What docs/security.md claims of the pod of a cluster, for every cluster of tests/data."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from magecluster.api.magecluster import MageCluster
from magecluster.resources import desired_objects
from magecluster.resources.platform import Platform

DATA = Path(__file__).parents[2] / "data/clusters"
PLATFORM = Platform(gateway_image="registry.example.com/magecluster:1.2.3")
FILES = sorted(DATA.glob("*.yaml"))


def objects(path: Path) -> dict[str, dict[str, Any]]:
    cluster = MageCluster.parse(yaml.safe_load(path.read_text()))
    return {manifest["kind"]: manifest for manifest in desired_objects(cluster, "", PLATFORM)}


def containers(path: Path) -> list[dict[str, Any]]:
    spec = objects(path)["Deployment"]["spec"]["template"]["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_one_port_is_open_and_it_is_the_one_of_the_service(path: Path) -> None:
    found = objects(path)
    policy = found["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    (rule,) = policy["ingress"]
    (port,) = rule["ports"]
    (served,) = found["Service"]["spec"]["ports"]
    named = {p["name"]: p["containerPort"] for c in containers(path) for p in c.get("ports", [])}
    assert named.get(port["port"], port["port"]) == named.get(served["targetPort"], served["targetPort"])
    assert policy["podSelector"]["matchLabels"] == found["Deployment"]["spec"]["selector"]["matchLabels"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_container_may_gain_rights_and_ours_have_none(path: Path) -> None:
    spec = objects(path)["Deployment"]["spec"]["template"]["spec"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    for container in containers(path):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert "privileged" not in context
        if container["name"] == "gateway":
            assert context["runAsNonRoot"]
            assert context["readOnlyRootFilesystem"]
            assert "add" not in context["capabilities"]


def test_a_pod_that_is_to_be_restricted_is() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    path = DATA / "restricted.yaml"
    spec = objects(path)["Deployment"]["spec"]["template"]["spec"]
    assert spec["securityContext"]["fsGroup"] == 1000
    assert {kind for volume in spec["volumes"] for kind in volume} == {
        *("name", "emptyDir", "persistentVolumeClaim", "secret"),
    }
    assert {c["name"] for c in containers(path)} == {"runner-files", "mage", "gateway", "runner", "deployer"}
    for container in containers(path):
        context = container["securityContext"]
        assert context["runAsNonRoot"]
        assert context["runAsUser"] > 0
        assert context["capabilities"] == {"drop": ["ALL"]}
        if container["image"].startswith("mageai/"):
            (home,) = [env["value"] for env in container["env"] if env["name"] == "HOME"]
            assert (home == "/home/src") == (container["name"] != "deployer")


def test_credentials_for_git_are_mounted_into_the_deployer_alone() -> None:
    path = DATA / "git.yaml"
    spec = objects(path)["Deployment"]["spec"]["template"]["spec"]
    (secret,) = [volume["name"] for volume in spec["volumes"] if "secret" in volume]
    having = [c["name"] for c in containers(path) if secret in {mount["name"] for mount in c["volumeMounts"]}]
    assert having == ["deployer"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_deployer_looks_for_no_code_on_the_volume(path: Path) -> None:
    for container in containers(path):
        if container["name"] == "deployer":
            (code,) = [mount for mount in container["volumeMounts"] if mount["mountPath"] == "/opt/magecluster"]
            assert code["readOnly"]
            assert container["workingDir"] == "/opt/magecluster"
            found = {env["name"]: env.get("value", "") for env in container["env"]}
            assert (found["PYTHONPATH"], found["PYTHONNOUSERSITE"]) == ("/opt/magecluster", "1")
            assert not found.get("HOME", "").startswith("/home/src")
