"""What keeps a pod from being made, placed and given its volume."""

import re
from datetime import datetime, timedelta

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.status import Reason
from magecluster.status.live import (
    age,
    condition,
    current_pods,
    event_text,
    instant,
    phase,
    stable,
    unfinished_pods,
    up_to_date,
    waiting,
)
from magecluster.status.observation import Observation, Problem

GRACE = timedelta(seconds=60)
"""How long a volume may take to be provisioned, attached and mounted before the trouble on the way is told.

Kubernetes tries again all the while, and complains about what a moment later is in order."""

_RECENT = timedelta(minutes=10)
"""Failed pods are kept for long; those made further back than this before the newest one say nothing about it."""

_SUBJECT = re.compile(r'^pods? "[^"]*" is (forbidden|invalid): ', re.IGNORECASE)
"""Names the pod, by a new name at each attempt."""

_QUOTA = re.compile(r"exceeded quota|failed quota|usage per (Container|Pod)|limit to request ratio per")
"""The words of the admission plugins ResourceQuota and LimitRanger."""

_PREEMPTION = re.compile(r"[.,]?\s*(no new claims to deallocate,\s*)?preemption:.*$", re.DOTALL)
"""The second half of a scheduler's message, which says nothing new."""

_ABOUT_CLAIM = re.compile(
    r"persistent ?volume ?claim|available persistent volumes to bind|binding volumes", re.IGNORECASE
)

_STORAGE_REMEDY = "check spec.storage.storageClassName, the storage class and its provisioner"


def refused_pods(_cluster: MageCluster, observation: Observation, _now: datetime) -> Problem | None:
    """The API server refuses the pods that the ReplicaSet wants to make."""
    failure = condition(observation.deployment, "ReplicaFailure")
    if failure.get("status") != "True" or not up_to_date(observation.deployment):
        return None
    message = failure.get("message") or ""
    text = stable(_SUBJECT.sub("", message))
    if _QUOTA.search(message):
        return Problem(
            Reason.QUOTA_EXCEEDED,
            f"The namespace refuses the pod: {text}; raise the ResourceQuota or LimitRange, or change spec.resources",
        )
    if " is invalid: " in message:
        return Problem(Reason.INVALID, f"The API server refuses the pod: {text}; correct the spec")
    return Problem(Reason.FORBIDDEN, f"The API server refuses the pod: {text}; grant the right or change the rule")


def volume(cluster: MageCluster, observation: Observation, now: datetime) -> Problem | None:
    """The claim has no volume. A claim that waits for its first consumer is in order until a pod is scheduled."""
    claim = observation.volume
    if claim is None:
        return None
    name = claim["metadata"]["name"]
    match phase(claim):
        case "Lost":
            return Problem(
                Reason.VOLUME_PENDING,
                f"The PersistentVolume of claim {name} does not exist any more; restore it, or delete the claim to "
                f"begin with an empty volume",
            )
        case "Pending":
            cause = _pending_cause(claim, observation, now)
            if cause is None:
                return None
            theirs = claim["spec"].get("storageClassName") or cluster.spec.storage.existing_claim
            remedy = _STORAGE_REMEDY if theirs else _no_class_remedy(cluster)
            return Problem(Reason.VOLUME_PENDING, f"Claim {name} gets no volume: {cause}; {remedy}")
        case _:
            return None


def _pending_cause(claim: Manifest, observation: Observation, now: datetime) -> str | None:
    if text := event_text(observation.events, claim, "ProvisioningFailed", "FailedBinding"):
        return stable(text)
    if not any(age(pod, now) >= GRACE for pod in unfinished_pods(observation)):
        return None
    if not claim["spec"].get("storageClassName"):
        return "it names no storage class and there is no default one"
    # Only a provisioner that does not answer stays at this, which otherwise is an ordinary step.
    text = event_text(observation.events, claim, "ExternalProvisioning")
    return stable(text) if text else None


def _no_class_remedy(cluster: MageCluster) -> str:
    namespace = cluster.metadata.namespace
    return (
        f"mark a storage class as the default, or stop the cluster, delete the claim in namespace {namespace}, which "
        "is still empty, and create the cluster anew with spec.storage.storageClassName"
    )


def unschedulable(_cluster: MageCluster, observation: Observation, now: datetime) -> Problem | None:
    """No node takes the pod."""
    for pod in unfinished_pods(observation):
        scheduled = condition(pod, "PodScheduled")
        if scheduled.get("status") != "False" or scheduled.get("reason") not in ("Unschedulable", "SchedulerError"):
            continue
        text = stable(_PREEMPTION.sub("", scheduled.get("message") or "the scheduler gives no cause"))
        about_claim = _ABOUT_CLAIM.search(text)
        if (about_claim or scheduled["reason"] == "SchedulerError") and age(pod, now) < GRACE:
            continue
        if not about_claim:
            remedy = "ask for less in spec.resources, change nodeSelector, tolerations or affinity, or add a node"
            return Problem(Reason.UNSCHEDULABLE, f"No node takes the pod: {text}; {remedy}")
        return Problem(Reason.VOLUME_PENDING, f"The pod waits for its volume: {text}; {_STORAGE_REMEDY}")
    return None


def mount(_cluster: MageCluster, observation: Observation, now: datetime) -> Problem | None:
    """The node cannot attach or mount the volume; told only in Events, and only while the pod still waits for it."""
    for pod in unfinished_pods(observation):
        if age(pod, now) < GRACE or not any(w.reason in ("ContainerCreating", "PodInitializing") for w in waiting(pod)):
            continue
        # The kubelet's summary alternates with the cause.
        summary = "Unable to attach or mount volumes"
        if text := event_text(observation.events, pod, "FailedAttachVolume", "FailedMount", but=summary):
            remedy = "check that the node can reach the storage and that no other pod holds the volume"
            return Problem(Reason.VOLUME_PENDING, f"The node cannot mount the volume: {stable(text)}; {remedy}")
    return None


def rejected(_cluster: MageCluster, observation: Observation, _now: datetime) -> Problem | None:
    """Nodes evict the pod or refuse it again and again, though each one was scheduled. One eviction heals itself."""
    pods = current_pods(observation)
    failed = [pod for pod in pods if phase(pod) == "Failed"]
    if not failed or (pods[0] is not failed[0] and not _again_and_again(pods[0], failed)):
        return None
    status = failed[0]["status"]
    text = ": ".join(stable(part) for part in (status.get("reason"), status.get("message")) if part) or "no cause given"
    remedy = "raise spec.resources.requests to what Mage uses, or choose other nodes by nodeSelector or affinity"
    return Problem(Reason.UNSCHEDULABLE, f"The node did not keep the pod: {text}; {remedy}")


def _again_and_again(newest: Manifest, failed: list[Manifest]) -> bool:
    made = instant(newest["metadata"]["creationTimestamp"])
    recent = [pod for pod in failed if made - instant(pod["metadata"]["creationTimestamp"]) <= _RECENT]
    return condition(newest, "Ready").get("status") != "True" and len(recent) > 1
