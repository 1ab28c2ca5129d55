"""Where the files are, and how they stay."""

from typing import Any, NamedTuple

import pytest
from tests.support.releases import (
    CLAIM,
    HOST,
    a_claim,
    a_deployment,
    a_release,
    an_object,
    planned,
    spec_of,
    told,
)

from magecluster.adopt.facts import Choices

Volume = dict[str, Any]


def mounted(*pairs: tuple[Volume, str], **more: Any) -> dict[str, Any]:
    """A Deployment with these volumes at these places."""
    mounts = [{"name": volume["name"], "mountPath": path, **more} for volume, path in pairs]
    return a_deployment(pod={"volumes": [volume for volume, _ in pairs]}, volumeMounts=mounts)


def a_volume(name: str, **source: Any) -> Volume:
    return {"name": name, **source}


def test_a_claim_at_home_is_used_as_it_is() -> None:
    found = planned()
    assert spec_of(found)["storage"] == {"existingClaim": "files", "size": "20Gi", "storageClassName": "fast"}
    assert (found.takeover.claim, found.takeover.job, found.obstacles) == (None, None, ())


def test_a_shared_claim_stays_shared() -> None:
    found = planned(claims={"files": a_claim("files", "5Gi", "ReadWriteOnce", "ReadWriteMany")})
    assert spec_of(found)["storage"]["accessMode"] == "ReadWriteMany"


def test_files_of_a_node_are_copied_on_that_node() -> None:
    found = planned(mounted((HOST, "/home/src")), choices=Choices(size="30Gi", storage_class="slow"))
    assert found.obstacles == ()
    assert spec_of(found)["storage"] == {"size": "30Gi", "storageClassName": "slow"}
    assert found.takeover.claim is not None
    assert found.takeover.claim["metadata"]["name"] == "mageai-data"
    assert found.takeover.job is not None
    pod = found.takeover.job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["command"][3:] == ["/to", "/from/0", ""]
    assert container["volumeMounts"][1] == {"name": "mage-fs", "mountPath": "/from/0", "readOnly": True}
    assert pod["volumes"] == [{"name": "to", "persistentVolumeClaim": {"claimName": "mageai-data"}}, HOST]
    term = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"][0]
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]
    assert "hostPath /srv/mage at /home/src is copied into a new volume of 30Gi" in told(found)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({}, {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}),
        (
            {"requests": {"cpu": "2"}, "limits": {"memory": "4Gi", "nvidia.com/gpu": "1"}},
            {"requests": {"cpu": "2"}, "limits": {"memory": "4Gi"}},
        ),
    ],
)
def test_the_copy_asks_for_what_mage_had_and_for_something_in_any_case(asked: Volume, given: Volume) -> None:
    deployment = a_deployment(pod={"volumes": [HOST]}, resources=asked)
    job = planned(deployment).takeover.job
    assert job is not None
    assert job["spec"]["template"]["spec"]["containers"][0]["resources"] == given


@pytest.mark.parametrize("more", [{"subPath": "mage"}, {"readOnly": True}])
def test_a_part_of_a_claim_cannot_be_mounted_so_again_and_is_copied(more: dict[str, Any]) -> None:
    found = planned(mounted((CLAIM, "/home/src"), **more))
    assert found.takeover.claim is not None
    assert "existingClaim" not in spec_of(found)["storage"]


def test_several_volumes_and_parts_of_volumes_are_copied_into_one() -> None:
    other = a_volume("outputs", persistentVolumeClaim={"claimName": "outputs"})
    deployment = mounted((other, "/home/src/mage_data"), (CLAIM, "/home/src"))
    deployment["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][1]["subPath"] = "mage"
    found = planned(deployment, claims={"files": a_claim(), "outputs": a_claim("outputs", "50Gi")})
    assert found.takeover.job is not None
    container = found.takeover.job["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][3:] == ["/to", "/from/0", "", "/from/1", "mage_data"]
    assert [mount.get("subPath") for mount in container["volumeMounts"]] == [None, "mage", None]
    assert spec_of(found)["storage"]["size"] == "50Gi"


class Case(NamedTuple):
    name: str
    deployment: dict[str, Any]
    obstacle: str
    live: dict[str, Any] = {}  # noqa: RUF012  never written
    choices: Choices = Choices()


CONFIG = a_volume("io", configMap={"name": "io"})
STOPS = [
    Case("no volume", a_deployment(volumeMounts=[]), "Mage has no volume at /home/src"),
    Case("another place", mounted((CLAIM, "/data")), "cannot mount volume mage-fs (persistentVolumeClaim) at /data"),
    Case(
        "a file of a ConfigMap in the project",
        mounted((CLAIM, "/home/src"), (CONFIG, "/home/src/default_repo/io_config.yaml")),
        "cannot mount volume io (configMap) at /home/src/default_repo/io_config.yaml: copy the files to the project, "
        "or do without it by --leave-out io",
    ),
    Case(
        "a claim that waits", a_deployment(), "claim files is Pending", {"claims": {"files": a_claim(phase="Pending")}}
    ),
    Case("a claim that is gone", a_deployment(), "claim files is not there", {"claims": {}}),
    Case("a size for a claim", a_deployment(), "are for a new volume", {}, Choices(size="1Gi")),
    Case("a node that nobody knows", mounted((HOST, "/home/src")), "does not run, so nobody", {"nodes": ()}),
    Case(
        "two nodes",
        mounted((HOST, "/home/src")),
        "run on a, b, and each node has files of its own: name it with --node",
        {"nodes": ("a", "b")},
    ),
    Case("a path that depends on the pod", mounted((HOST, "/home/src"), subPathExpr="$(A)"), "use subPath"),
]


@pytest.mark.parametrize("case", STOPS, ids=lambda case: case.name)
def test_what_cannot_stay_stops_with_the_remedy(case: Case) -> None:
    found = planned(case.deployment, choices=case.choices, **case.live)
    assert any(case.obstacle in each for each in found.obstacles), found.obstacles


def test_what_nobody_needs_is_left_out() -> None:
    deployment = mounted(
        (CLAIM, "/home/src"),
        (CONFIG, "/opt/io"),
        (a_volume("pro", configMap={"name": "pro"}), "/etc/mage/workspace-config.yaml"),
        (a_volume("scratch", emptyDir={}), "/scratch"),
    )
    found = planned(deployment, choices=Choices(leave_out=frozenset({"io"})))
    assert found.obstacles == ()
    assert spec_of(found)["storage"]["existingClaim"] == "files"
    text = told(found)
    assert "io at /opt/io is left out, as you say" in text
    assert "it is for Mage Pro" in text
    assert "the empty volume scratch at /scratch" in text


def test_what_may_be_in_use_is_not_to_be_deleted() -> None:
    kinds = ("PersistentVolumeClaim", "Ingress", "CronJob", "ServiceMonitor", "ServiceAccount")
    existing = (*(f"{kind}/x".lower() for kind in kinds), "service/mageai", "deployment/mageai")
    found = planned(release=a_release(*(an_object(kind, "x") for kind in kinds)), existing=existing)
    assert found.takeover.kept == ["persistentvolumeclaim/x", "ingress/x", "cronjob/x", "servicemonitor/x"]
    assert found.takeover.unneeded == ["serviceaccount/x"]
