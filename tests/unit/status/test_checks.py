from typing import NamedTuple

import pytest
from kubernetes.client import models as official
from tests.support.live import (
    OLD,
    START,
    a_cluster,
    a_container,
    a_deployment,
    a_pod,
    a_running_pod,
    a_volume,
    after,
    an_event,
    an_unscheduled_pod,
    ended,
    running,
    terminating,
    unready_since,
    waiting,
)

from magecluster.api.model import Manifest
from magecluster.api.pod import STARTUP_SECONDS
from magecluster.api.status import Reason
from magecluster.status import Observation, Problem
from magecluster.status.checks import problem_of
from magecluster.status.live import stable

IMAGE = "mageai/mageai:nope"
NOT_FOUND = (
    f'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/{IMAGE}": failed to resolve '
    f'reference "docker.io/{IMAGE}": docker.io/{IMAGE}: not found'
)
PREEMPTION = (
    " no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims." + PREEMPTION
CONTAINER_ID = "5b" * 32


class Case(NamedTuple):
    name: str
    pods: list[Manifest]
    reason: Reason | None
    parts: tuple[str, ...] = ()
    volume: Manifest | None = None
    events: tuple[Manifest, ...] = ()
    deployment: Manifest | None = None
    seconds: float = 5
    """Since the pods were made."""


def waits(reason: str, message: str | None = None, image: str = IMAGE) -> Manifest:
    return a_pod(a_container(waiting(reason, message), image=image))


CREATING = a_pod(a_container(waiting("ContainerCreating")))
BACK_OFF = waits("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"')
RUNNING_UNREADY = a_running_pod(ready=False)
PENDING = a_volume("Pending")
CLASSLESS = a_volume("Pending", storage_class=None)
EVICTED = a_pod(
    phase="Failed",
    suffix="evict",
    reason="Evicted",
    message="The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi.",
)

APPLIED = [
    Case("nothing yet", [], None, deployment=a_deployment(updated=0)),
    Case("ready", [a_running_pod()], None, deployment=a_deployment(ready=1), seconds=9999),
    Case(
        "quota, with the name of the pod of this attempt",
        [],
        Reason.QUOTA_EXCEEDED,
        ("pod: exceeded quota: compute, requested: pods=1, used: pods=2, limited: pods=2; raise the ResourceQuota",),
        deployment=a_deployment(
            refusal='pods "lab-6d5c8b7f49-kxq2g" is forbidden: exceeded quota: compute, requested: pods=1, '
            "used: pods=2, limited: pods=2"
        ),
    ),
    Case(
        "quota that wants limits",
        [],
        Reason.QUOTA_EXCEEDED,
        ("failed quota: compute: must specify limits.cpu for: mage",),
        deployment=a_deployment(
            refusal='pods "lab-6d5c8b7f49-a" is forbidden: failed quota: compute: must specify limits.cpu for: mage'
        ),
    ),
    Case(
        "limit range",
        [],
        Reason.QUOTA_EXCEEDED,
        ("maximum memory usage per Container is 1Gi, but limit is 4Gi",),
        deployment=a_deployment(
            refusal='pods "lab-6d5c8b7f49-a" is forbidden: maximum memory usage per Container is 1Gi, but limit is 4Gi'
        ),
    ),
    Case(
        "pod security",
        [],
        Reason.FORBIDDEN,
        ('violates PodSecurity "restricted:latest"', "change the rule"),
        deployment=a_deployment(
            refusal='pods "lab-6d5c8b7f49-a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != '
            'true (pod or container "mage" must set securityContext.runAsNonRoot=true)'
        ),
    ),
    Case(
        "invalid pod",
        [],
        Reason.INVALID,
        ("spec.tolerations[0].operator: Invalid value", "correct the spec"),
        deployment=a_deployment(
            refusal='Pod "lab-6d5c8b7f49-a" is invalid: spec.tolerations[0].operator: Invalid value: "Equal"'
        ),
    ),
    Case(
        "a refusal from before the last change",
        [],
        None,
        deployment=a_deployment(refusal='pods "x" is forbidden: exceeded quota: compute', observed=False),
    ),
]

VOLUMES = [
    Case(
        "storage class that does not exist",
        [an_unscheduled_pod(UNBOUND)],
        Reason.VOLUME_PENDING,
        ('lab-data gets no volume: storageclass.storage.k8s.io "fast" not found', "spec.storage.storageClassName"),
        volume=PENDING,
        events=(an_event(PENDING, "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'),),
    ),
    Case(
        "no default class, told by an event",
        [an_unscheduled_pod(UNBOUND)],
        Reason.VOLUME_PENDING,
        ("no storage class is set", "mark a storage class as the default"),
        volume=CLASSLESS,
        events=(
            an_event(
                CLASSLESS,
                "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set",
            ),
        ),
    ),
    Case(
        "no default class, long after",
        [an_unscheduled_pod(UNBOUND)],
        Reason.VOLUME_PENDING,
        ("it names no storage class and there is no default one",),
        volume=CLASSLESS,
        seconds=60,
    ),
    Case("no class at first", [an_unscheduled_pod(UNBOUND)], None, volume=CLASSLESS),
    Case(
        "waits for its first consumer",
        [],
        None,
        volume=PENDING,
        events=(an_event(PENDING, "WaitForFirstConsumer", "waiting for first consumer to be created before binding"),),
        seconds=9999,
    ),
    Case(
        "the first consumer is being scheduled",
        [an_unscheduled_pod('running PreBind plugin "VolumeBinding": conflict', "SchedulerError")],
        None,
        volume=PENDING,
        events=(an_event(PENDING, "ExternalProvisioning", "Waiting for a volume to be created"),),
    ),
    Case(
        "the provisioner does not answer",
        [CREATING],
        Reason.VOLUME_PENDING,
        ("external provisioner 'ebs.csi.aws.com'",),
        volume=PENDING,
        events=(
            an_event(
                PENDING,
                "ExternalProvisioning",
                "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually "
                "by the system administrator.",
            ),
        ),
        seconds=90,
    ),
    Case("being provisioned", [an_unscheduled_pod(UNBOUND)], None, volume=PENDING, seconds=59),
    Case(
        "unbound for long",
        [an_unscheduled_pod(UNBOUND)],
        Reason.VOLUME_PENDING,
        ("unbound immediate PersistentVolumeClaims; check spec.storage",),
        volume=PENDING,
        seconds=60,
    ),
    Case(
        "nothing to bind",
        [an_unscheduled_pod("0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.")],
        Reason.VOLUME_PENDING,
        ("persistent volumes to bind",),
        volume=PENDING,
        seconds=60,
    ),
    Case("lost", [a_running_pod()], Reason.VOLUME_PENDING, ("lab-data does not exist any more",), a_volume("Lost")),
    Case(
        "attached elsewhere",
        [CREATING],
        Reason.VOLUME_PENDING,
        ('Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) other-1; check that the node',),
        events=(
            an_event(
                CREATING,
                "FailedAttachVolume",
                'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) other-1',
            ),
            an_event(
                CREATING,
                "FailedMount",
                "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to "
                "process volumes=[]: timed out waiting for the condition",
                seen=90,
            ),
        ),
        seconds=120,
    ),
    Case(
        "a mount that fails once",
        [CREATING],
        None,
        events=(an_event(CREATING, "FailedMount", "MountVolume.MountDevice failed: not attached yet"),),
    ),
    Case(
        "a mount that failed before the image did",
        [BACK_OFF],
        Reason.IMAGE_PULL_FAILED,
        events=(an_event(BACK_OFF, "FailedMount", "MountVolume.MountDevice failed: not attached yet"),),
        seconds=120,
    ),
]

PLACES = [
    Case(
        "no node fits",
        [an_unscheduled_pod("0/3 nodes are available: 3 Insufficient memory." + PREEMPTION)],
        Reason.UNSCHEDULABLE,
        ("No node takes the pod: 0/3 nodes are available: 3 Insufficient memory; ask for less in spec.resources",),
        volume=PENDING,
    ),
    Case(
        "gated",
        [an_unscheduled_pod("Scheduling is blocked due to non-empty scheduling gates", "SchedulingGated")],
        None,
    ),
    Case("evicted", [EVICTED], Reason.UNSCHEDULABLE, ("Evicted: The node was low on resource: memory", "requests")),
    Case("evicted and replaced", [EVICTED, a_running_pod(ready=False, created=after(60))], None),
    Case(
        "refused again and again",
        [
            a_pod(phase="Failed", suffix="a", created=after(1), reason="NodeAffinity", message="Pod was rejected"),
            a_pod(phase="Failed", suffix="b", created=after(2), reason="NodeAffinity", message="Pod was rejected"),
            a_pod(suffix="c", created=after(3)),
        ],
        Reason.UNSCHEDULABLE,
        ("NodeAffinity: Pod was rejected",),
    ),
    Case(
        "evicted often, but long ago",
        [EVICTED, EVICTED, a_running_pod(ready=False, created=after(99999))],
        None,
        seconds=100000,
    ),
]

IMAGES = [
    Case(
        "pull",
        [waits("ErrImagePull", NOT_FOUND)],
        Reason.IMAGE_PULL_FAILED,
        (f"image {IMAGE}: rpc error: code = NotFound", "correct spec.image"),
    ),
    Case("pull back-off without a cause", [BACK_OFF], Reason.IMAGE_PULL_FAILED, ("the kubelet gives no cause",)),
    Case(
        "pull of an init container",
        [
            a_pod(
                a_container(waiting("PodInitializing")),
                initContainerStatuses=[{**a_container(waiting("ErrImagePull", "denied"), image="ours:1")}],
            )
        ],
        Reason.IMAGE_PULL_FAILED,
        ("image ours:1: denied",),
    ),
    Case(
        "pull of the gateway",
        [a_pod({**a_container(waiting("ErrImagePull", "denied"), image="ours:1"), "name": "gateway"})],
        Reason.IMAGE_PULL_FAILED,
        ("image ours:1: denied", "correct spec.gateway.image"),
    ),
    Case(
        "pull of what brings the runner",
        [
            a_pod(
                a_container(waiting("PodInitializing")),
                initContainerStatuses=[
                    {**a_container(waiting("ErrImagePull", "denied"), image="ours:1"), "name": "runner-files"}
                ],
            )
        ],
        Reason.IMAGE_PULL_FAILED,
        ("image ours:1: denied", "correct spec.gateway.image"),
    ),
    Case(
        "bad name",
        [waits("InvalidImageName", "Failed to apply default image tag: couldn't parse image name: invalid format")],
        Reason.IMAGE_PULL_FAILED,
        ("couldn't parse image name",),
    ),
    Case(
        "never pulled",
        [waits("ErrImageNeverPull", f'Container image "{IMAGE}" is not present with pull policy of Never')],
        Reason.IMAGE_PULL_FAILED,
        ("pull policy of Never; load the image onto the node",),
    ),
    Case(
        "pull secret missing",
        [BACK_OFF],
        Reason.IMAGE_PULL_FAILED,
        ("pull access denied; create the Secret registry-login that spec.imagePullSecrets names",),
        events=(
            an_event(
                BACK_OFF,
                "FailedToRetrieveImagePullSecret",
                "Unable to retrieve some image pull secrets (registry-login); attempting to pull the image may not "
                "succeed.",
            ),
            an_event(BACK_OFF, "Failed", f'Failed to pull image "{IMAGE}": pull access denied', seen=3),
            an_event(BACK_OFF, "Failed", "Error: ErrImagePull", seen=4),
        ),
    ),
]

CONFIGURATIONS = [
    Case(
        "secret",
        [waits("CreateContainerConfigError", 'secret "pg" not found')],
        Reason.SECRET_MISSING,
        ("Secret pg does not exist in namespace data; create it",),
    ),
    Case(
        "key of a secret",
        [waits("CreateContainerConfigError", "couldn't find key url in Secret data/pg")],
        Reason.SECRET_MISSING,
        ("Key url of Secret pg",),
    ),
    Case(
        "config map",
        [waits("CreateContainerConfigError", 'configmap "env" not found')],
        Reason.CONFIG_MAP_MISSING,
        ("ConfigMap env",),
    ),
    Case(
        "key of a config map",
        [waits("CreateContainerConfigError", "couldn't find key region in ConfigMap data/env")],
        Reason.CONFIG_MAP_MISSING,
        ("Key region of ConfigMap env",),
    ),
    Case(
        "root",
        [waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")],
        Reason.CONTAINER_CONFIG_INVALID,
        ("image will run as root; correct",),
    ),
    Case(
        "runtime",
        [waits("CreateContainerError", f'failed to reserve container name "mage": reserved for "{CONTAINER_ID}"')],
        Reason.CONTAINER_CONFIG_INVALID,
        ('name "mage": reserved for; correct',),
    ),
    Case("cache", [waits("CreateContainerConfigError", "failed to sync secret cache: timed out")], None),
]

CRASHES = [
    Case(
        "memory of the runner",
        [
            a_running_pod(),
            a_pod(
                {
                    **a_container(waiting("CrashLoopBackOff"), last=ended(137, "OOMKilled"), restarts=2),
                    "name": "runner",
                }
            ),
        ],
        Reason.CRASH_LOOP,
        ("Container runner", "raise spec.gateway.runs.resources.limits.memory", "-c runner --previous"),
    ),
    Case(
        "memory of the gateway",
        [
            a_running_pod(),
            a_pod(
                {
                    **a_container(waiting("CrashLoopBackOff"), last=ended(137, "OOMKilled"), restarts=2),
                    "name": "gateway",
                }
            ),
        ],
        Reason.CRASH_LOOP,
        ("Container gateway", "raise spec.gateway.resources.limits.memory", "-c gateway --previous"),
    ),
    Case(
        "loop",
        [
            a_pod(
                a_container(
                    waiting("CrashLoopBackOff", "back-off 40s restarting failed container=mage pod=lab"),
                    last=ended(
                        message="Traceback (most recent call last):\nModuleNotFoundError: No module named 'dbt'"
                    ),
                    restarts=1,
                ),
                phase="Running",
            )
        ],
        Reason.CRASH_LOOP,
        (
            "kubectl logs lab-6d5c8b7f49-x2x4z -c mage --previous -n data",
            "Container mage ends again and again: exit code 1 (Error), ModuleNotFoundError: No module named 'dbt'; ",
        ),
    ),
    Case(
        "out of memory",
        [a_pod(a_container(running(), last=ended(137, "OOMKilled"), restarts=2), phase="Running")],
        Reason.CRASH_LOOP,
        ("(OOMKilled); raise spec.resources.limits.memory",),
    ),
    Case("first crash", [a_pod(a_container(running(), last=ended(), restarts=1), phase="Running")], None),
    Case(
        "crashes of former times",
        [a_pod(a_container(running(), last=ended(), restarts=9, ready=True), phase="Running", ready=True)],
        None,
    ),
    Case(
        "killed by the start-up probe",
        [a_pod(a_container(running(after(601)), last=ended(137, ran=601), restarts=3), phase="Running")],
        Reason.NOT_ANSWERING,
        ("has not answered at /api/status for 10 minutes", "kubectl logs lab-6d5c8b7f49-x2x4z -c mage -n data"),
        seconds=700,
    ),
    Case("starting", [RUNNING_UNREADY], None, seconds=STARTUP_SECONDS - 1),
    Case("not answering", [RUNNING_UNREADY], Reason.NOT_ANSWERING, seconds=STARTUP_SECONDS),
    Case(
        "stopped to answer just now",
        [unready_since(RUNNING_UNREADY, after(99990))],
        None,
        seconds=99999,
    ),
    Case(
        "an older pod of the same ReplicaSet",
        [a_running_pod(suffix="new", created=after(30)), BACK_OFF],
        Reason.IMAGE_PULL_FAILED,
    ),
    Case(
        "a pod of an older ReplicaSet",
        [BACK_OFF, a_running_pod(template=OLD, created=after(-60))],
        Reason.IMAGE_PULL_FAILED,
    ),
    Case(
        "trouble of an older ReplicaSet",
        [CREATING, a_pod(a_container(waiting("ErrImagePull", "no")), template=OLD, created=after(-60))],
        None,
    ),
    Case("trouble of before a change", [BACK_OFF], None, deployment=a_deployment(observed=False)),
    Case("trouble of before the new ReplicaSet", [BACK_OFF], None, deployment=a_deployment(updated=0)),
    Case(
        "trouble of a pod that goes",
        [terminating(BACK_OFF)],
        None,
    ),
]

CASES = [*APPLIED, *VOLUMES, *PLACES, *IMAGES, *CONFIGURATIONS, *CRASHES]


def problem_in(case: Case) -> Problem | None:
    observation = Observation(
        deployment=case.deployment or a_deployment(),
        volume=case.volume or a_volume(),
        pods=case.pods,
        events=case.events,
    )
    return problem_of(a_cluster(), observation, after(case.seconds))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_live_objects_name_the_cause_and_the_remedy(case: Case) -> None:
    problem = problem_in(case)
    assert (problem.reason if problem else None) == case.reason
    for part in case.parts:
        assert problem
        assert part in problem.message


@pytest.mark.parametrize("case", [case for case in CASES if case.reason], ids=lambda case: case.name)
def test_a_message_stays_the_same_as_time_goes_by(case: Case) -> None:
    assert problem_in(case) == problem_in(case._replace(seconds=case.seconds + 12345.6))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_objects_are_such_as_kubernetes_has(case: Case) -> None:
    for pod in case.pods:
        official.V1Pod.model_validate(pod)
    for event in case.events:
        official.CoreV1Event.model_validate(event)
    official.V1Deployment.model_validate(case.deployment or a_deployment())
    official.V1PersistentVolumeClaim.model_validate(case.volume or a_volume())


@pytest.mark.parametrize(
    "steps",
    [
        [
            waits("ErrImagePull", NOT_FOUND),
            waits("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: {NOT_FOUND}'),
        ],
        [
            a_pod(a_container(waiting("CrashLoopBackOff", "back-off 10s restarting"), last=ended(), restarts=1)),
            a_pod(a_container(running(), last=ended(), restarts=2)),
            a_pod(a_container(ended(), last=ended(), restarts=2)),
            a_pod(a_container(waiting("CrashLoopBackOff", "back-off 5m0s restarting"), last=ended(), restarts=2)),
            a_pod(a_container(running(), last=ended(), restarts=3)),
        ],
        [
            waits("RunContainerError", 'failed to create containerd task: exec: "/x.sh": not found'),
            a_pod(
                a_container(
                    waiting("CrashLoopBackOff", "back-off 10s restarting"),
                    last=ended(128, "StartError", 'failed to create containerd task: exec: "/x.sh": not found'),
                    restarts=1,
                )
            ),
        ],
    ],
    ids=["pull", "crash", "start"],
)
def test_the_steps_of_one_failure_have_one_message(steps: list[Manifest]) -> None:
    observations = [Observation(deployment=a_deployment(), pods=[pod]) for pod in steps]
    found = {problem_of(a_cluster(), observation, after(5)) for observation in observations}
    assert None not in found
    assert len(found) == 1


def test_an_old_kubelets_back_off_says_what_the_event_says() -> None:
    event = an_event(BACK_OFF, "Failed", f'Failed to pull image "{IMAGE}": {NOT_FOUND}')
    at_first = Observation(deployment=a_deployment(), pods=[waits("ErrImagePull", NOT_FOUND)])
    later = Observation(deployment=a_deployment(), pods=[BACK_OFF], events=[event])
    assert problem_of(a_cluster(), at_first, START) == problem_of(a_cluster(), later, START)


def test_problems_of_applying_come_first_and_all_are_told() -> None:
    missing = [Problem(Reason.SECRET_MISSING, "Secret a is missing"), Problem(Reason.FORBIDDEN, "Ingress was refused")]
    observation = Observation(deployment=a_deployment(), pods=[BACK_OFF], problems=missing)
    expected = Problem(Reason.SECRET_MISSING, "Secret a is missing. Also: Ingress was refused")
    assert problem_of(a_cluster(), observation, START) == expected


def test_pods_of_a_stopped_cluster_only_have_to_go() -> None:
    observation = Observation(deployment=a_deployment(), pods=[BACK_OFF], volume=a_volume("Lost"))
    assert problem_of(a_cluster(status="Stopped"), observation, START) is None


def test_the_newest_event_counts_in_either_form() -> None:
    events = [
        an_event(PENDING, "ProvisioningFailed", "a later one", seen=9, series=True),
        an_event(PENDING, "ProvisioningFailed", "the first", seen=8),
        an_event(a_volume(), "WaitForPodScheduled", "not this", seen=99),
    ]
    problem = problem_of(a_cluster(), Observation(volume=PENDING, events=events), START)
    assert problem
    assert "a later one" in problem.message


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("back-off 5m0s restarting failed container", "back-off restarting failed container"),
        ("read udp 10.1.0.7:53123->10.96.0.10:53: i/o timeout", "read udp 10.96.0.10:53: i/o timeout"),
        ("2026-07-01T08:00:00.123Z could not connect.\n", "could not connect"),
        (
            "https response error StatusCode: 403, RequestID: 1f-2e, api error",
            "https response error StatusCode: 403, api error",
        ),
        (f'name is reserved for "{CONTAINER_ID}"', "name is reserved for"),
        (f"image@sha256:{CONTAINER_ID} not found", f"image@sha256:{CONTAINER_ID} not found"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_texts_lose_what_changes_at_each_attempt(text: str, kept: str) -> None:
    assert stable(text) == kept
