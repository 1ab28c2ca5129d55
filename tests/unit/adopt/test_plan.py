"""The MageCluster that would replace a release, what differs, and what stands in the way."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from tests.support.releases import SERVICE, a_claim, a_deployment, a_release, an_object, planned, spec_of, told

from magecluster.adopt.facts import Choices, Takeover
from magecluster.adopt.plan import CannotPlanError
from magecluster.adopt.report import farewell, report

Manifest = dict[str, Any]
JOBS = {"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"}
ROLE = {"name": "INSTANCE_TYPE", "value": "scheduler"}
WEB = {"name": "INSTANCE_TYPE", "value": "web_server"}
REDIS = {"name": "REDIS_URL", "value": "redis://redis:6379/0"}
SHARED = {"claims": {"files": a_claim("files", "1Gi", "ReadWriteMany")}}
DATABASE = {"name": "MAGE_DATABASE_CONNECTION_URL", "value": "postgresql://db/mage"}


def test_the_least_that_there_can_be() -> None:
    assert planned().takeover.cluster == {
        "apiVersion": "magecluster.io/v1alpha1",
        "kind": "MageCluster",
        "metadata": {
            "name": "mageai",
            "namespace": "team",
            "annotations": {"magecluster.io/adopted-from": "data"},
        },
        "spec": {
            "image": {"repository": "mageai/mageai", "tag": "0.9.80", "pullPolicy": "Always"},
            "storage": {"existingClaim": "files", "size": "20Gi", "storageClassName": "fast"},
        },
    }


IMAGES = [
    ("mageai/mageai", {"repository": "mageai/mageai", "tag": "latest"}),
    ("registry.example.com:5000/mage", {"repository": "registry.example.com:5000/mage", "tag": "latest"}),
    ("docker.io/mageai/mageai:0.9.76", {"repository": "docker.io/mageai/mageai", "tag": "0.9.76"}),
    (f"mage@sha256:{'0' * 64}", {"repository": "mage", "digest": f"sha256:{'0' * 64}"}),
    (f"mage:1@sha256:{'0' * 64}", {"repository": "mage", "tag": "1", "digest": f"sha256:{'0' * 64}"}),
]


@pytest.mark.parametrize(("reference", "image"), IMAGES)
def test_images(reference: str, image: Manifest) -> None:
    assert spec_of(planned(a_deployment(image=reference)))["image"] == {**image, "pullPolicy": "Always"}


def test_where_and_with_what_the_pod_runs_stays() -> None:
    resources = {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "4Gi"}}
    kept = {
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"pool": "data"},
        "tolerations": [{"key": "data", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    }
    deployment = a_deployment(pod=kept, resources=resources)
    metadata = deployment["spec"]["template"]["metadata"]
    metadata["labels"] |= {"team": "data"}
    metadata["annotations"] = {"team/a": "b", "kubectl.kubernetes.io/restartedAt": "now", "checksum/config": "1"}
    spec = spec_of(planned(deployment))
    assert {key: spec[key] for key in kept} == kept
    assert (spec["resources"], spec["podLabels"], spec["podAnnotations"]) == (
        resources,
        {"team": "data"},
        {"team/a": "b"},
    )


def test_the_service_stays_as_it_is() -> None:
    service = {**SERVICE, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    service["metadata"] = {
        **SERVICE["metadata"],
        "annotations": {"lb/internal": "true", "meta.helm.sh/release-name": "x"},
    }
    found = planned(service=service)
    assert spec_of(found)["service"] == {"type": "LoadBalancer", "port": 80, "annotations": {"lb/internal": "true"}}
    assert "stays of type LoadBalancer" in told(found)
    assert found.takeover.service == service


def test_another_name_is_another_address() -> None:
    found = planned(choices=Choices(name="lab"))
    assert found.takeover.cluster["metadata"]["name"] == "lab"
    assert found.takeover.service is None
    assert "the Service is lab and no longer mageai" in told(found)


def test_a_service_whose_name_no_cluster_can_have() -> None:
    found = planned(service={**SERVICE, "metadata": {"name": "a" * 41, "namespace": "team"}})
    assert "give it another name with --name" in found.obstacles[0]


def test_web_server_and_scheduler_become_one_with_what_both_had() -> None:
    web = a_deployment("web", env=[WEB], resources={"requests": {"cpu": "500m"}, "limits": {"cpu": 1, "memory": "1Gi"}})
    other = a_deployment(
        "run",
        env=[ROLE, {"name": "A", "value": "1"}],
        resources={"requests": {"cpu": "0.25"}, "limits": {"memory": "512Mi"}},
    )
    found = planned(web, other)
    assert spec_of(found)["resources"] == {"requests": {"cpu": "750m"}, "limits": {"memory": "1536Mi"}}
    assert "extraEnvs" not in spec_of(found)
    assert "it had other values of A than the web server" in told(found)
    assert [each["metadata"]["name"] for each in found.takeover.deployments] == ["web", "run"]


@pytest.mark.parametrize(
    ("deployments", "live", "power"),
    [
        ([a_deployment(replicas=0)], {}, {"status": "Stopped"}),
        ([a_deployment(replicas=3)], {}, {}),
        ([a_deployment(replicas=3, env=[REDIS, DATABASE])], SHARED, {"replicaCount": 3}),
        ([a_deployment(replicas=3, env=[REDIS])], SHARED, {}),
        ([a_deployment("w", replicas=2, env=[REDIS, DATABASE, WEB]), a_deployment("s", env=[ROLE])], SHARED, {}),
    ],
)
def test_how_many(deployments: list[Manifest], live: Manifest, power: Manifest) -> None:
    found = planned(*deployments, **live)
    spec = spec_of(found)
    assert {key: spec[key] for key in ("status", "replicaCount") if key in spec} == power
    assert ("1 and not" in told(found)) == (deployments[0]["spec"]["replicas"] > 1 and not power)


def test_deployments_that_make_no_sense() -> None:
    with pytest.raises(CannotPlanError, match="has a, b: helm upgrade it first"):
        planned(a_deployment("a"), a_deployment("b"))


SIDECAR = {"containers": [{"name": "mageai", "image": "mageai/mageai:0.9.80"}, {"name": "fluent-bit"}]}
INIT = {"initContainers": [{"name": "wait-for-redis"}, {"name": "prepare"}]}


def test_other_containers_stop_unless_nobody_needs_them() -> None:
    found = planned(a_deployment(pod=INIT))
    assert [each for each in found.obstacles if "init container prepare" in each]
    assert not [each for each in found.obstacles if "wait-for-redis" in each]
    found = planned(a_deployment(pod=INIT), choices=Choices(leave_out=frozenset({"prepare"})))
    assert found.obstacles == ()
    deployment = a_deployment()
    deployment["spec"]["template"]["spec"]["containers"].append({"name": "fluent-bit"})
    assert "no container fluent-bit" in planned(deployment).obstacles[0]


PULLS = {"metadata": {"name": "x"}, "imagePullSecrets": [{"name": "registry"}]}
CLOUD = {"metadata": {"name": "x", "annotations": {"iam.gke.io/gcp-service-account": "a"}}}
TOLD = [
    ({"pod": {"priorityClassName": "high"}}, {}, "priorityClassName is left out"),
    ({"pod": {"terminationGracePeriodSeconds": 600}}, {}, "it has 10 s to end and not 600"),
    ({}, {"accounts": {"x": PULLS}}, "account x gives its pods the pull secrets registry, and mageai-mage does not"),
    ({}, {"accounts": {"x": CLOUD}}, "iam.gke.io/gcp-service-account is not carried over"),
    ({"envFrom": [{"secretRef": {"name": "theirs"}}]}, {}, "Secret theirs gives those that it has now"),
    ({}, {}, "those that Kubernetes makes of Services"),
    ({"pod": {"securityContext": {"runAsUser": 0}}}, {}, "root as Mage's image demands"),
    ({"securityContext": {"capabilities": {"drop": ["ALL"]}}}, {}, "root as Mage's image demands"),
    ({"pod": {"securityContext": {"runAsUser": 1000}}}, {}, "runs as user 1000 as before"),
    ({"securityContext": {"runAsUser": 7}, "env": [JOBS]}, {}, "ran as user 7 and becomes root, since its Jobs are"),
    ({"command": ["sh"]}, {}, "command and args become those of the image"),
    ({"lifecycle": {"postStart": {}}}, {}, "lifecycle hooks are left out"),
    ({"livenessProbe": {}}, {}, "they become the operator's"),
    ({"image": "mageai/mageai:0.9.70"}, {}, "tested with Mage 0.9.80"),
    ({}, {"scalers": ({"metadata": {"name": "hpa"}},)}, "hpa is deleted: it would start a second scheduler"),
    ({}, {"cron_jobs": ({"metadata": {"name": "clean"}},)}, "CronJob clean is suspended"),
    ({}, {"status": None}, "Mage does not answer, so nobody knows"),
]


@pytest.mark.parametrize(("deployment", "live", "text"), TOLD)
def test_what_differs_is_told(deployment: Manifest, live: Manifest, text: str) -> None:
    found = planned(a_deployment(**deployment), **live)
    assert text in told(found)
    assert found.obstacles == ()


def test_what_is_as_it_was_is_not_told() -> None:
    pod = {"terminationGracePeriodSeconds": 30, "enableServiceLinks": False, "imagePullSecrets": [{"name": "mine"}]}
    deployment = a_deployment(pod=pod, envFrom=[{"secretRef": {"name": "helms"}}])
    deployment["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1", "meta.helm.sh/release-name": "d"}
    text = told(planned(deployment, release=a_release(an_object("Secret", "helms")), accounts={"x": PULLS}))
    for absent in ("s to end", "gives those", "makes of Services", "pull secrets", "annotations", "was not tried"):
        assert absent not in text


def test_annotations_that_some_tool_acts_on_are_told() -> None:
    deployment = a_deployment()
    deployment["metadata"]["annotations"] = {"reloader/auto": "true", "deployment.kubernetes.io/revision": "1"}
    assert "annotations reloader/auto are left out" in told(planned(deployment))


def test_what_the_pod_of_the_scheduler_has_is_told_too() -> None:
    web = a_deployment("web", env=[WEB])
    other = a_deployment("run", env=[ROLE], pod={"runtimeClassName": "gvisor"})
    other["spec"]["template"]["spec"]["containers"].append({"name": "proxy"})
    found = planned(web, other)
    assert "runtimeClassName is left out" in told(found)
    assert "no container proxy" in found.obstacles[0]


def test_other_volumes_behind_the_same_mounts_stop() -> None:
    named = {"name": "mage-fs", "persistentVolumeClaim": {"claimName": "others"}}
    found = planned(a_deployment("web", env=[WEB]), a_deployment("run", env=[ROLE], pod={"volumes": [named]}))
    assert found.obstacles == (
        "web server and scheduler mount different volumes: give both the same, and helm upgrade",
    )


def test_volumes_may_have_other_names_in_the_pod_of_the_scheduler() -> None:
    volumes = [{"name": "files", "persistentVolumeClaim": {"claimName": "files"}}]
    mounts = [{"name": "files", "mountPath": "/home/src"}]
    other = a_deployment("run", env=[ROLE], pod={"volumes": volumes}, volumeMounts=mounts)
    assert planned(a_deployment("web", env=[WEB]), other).obstacles == ()


@pytest.mark.parametrize(("version", "known"), [("0.2.0", True), ("0.2.15", True), ("0.2.16", False), ("0.1.9", False)])
def test_versions_of_the_chart_that_were_not_tried_are_told(version: str, known: bool) -> None:  # noqa: FBT001  a column
    text = told(planned(release=replace(a_release(), chart_version=version)))
    assert (f"{version} was not tried" in text) != known


def test_which_deployment_is_scaled_to_0_is_told() -> None:
    found = planned(a_deployment("web", env=[WEB]), a_deployment("run", env=[ROLE], replicas=0))
    assert spec_of(found)["status"] == "Stopped"
    assert "Deployment run is scaled to 0" in told(found)


def test_who_is_not_root_stays_so() -> None:
    pod = {"securityContext": {"runAsUser": 1000, "fsGroup": 0}}
    spec = spec_of(planned(a_deployment(pod=pod, securityContext={"runAsUser": 2000})))
    assert spec["podSecurity"] == {"standard": "Restricted", "runAsUser": 2000}
    assert "podSecurity" not in spec_of(planned(a_deployment(pod=pod, env=[JOBS])))


def test_what_the_release_brings_beside_is_told() -> None:
    account = an_object("ServiceAccount", "mageai")
    account["metadata"]["annotations"] = {"eks.amazonaws.com/role-arn": "arn"}
    found = planned(release=a_release(account, beside=(an_object("Service", "postgresql"),)))
    assert "eks.amazonaws.com/role-arn is not carried over: allow the account mageai-mage there" in told(found)
    assert "postgresql of the release go on as they are" in told(found)


def test_flux_has_to_be_told_first() -> None:
    deployment = a_deployment()
    deployment["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"] = "mage"
    assert "suspend its HelmRelease" in planned(deployment).obstacles[0]
    assert planned(deployment, choices=Choices(leave_out=frozenset({"flux"}))).obstacles == ()


def test_runs_that_are_under_way_are_waited_for() -> None:
    status = {"active_pipeline_run_count": 2, "project_uuid": "p", "repo_path": "/home/src/default_repo"}
    found = planned(status=status)
    assert "2 pipeline runs are under way" in found.obstacles[0]
    found = planned(status=status, choices=Choices(interrupt_runs=True))
    assert found.obstacles == ()
    assert found.takeover.identity == {"project_uuid": "p", "repo_path": "/home/src/default_repo"}


def test_a_takeover_survives_being_written_down() -> None:
    from dataclasses import asdict  # noqa: PLC0415  as the record does it

    takeover = planned(a_deployment(env=[DATABASE])).takeover
    assert Takeover(**json.loads(json.dumps(asdict(takeover)))) == takeover


def test_the_report_is_a_manifest_with_remarks_and_tells_no_secret() -> None:
    env = [{"name": "API_TOKEN", "value": "t0p-s3cret"}, {"name": "JWT_SECRET", "value": "s1gn"}]
    release = a_release(an_object("ServiceAccount", "mageai"))
    found = planned(a_deployment(env=env), release=release, existing=("serviceaccount/mageai",))
    text = report(found, "mageai 0.2.15")
    assert "t0p-s3cret" not in text + farewell(found.takeover)
    assert "s1gn" not in text + farewell(found.takeover)
    manifest = text.split("\n\n")[0]
    assert yaml.safe_load(manifest) == found.takeover.cluster
    assert "# Secret mageai-adopted-env, with values that are not shown: API_TOKEN" in text
    assert "# Secret mageai-auth, with jwt-secret of the release" in text
    assert "kubectl delete -n team serviceaccount/mageai" in farewell(found.takeover)


def test_a_report_can_be_made_of_what_no_cluster_can_be() -> None:
    found = planned(a_deployment(image="No Such Image"))
    assert "no MageCluster can be made of the release: spec.image" in found.obstacles[0]
    assert "What stands in the way" in report(found, "mageai 0.2.15")
