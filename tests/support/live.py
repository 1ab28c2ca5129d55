"""Live objects of one cluster as the controllers and kubelets of Kubernetes 1.36 write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from magecluster.api.labels import labels, selector
from magecluster.api.magecluster import API_VERSION, KIND, MageCluster
from magecluster.api.model import Manifest
from magecluster.api.status import MageClusterStatus

NAME, NAMESPACE = "lab", "data"
START = datetime(2026, 7, 1, 8, 0, 0, tzinfo=UTC)
"""When the pods and the volume were made."""

CURRENT, OLD = "6d5c8b7f49", "57b9c6dd8c"
"""pod-template-hash of the newest and of an older ReplicaSet."""


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def a_cluster(*, generation: int = 1, observed: MageClusterStatus | None = None, **spec: Any) -> MageCluster:
    """The keywords are fields of the spec by their names on the wire."""
    return MageCluster.parse(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": "c-1", "generation": generation},
            "spec": spec,
            "status": observed.manifest() if observed else {},
        }
    )


def a_deployment(
    replicas: int = 1,
    *,
    ready: int = 0,
    updated: int | None = None,
    observed: bool = True,
    image: str = "mageai/mageai:0.9.80",
    refusal: str | None = None,
) -> Manifest:
    """`updated` pods exist (as many as wanted when absent), `ready` of them answer; `refusal` of the newest pod."""
    updated = (0 if refusal else replicas) if updated is None else updated
    numbers = {
        "replicas": updated,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": replicas - ready,
    }
    conditions = [
        {
            "type": "Available",
            "status": "True" if ready >= replicas else "False",
            "reason": "MinimumReplicasAvailable" if ready >= replicas else "MinimumReplicasUnavailable",
        },
        {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"},
    ]
    if refusal:
        conditions.append({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refusal})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": "d-1", "generation": 4, "labels": labels(NAME)},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector(NAME)},
            "template": {
                "metadata": {"labels": labels(NAME)},
                "spec": {"containers": [{"name": "mage", "image": image}]},
            },
        },
        # The API server leaves out a zero.
        "status": {
            "observedGeneration": 4 if observed else 3,
            **{key: value for key, value in numbers.items() if value},
            "conditions": conditions,
        },
    }


def a_pod(
    *states: Manifest,
    suffix: str = "x2x4z",
    phase: str = "Pending",
    ready: bool = False,
    created: datetime = START,
    template: str = CURRENT,
    **status: Any,
) -> Manifest:
    """A pod that a node has. `states` are container statuses; the keywords at the end are fields of the status."""
    readiness = {
        "type": "Ready",
        "status": "True" if ready else "False",
        **({} if ready else {"reason": "ContainersNotReady"}),
        "lastTransitionTime": stamp(created),
    }
    name = f"{NAME}-{template}-{suffix}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"p-{template}-{suffix}",
            "creationTimestamp": stamp(created),
            "labels": {**labels(NAME), "pod-template-hash": template},
        },
        "spec": {"containers": [{"name": "mage", "image": "mageai/mageai:0.9.80"}]},
        "status": {
            "phase": phase,
            "conditions": [
                readiness,
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(created)},
            ],
            "startTime": stamp(created),
            "containerStatuses": list(states),
            **status,
        },
    }


def an_unscheduled_pod(message: str, reason: str = "Unschedulable") -> Manifest:
    times = {"lastProbeTime": None, "lastTransitionTime": stamp(START)}
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message, **times}
    return {**a_pod(), "status": {"phase": "Pending", "conditions": [condition], "qosClass": "BestEffort"}}


def terminating(pod: Manifest) -> Manifest:
    gone = {"deletionTimestamp": stamp(after(3600)), "deletionGracePeriodSeconds": 10}
    return {**pod, "metadata": {**pod["metadata"], **gone}}


def unready_since(pod: Manifest, when: datetime) -> Manifest:
    readiness, *others = pod["status"]["conditions"]
    conditions = [{**readiness, "status": "False", "lastTransitionTime": stamp(when)}, *others]
    return {**pod, "status": {**pod["status"], "conditions": conditions}}


def a_running_pod(*, ready: bool = True, **more: Any) -> Manifest:
    return a_pod(a_container(running(), ready=ready), phase="Running", ready=ready, **more)


def a_container(
    state: Manifest,
    *,
    last: Manifest | None = None,
    restarts: int = 0,
    ready: bool = False,
    image: str = "mageai/mageai:0.9.80",
) -> Manifest:
    return {
        "name": "mage",
        "image": image,
        "imageID": "",
        "ready": ready,
        "started": "running" in state,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def waiting(reason: str, message: str | None = None) -> Manifest:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(since: datetime = START) -> Manifest:
    return {"running": {"startedAt": stamp(since)}}


def ended(code: int = 1, reason: str = "Error", message: str | None = None, *, ran: float = 3) -> Manifest:
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "startedAt": stamp(START),
            "finishedAt": stamp(after(ran)),
            "containerID": "containerd://" + "0a" * 32,
            **({"message": message} if message else {}),
        }
    }


def a_volume(phase: str = "Bound", *, storage_class: str | None = "standard") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{NAME}-data", "namespace": NAMESPACE, "uid": "v-1", "creationTimestamp": stamp(START)},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "10Gi"}},
            "volumeMode": "Filesystem",
            **({"storageClassName": storage_class} if storage_class is not None else {}),
            **({"volumeName": "pvc-4c0e1b3a"} if phase != "Pending" else {}),
        },
        "status": {"phase": phase},
    }


def an_event(about: Manifest, reason: str, message: str, *, seen: float = 5, series: bool = False) -> Manifest:
    """`series` for the form of events.k8s.io, which the scheduler writes."""
    times: Manifest = {"firstTimestamp": stamp(START), "lastTimestamp": stamp(after(seen)), "count": 3}
    if series:
        last = after(seen).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        times = {"firstTimestamp": None, "lastTimestamp": None, "eventTime": last}
        times |= {"series": {"count": 2, "lastObservedTime": last}}
    name = about["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.18{seen:014.0f}", "namespace": NAMESPACE, "creationTimestamp": stamp(START)},
        "involvedObject": {
            "kind": about["kind"],
            "namespace": NAMESPACE,
            "name": name,
            "uid": about["metadata"]["uid"],
        },
        "type": "Warning",
        "reason": reason,
        "message": message,
        **times,
    }
