"""Drift, pruning, references, and trouble that is told instead of hidden."""

import pytest
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster

CHECKSUM = "magecluster.io/references-checksum"


def image_of(space: Namespace) -> str:
    return str(space.get("deployment", "demo")["spec"]["template"]["spec"]["containers"][0]["image"])


def checksum_of(space: Namespace) -> str:
    return str(space.get("deployment", "demo")["spec"]["template"]["metadata"].get("annotations", {}).get(CHECKSUM, ""))


def test_drift_is_repaired_and_what_others_own_is_left_alone(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    space.kubectl("annotate", "deployment", "demo", "others=keep")
    space.kubectl("set", "image", "deployment/demo", "mage=mageai/mageai:other")
    eventually(lambda: image_of(space) == "mageai/mageai:0.9.80")
    space.kubectl("scale", "deployment/demo", "--replicas=3")
    eventually(lambda: space.get("deployment", "demo")["spec"]["replicas"] == 1)
    space.kubectl("label", "service", "demo", "app.kubernetes.io/managed-by-")
    eventually(lambda: "app.kubernetes.io/managed-by" in space.get("service", "demo")["metadata"]["labels"])
    assert space.get("deployment", "demo")["metadata"]["annotations"]["others"] == "keep"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("deployment", "demo"), ("service", "demo"), ("networkpolicy", "demo"), ("serviceaccount", "demo-mage")],
)
def test_a_deleted_object_comes_back(space: Namespace, kind: str, name: str) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    uid = space.get(kind, name)["metadata"]["uid"]
    space.kubectl("delete", kind, name)
    eventually(lambda: space.get(kind, name).get("metadata", {}).get("uid", uid) != uid)
    space.becomes("demo", "Active")


def test_what_is_no_longer_wanted_is_pruned(space: Namespace) -> None:
    space.apply(
        a_cluster(
            ingress={"enabled": True, "hosts": [{"host": "mage.example.com"}]}, kubernetesExecutor={"enabled": True}
        )
    )
    space.becomes("demo", "Active")
    assert space.get("mc", "demo")["status"]["url"] == "http://mage.example.com"
    assert space.get("role", "demo-mage")
    assert space.get("rolebinding", "demo-mage")
    warning = space.condition("demo", "KubernetesExecutorReady")
    assert (warning["status"], warning["reason"]) == ("False", "NeedsDatabase")
    space.apply(a_cluster())
    eventually(lambda: not space.all("ingresses") and not space.all("roles") and not space.all("rolebindings"))
    eventually(lambda: not space.condition("demo", "KubernetesExecutorReady")["status"])


def test_the_executor_is_implied_by_its_variable(space: Namespace) -> None:
    space.apply(a_cluster(extraEnvs=[{"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"}]))
    space.becomes("demo", "Active")
    assert space.get("role", "demo-mage")
    assert space.get("deployment", "demo")["spec"]["template"]["spec"]["automountServiceAccountToken"] is True


def test_without_the_executor_mage_has_no_token_and_no_rights(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    assert space.get("deployment", "demo")["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    assert space.all("roles") == []


def test_a_missing_secret_is_named_and_its_arrival_starts_the_cluster(space: Namespace) -> None:
    reference = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}}
    space.apply(a_cluster(extraEnvs=[reference]))
    space.becomes("demo", "Degraded")
    told = space.condition("demo", "Degraded")
    assert told["reason"] == "SecretMissing"
    assert "Secret token" in told["message"]
    assert space.all("deployments") == []
    space.kubectl("create", "secret", "generic", "token", "--from-literal=other=1")
    eventually(lambda: "key value of Secret token" in space.condition("demo", "Degraded")["message"])
    space.kubectl("patch", "secret", "token", "-p", '{"stringData": {"value": "1"}}')
    space.becomes("demo", "Active")


def test_a_claim_of_others_is_mounted_named_when_it_is_missing_and_never_touched(space: Namespace) -> None:
    space.apply(a_cluster(storage={"existingClaim": "theirs", "project": "sales"}))
    space.becomes("demo", "Degraded")
    told = space.condition("demo", "Degraded")
    assert told["reason"] == "VolumePending"
    assert "Claim theirs, which spec.storage.existingClaim names, does not exist" in told["message"]
    assert space.all("deployments") == []
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    space.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "theirs"}, "spec": claim})
    space.becomes("demo", "Active")
    pod = space.get("deployment", "demo")["spec"]["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "theirs"}
    assert {"name": "USER_CODE_PATH", "value": "/home/src/sales"} in pod["containers"][0]["env"]
    live = space.all("pvc")
    assert [(c["metadata"]["name"], c["metadata"].get("labels")) for c in live] == [("theirs", None)]
    space.kubectl("delete", "mc", "demo", "--cascade=foreground")
    assert space.get("pvc", "theirs")["metadata"]["uid"] == live[0]["metadata"]["uid"]


def test_a_changed_secret_or_config_map_rolls_the_pod(space: Namespace) -> None:
    space.kubectl("create", "secret", "generic", "token", "--from-literal=value=1", "--from-literal=unused=1")
    space.kubectl("create", "configmap", "settings", "--from-literal=region=north")
    space.apply(
        a_cluster(
            extraEnvs=[
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}},
                {"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "region"}}},
            ]
        )
    )
    space.becomes("demo", "Active")
    first = checksum_of(space)
    space.kubectl("patch", "secret", "token", "-p", '{"stringData": {"value": "2"}}')
    second = eventually(lambda: checksum_of(space) if checksum_of(space) != first else "")
    space.kubectl("patch", "configmap", "settings", "-p", '{"data": {"region": "south"}}')
    third = eventually(lambda: checksum_of(space) if checksum_of(space) != second else "")
    assert len({first, second, third}) == 3
    space.becomes("demo", "Active")
    generation = space.get("deployment", "demo")["metadata"]["generation"]
    space.kubectl("patch", "secret", "token", "-p", '{"stringData": {"unused": "2"}}')
    space.spec("demo", service={"annotations": {"a": "b"}})  # once this is applied, the Secret was read again
    eventually(lambda: space.get("service", "demo")["metadata"].get("annotations") == {"a": "b"})
    assert space.get("deployment", "demo")["metadata"]["generation"] == generation


def test_a_running_cluster_survives_a_bad_edit(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    pods = {pod["metadata"]["uid"] for pod in space.all("pods")}
    space.apply(a_cluster(extraEnvs=[{"name": "T", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "k"}}}]))
    cluster = space.becomes("demo", "Degraded")
    assert space.condition("demo", "Degraded")["reason"] == "SecretMissing"
    assert space.condition("demo", "Available")["status"] == "True"
    assert cluster["status"]["ready"] == "1/1"
    assert {pod["metadata"]["uid"] for pod in space.all("pods")} == pods
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    assert {pod["metadata"]["uid"] for pod in space.all("pods")} == pods


def test_an_object_of_somebody_else_is_not_taken_over(space: Namespace) -> None:
    space.kubectl("create", "service", "clusterip", "demo", "--tcp=80:80")
    before = space.get("service", "demo")
    space.apply(a_cluster())
    space.becomes("demo", "Degraded")
    told = space.condition("demo", "Degraded")
    assert told["reason"] == "NameConflict"
    assert "Service demo exists" in told["message"]
    assert space.get("service", "demo") == before


def test_a_quota_is_named(space: Namespace) -> None:
    space.kubectl("create", "quota", "small", "--hard=persistentvolumeclaims=0")
    eventually(lambda: space.get("quota", "small").get("status", {}).get("hard"))
    space.apply(a_cluster())
    eventually(lambda: space.condition("demo", "Degraded")["reason"] == "QuotaExceeded", within=60)
    assert "persistentvolumeclaims" in space.condition("demo", "Degraded")["message"]


def test_a_quota_on_pods_is_named(space: Namespace) -> None:
    space.kubectl("create", "quota", "small", "--hard=pods=0")
    eventually(lambda: space.get("quota", "small").get("status", {}).get("hard"))
    space.apply(a_cluster())
    eventually(lambda: space.condition("demo", "Degraded")["reason"] == "QuotaExceeded", within=60)


def test_a_pod_that_fits_no_node_is_named(space: Namespace) -> None:
    space.apply(a_cluster(nodeSelector={"pool": "none"}))
    eventually(lambda: space.condition("demo", "Degraded")["reason"] == "Unschedulable", within=60)
    space.apply(a_cluster())
    space.becomes("demo", "Active")


def test_a_volume_without_class_is_named(space: Namespace) -> None:
    space.apply(a_cluster(storage={"storageClassName": "absent"}))
    eventually(lambda: space.condition("demo", "Degraded")["reason"] == "VolumePending", within=60)
    assert "absent" in space.condition("demo", "Degraded")["message"]


def test_lost_credentials_are_made_anew_and_others_never_rewritten(space: Namespace) -> None:
    space.apply(a_cluster())
    space.becomes("demo", "Active")
    space.patch("secret", "demo-auth", {"stringData": {"owner-password": "chosen"}})
    version = space.get("secret", "demo-auth")["metadata"]["resourceVersion"]
    space.spec("demo", podAnnotations={"a": "b"})
    space.becomes("demo", "Active")
    assert space.get("secret", "demo-auth")["metadata"]["resourceVersion"] == version
    space.kubectl("delete", "secret", "demo-auth")
    space.spec("demo", podAnnotations={"a": "c"})
    eventually(lambda: space.get("secret", "demo-auth"))
