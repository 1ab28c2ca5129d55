"""Lives of clusters: what is seen step by step, and what the status is to say of it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.support.live import (
    OLD,
    a_cluster,
    a_container,
    a_deployment,
    a_pod,
    a_running_pod,
    a_volume,
    after,
    ended,
    running,
    terminating,
    waiting,
)

from magecluster.api.magecluster import MageCluster
from magecluster.api.status import MageClusterStatus, Reason
from magecluster.status import Observation, Problem, status_of

DATABASE = {"secretKeyRef": {"name": "pg"}}
MISSING = Problem(Reason.SECRET_MISSING, "Secret pg does not exist: create it")
CREATING = a_pod(a_container(waiting("ContainerCreating")))
BACK_OFF = a_pod(a_container(waiting("ImagePullBackOff", 'Back-off pulling image "x:1": denied'), image="x:1"))
STOPPED: dict[str, Any] = {"status": "Stopped"}
SHARED: dict[str, Any] = {
    "replicaCount": 3,
    "database": DATABASE,
    "storage": {"accessMode": "ReadWriteMany"},
    "extraEnvs": [{"name": "REDIS_URL", "value": "redis://r"}],
}


class Step(NamedTuple):
    seen: Observation
    state: str
    ready: str
    true: str
    """Which conditions are True: Ready, Available, Progressing, Stopped, Degraded."""
    reason: str
    """Of the condition Ready."""
    spec: dict[str, Any] = {}  # noqa: RUF012  nobody changes it
    generation: int = 1


def seen(*pods: dict[str, Any], **more: Any) -> Observation:
    return Observation(**{"deployment": a_deployment(), "volume": a_volume(), "pods": pods, **more})


NOTHING = Observation()
ACTIVE = Step(seen(a_running_pod(), deployment=a_deployment(ready=1)), "Active", "1/1", "RA", "Ready")
GONE = seen(deployment=a_deployment(0))

LIVES = {
    "new, started, stopped, started again": [
        Step(NOTHING, "Starting", "0/1", "P", "Starting"),
        Step(seen(deployment=a_deployment(updated=0, observed=False)), "Starting", "0/1", "P", "Starting"),
        Step(seen(CREATING), "Starting", "0/1", "P", "Starting"),
        Step(seen(a_running_pod(ready=False)), "Starting", "0/1", "P", "Starting"),
        ACTIVE,
        Step(
            seen(a_running_pod(), deployment=a_deployment(0, ready=1, updated=1, observed=False)),
            "Stopping",
            "1/0",
            "AP",
            "Stopping",
            STOPPED,
            2,
        ),
        Step(
            seen(terminating(a_running_pod()), deployment=a_deployment(0)),
            "Stopping",
            "0/0",
            "P",
            "Stopping",
            STOPPED,
            2,
        ),
        Step(GONE, "Stopped", "0/0", "S", "Stopped", STOPPED, 2),
        Step(seen(deployment=a_deployment(0, observed=False)), "Stopped", "0/0", "S", "Stopped", STOPPED, 3),
        Step(GONE, "Starting", "0/1", "P", "Starting", {}, 4),
        ACTIVE._replace(generation=4),
    ],
    "stopped by its replica count": [
        ACTIVE,
        Step(GONE, "Stopped", "0/0", "S", "Stopped", {"replicaCount": 0}, 2),
    ],
    "created at rest": [
        Step(NOTHING, "Stopped", "0/0", "S", "Stopped", STOPPED),
        Step(seen(deployment=a_deployment(0), volume=a_volume("Pending")), "Stopped", "0/0", "S", "Stopped", STOPPED),
    ],
    "an edit rolls out": [
        ACTIVE,
        Step(
            seen(a_running_pod(), deployment=a_deployment(ready=1, observed=False)),
            "Starting",
            "1/1",
            "AP",
            "RollingOut",
            generation=2,
        ),
        Step(
            seen(terminating(a_running_pod(template=OLD)), deployment=a_deployment(updated=0)),
            "Starting",
            "0/1",
            "P",
            "RollingOut",
            generation=2,
        ),
        Step(seen(CREATING), "Starting", "0/1", "P", "Starting", generation=2),
        ACTIVE._replace(generation=2),
    ],
    "a bad edit while the old pod answers": [
        ACTIVE,
        Step(
            seen(a_running_pod(), deployment=a_deployment(ready=1), problems=[MISSING]),
            "Degraded",
            "1/1",
            "AD",
            "SecretMissing",
            {"database": DATABASE},
            2,
        ),
        ACTIVE._replace(generation=3),
    ],
    "a bad image, corrected": [
        Step(seen(BACK_OFF), "Degraded", "0/1", "D", "ImagePullFailed"),
        Step(seen(BACK_OFF, deployment=a_deployment(observed=False)), "Starting", "0/1", "P", "Starting", generation=2),
        Step(
            seen(terminating(BACK_OFF), deployment=a_deployment(updated=0)),
            "Starting",
            "0/1",
            "P",
            "RollingOut",
            generation=2,
        ),
        ACTIVE._replace(generation=2),
    ],
    "a crashing cluster is stopped": [
        Step(
            seen(a_pod(a_container(running(), last=ended(), restarts=4), phase="Running")),
            "Degraded",
            "0/1",
            "D",
            "CrashLoop",
        ),
        Step(seen(terminating(BACK_OFF), deployment=a_deployment(0)), "Stopping", "0/0", "P", "Stopping", STOPPED, 2),
        Step(GONE, "Stopped", "0/0", "S", "Stopped", STOPPED, 2),
    ],
    "stopped with a problem of its objects": [
        Step(
            seen(deployment=a_deployment(0), problems=[Problem(Reason.INVALID, "Ingress lab was refused")]),
            "Stopped",
            "0/0",
            "SD",
            "Stopped",
            STOPPED,
        ),
        Step(GONE, "Stopped", "0/0", "S", "Stopped", STOPPED),
    ],
    "a stop that is refused": [
        Step(
            seen(
                a_running_pod(),
                deployment=a_deployment(ready=1),
                problems=[Problem(Reason.FORBIDDEN, "Deployment lab was refused")],
            ),
            "Stopping",
            "1/0",
            "AD",
            "Forbidden",
            STOPPED,
        ),
        Step(
            seen(deployment=a_deployment(1, updated=0), problems=[Problem(Reason.FORBIDDEN, "refused")]),
            "Stopping",
            "0/0",
            "D",
            "Forbidden",
            STOPPED,
        ),
    ],
    "scaled": [
        ACTIVE,
        Step(
            seen(a_running_pod(), deployment=a_deployment(3, ready=1, updated=3)),
            "Starting",
            "1/3",
            "AP",
            "RollingOut",
            SHARED,
            2,
        ),
        Step(
            seen(*[a_running_pod(suffix=s) for s in "abc"], deployment=a_deployment(3, ready=3)),
            "Active",
            "3/3",
            "RA",
            "Ready",
            SHARED,
            2,
        ),
        Step(
            seen(*[a_running_pod(suffix=s) for s in "abc"], deployment=a_deployment(1, ready=3, updated=3)),
            "Starting",
            "3/1",
            "AP",
            "RollingOut",
            {**SHARED, "replicaCount": 1},
            3,
        ),
    ],
}


def lived(life: list[Step]) -> Iterator[tuple[Step, MageCluster, MageClusterStatus]]:
    """Each step with the cluster as it was before, a second after the step before, and the status that it gets."""
    status = MageClusterStatus()
    for number, step in enumerate(life):
        cluster = a_cluster(generation=step.generation, observed=status, **step.spec)
        status = status_of(cluster, step.seen, after(number))
        yield step, cluster, status
