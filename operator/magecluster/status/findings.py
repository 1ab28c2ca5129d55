"""What the conditions of a cluster say, each a small function of one picture of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from magecluster.api.magecluster import MageCluster
from magecluster.api.status import ConditionType, Reason
from magecluster.status.conditions import Finding, truth
from magecluster.status.observation import Problem

_MESSAGES = {
    Reason.READY: "Mage answers",
    Reason.STARTING: "Waiting for Mage to answer; a first start takes minutes while it installs requirements",
    Reason.ROLLING_OUT: "The pod is being replaced or the number of pods changes",
    Reason.STOPPING: "Waiting for the pods to end",
    Reason.STOPPED: "Stopped as the spec asks; volume, credentials and address are kept",
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What was made of an observation."""

    cluster: MageCluster
    progress: Reason
    """Ready, Starting, RollingOut, Stopping or Stopped: how far the objects are, whatever the problem."""
    problem: Problem | None
    answers: bool
    """At least one replica is available."""


def findings(picture: Picture) -> Iterator[Finding]:
    """Every condition that applies, Ready first."""
    yield _ready(picture)
    yield _available(picture)
    yield _progressing(picture)
    yield _stopped(picture)
    yield _degraded(picture)
    if picture.cluster.uses_kubernetes_executor:
        yield _executor(picture.cluster)
    if picture.problem:
        yield Finding(ConditionType.STALLED, "True", *picture.problem)


def progress_message(progress: Reason) -> str:
    """A sentence for people."""
    return _MESSAGES[progress]


def _ready(picture: Picture) -> Finding:
    if picture.progress is not Reason.STOPPED and picture.problem:
        return Finding(ConditionType.READY, "False", *picture.problem)
    ready = truth(picture.progress is Reason.READY)
    return Finding(ConditionType.READY, ready, picture.progress, _MESSAGES[picture.progress])


def _available(picture: Picture) -> Finding:
    if picture.answers:
        return Finding(ConditionType.AVAILABLE, "True", Reason.RUNNING, "Mage answers")
    reason = Reason.STOPPED if picture.progress is Reason.STOPPED else Reason.UNAVAILABLE
    return Finding(ConditionType.AVAILABLE, "False", reason, "No pod answers")


def _progressing(picture: Picture) -> Finding:
    if picture.problem:
        return Finding(ConditionType.PROGRESSING, "False", *picture.problem)
    match picture.progress:
        case Reason.READY:
            return Finding(ConditionType.PROGRESSING, "False", Reason.AS_EXPECTED)
        case Reason.STOPPED:
            return Finding(ConditionType.PROGRESSING, "False", Reason.STOPPED)
        case progress:
            return Finding(ConditionType.PROGRESSING, "True", progress, _MESSAGES[progress])


def _stopped(picture: Picture) -> Finding:
    match picture.progress:
        case Reason.STOPPED | Reason.STOPPING as progress:
            return Finding(ConditionType.STOPPED, truth(progress is Reason.STOPPED), progress, _MESSAGES[progress])
        case _:
            return Finding(ConditionType.STOPPED, "False", Reason.RUNNING, "The spec asks for a running cluster")


def _degraded(picture: Picture) -> Finding:
    if picture.problem:
        return Finding(ConditionType.DEGRADED, "True", *picture.problem)
    return Finding(ConditionType.DEGRADED, "False", Reason.AS_EXPECTED)


def _executor(cluster: MageCluster) -> Finding:
    if cluster.spec.database is None:
        message = "Jobs cannot share the SQLite database on the volume; give a PostgreSQL in spec.database"
        return Finding(ConditionType.EXECUTOR_READY, "False", Reason.NEEDS_DATABASE, message)
    if cluster.spec.storage.access_mode == "ReadWriteOnce":
        message = (
            "Blocks run as Jobs only while these land on the node of the Mage pod, because the volume is "
            "ReadWriteOnce; use a cluster with spec.storage.accessMode ReadWriteMany"
        )
        return Finding(ConditionType.EXECUTOR_READY, "False", Reason.NEEDS_SHARED_VOLUME, message)
    return Finding(ConditionType.EXECUTOR_READY, "True", Reason.AS_EXPECTED, "Blocks can run as Jobs on every node")
