"""Bad input is refused by the API server, with a message that says what to do. No operator takes part."""

from typing import Any

import pytest
import yaml
from tests.support.kube import Namespace, a_cluster

ENV = {"name": "A", "value": "1"}

REFUSED = {
    "an unknown field": (a_cluster(replicas=2), "unknown field"),
    "an unknown field further down": (a_cluster(storage={"sizes": "1Gi"}), "unknown field"),
    "a wrong type": (a_cluster(replicaCount="two"), "must be of type integer"),
    "a wrong type of a list": (a_cluster(extraEnvs="A=1"), "must be of type array"),
    "an environment variable twice": (a_cluster(extraEnvs=[ENV, ENV]), 'Duplicate value: {"name":"A"}'),
    "a reserved environment variable": (
        a_cluster(extraEnvs=[{"name": "REQUIRE_USER_AUTHENTICATION", "value": "0"}]),
        "REQUIRE_USER_AUTHENTICATION is set by the operator: remove it",
    ),
    "a variable without a value": (a_cluster(extraEnvs=[{"name": "A"}]), "give either value or valueFrom"),
    "a variable with two values": (
        a_cluster(extraEnvs=[{**ENV, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        "give either value or valueFrom",
    ),
    "a variable from two sources": (
        a_cluster(
            extraEnvs=[
                {
                    "name": "A",
                    "valueFrom": {
                        "secretKeyRef": {"name": "s", "key": "k"},
                        "fieldRef": {"fieldPath": "metadata.name"},
                    },
                }
            ]
        ),
        "give exactly one of secretKeyRef, configMapKeyRef and fieldRef",
    ),
    "a base path that the probes cannot know": (
        a_cluster(extraEnvs=[{"name": "MAGE_BASE_PATH", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        "a base path is given by value",
    ),
    "a path of Python's that the operator cannot add to": (
        a_cluster(extraEnvs=[{"name": "PYTHONPATH", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        "so is PYTHONPATH",
    ),
    "a repository with a password in its address": (
        a_cluster(git={"repository": "https://me:password@example.com/team/project.git"}),
        "should match",
    ),
    "a claim of others that goes with the cluster": (
        a_cluster(storage={"existingClaim": "theirs", "retention": "Delete"}),
        "an existing claim is never deleted with the cluster",
    ),
    "a project beside the volume": (a_cluster(storage={"project": "../etc"}), "should match"),
    "a project in the operator's own folder": (a_cluster(storage={"project": ".magecluster/x"}), "should match"),
    "a repository on the volume": (a_cluster(git={"repository": "file:///home/src"}), "should match"),
    "a folder above the repository": (
        a_cluster(git={"repository": "https://example.com/a/b.git", "directory": "../other"}),
        "should match",
    ),
    "deployments without the gateway": (
        a_cluster(gateway={"enabled": False}, git={"repository": "https://example.com/a/b.git"}),
        "deployments are asked for through the gateway",
    ),
    "Jobs beside a pod that is not root": (
        a_cluster(podSecurity={"standard": "Restricted"}, kubernetesExecutor={"enabled": True}),
        "Mage's Jobs have no security context",
    ),
    "Jobs by the variable beside a pod that is not root": (
        a_cluster(
            podSecurity={"standard": "Restricted"}, extraEnvs=[{"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"}]
        ),
        "Mage's Jobs have no security context",
    ),
    "root by another name": (
        a_cluster(podSecurity={"standard": "Restricted", "runAsUser": 0}),
        "greater than or equal",
    ),
    "a name of a variable": (a_cluster(extraEnvs=[{"name": "1A", "value": ""}]), "should match"),
    "replicas without Redis and shared volume": (a_cluster(replicaCount=2), "more than one replica needs REDIS_URL"),
    "a negative number of replicas": (a_cluster(replicaCount=-1), "should be greater than or equal to 0"),
    "an unknown status": (a_cluster(status="Paused"), 'supported values: "Active", "Stopped"'),
    "a quantity of the volume": (a_cluster(storage={"size": "ten gigabytes"}), "should match"),
    "a quantity of memory": (a_cluster(resources={"limits": {"memory": "lots"}}), "should match"),
    "an image": (a_cluster(image={"repository": "mage ai/mage"}), "should match"),
    "a tag": (a_cluster(image={"tag": "0.9.80:latest"}), "should match"),
    "a digest": (a_cluster(image={"digest": "sha256:12"}), "should match"),
    "a host": (a_cluster(ingress={"enabled": True, "hosts": [{"host": "https://mage.example.com"}]}), "should match"),
    "an ingress without host": (a_cluster(ingress={"enabled": True}), "needs at least one host"),
    "a snippet": (
        a_cluster(ingress={"annotations": {"nginx.ingress.kubernetes.io/server-snippet": "x"}}),
        "snippet annotations run configuration",
    ),
    "a snippet of another controller": (
        a_cluster(ingress={"annotations": {"nginx.org/server-snippets": "x"}}),
        "snippet annotations run configuration",
    ),
    "configuration of a controller": (
        a_cluster(ingress={"annotations": {"haproxy-ingress.github.io/config-backend": "x"}}),
        "snippet annotations run configuration",
    ),
    "an order to the container runtime": (
        a_cluster(podAnnotations={"io.kubernetes.cri-o.Devices": "/dev/sda"}),
        "orders to the container runtime of the node are refused",
    ),
    "an order to the virtual machine of a pod": (
        a_cluster(podAnnotations={"io.katacontainers.config.hypervisor.path": "/bin/sh"}),
        "orders to the container runtime of the node are refused",
    ),
    "a label of ours": (a_cluster(podLabels={"app.kubernetes.io/name": "x"}), "belong to the operator"),
    "a long name": (a_cluster("a" * 41), "at most 40 characters"),
    "a name that no Service can have": (a_cluster("1st"), "beginning with a letter"),
    "a name with a dot": (a_cluster("a.b"), "at most 40 characters: lower-case letters, digits and '-'"),
    "an address of the owner": (a_cluster(auth={"ownerEmail": "ada"}), "should match"),
    "a time of restart": (a_cluster(restartedAt="now"), "must be of type date-time"),
}


@pytest.mark.parametrize(("manifest", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(bare: Namespace, manifest: dict[str, Any], message: str) -> None:
    assert message in bare.refused("apply", "-f", "-", given=yaml.safe_dump(manifest))
    assert not bare.all("mc")


FIXED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a smaller volume": ({"size": "10Gi"}, {"size": "9Gi"}, "a volume cannot be made smaller"),
    "a smaller volume in other words": ({"size": "1Gi"}, {"size": "1023Mi"}, "a volume cannot be made smaller"),
    "another storage class": (
        {"storageClassName": "fast"},
        {"storageClassName": "slow"},
        "storageClassName cannot be changed after creation",
    ),
    "a first storage class": ({}, {"storageClassName": "slow"}, "storageClassName cannot be changed after creation"),
    "another claim": (
        {"existingClaim": "one"},
        {"existingClaim": "other"},
        "existingClaim cannot be changed after creation",
    ),
    "a claim that was the operator's": ({}, {"existingClaim": "one"}, "existingClaim cannot be changed after creation"),
    "no claim any more": ({"existingClaim": "one"}, {}, "existingClaim cannot be changed after creation"),
    "another project": ({}, {"project": "other"}, "project cannot be changed after creation"),
    "another access mode": (
        {"accessMode": "ReadWriteOnce"},
        {"accessMode": "ReadWriteMany"},
        "accessMode cannot be changed after creation",
    ),
}


@pytest.mark.parametrize(("before", "after", "message"), FIXED.values(), ids=FIXED)
def test_what_cannot_be_changed(bare: Namespace, before: dict[str, Any], after: dict[str, Any], message: str) -> None:
    bare.apply(a_cluster(storage=before))
    was = bare.get("mc", "demo")
    assert message in bare.refused("apply", "-f", "-", given=yaml.safe_dump(a_cluster(storage=after)))
    assert bare.get("mc", "demo") == was


def test_a_volume_can_grow_and_be_written_in_other_words(bare: Namespace) -> None:
    bare.apply(a_cluster(storage={"size": "1024Mi"}))
    bare.apply(a_cluster(storage={"size": "1Gi"}))
    bare.apply(a_cluster(storage={"size": "2Gi"}))
    assert bare.get("mc", "demo")["spec"]["storage"]["size"] == "2Gi"


def test_several_replicas_with_all_they_need(bare: Namespace) -> None:
    redis = {"name": "REDIS_URL", "value": "redis://redis:6379/0"}
    bare.apply(
        a_cluster(
            replicaCount=2,
            extraEnvs=[redis],
            storage={"accessMode": "ReadWriteMany"},
            database={"secretKeyRef": {"name": "postgres"}},
        )
    )
    assert bare.get("mc", "demo")["spec"]["database"] == {"secretKeyRef": {"name": "postgres", "key": "url"}}


def test_annotations_that_only_the_cloud_api_refuses(bare: Namespace) -> None:
    networks = {"k8s.v1.cni.cncf.io/networks": "lab", "a": "b"}
    tls = {"nginx.ingress.kubernetes.io/auth-tls-secret": f"{bare.name}/ca"}
    bare.apply(a_cluster(podAnnotations=networks, ingress={"annotations": tls}))
    spec = bare.get("mc", "demo")["spec"]
    assert (spec["podAnnotations"], spec["ingress"]["annotations"]) == (networks, tls)


def test_defaults_stand_in_the_object(bare: Namespace) -> None:
    bare.apply(a_cluster())
    spec = bare.get("mc", "demo")["spec"]
    assert spec["replicaCount"] == 1
    assert spec["status"] == "Active"
    assert spec["image"]["repository"] == "mageai/mageai"
    assert spec["storage"] == {
        "size": "10Gi",
        "accessMode": "ReadWriteOnce",
        "retention": "Retain",
        "project": "default_repo",
    }
    assert spec["service"]["type"] == "ClusterIP"


def test_explain_tells_every_field(bare: Namespace) -> None:
    told = bare.kubectl("explain", "mageclusters.spec", "--recursive")
    for field in ("replicaCount", "extraEnvs", "storage", "kubernetesExecutor", "restartedAt"):
        assert field in told
    assert "keeps everything else" in " ".join(bare.kubectl("explain", "mc.spec.status").split())
