"""The status of a cluster."""

from datetime import datetime

from magecluster.api.labels import selector
from magecluster.api.magecluster import MageCluster
from magecluster.api.pod import STARTUP_SECONDS
from magecluster.api.status import ConditionType, MageClusterStatus, Reason, State
from magecluster.status.address import url, version
from magecluster.status.checks import problem_of
from magecluster.status.conditions import Finding, merged, truth, with_condition
from magecluster.status.findings import Picture, findings
from magecluster.status.live import FINISHED, count, instant, phase, terminating, up_to_date
from magecluster.status.observation import Observation, Problem

LOOK_AGAIN_SECONDS = 10.0
"""While a cluster starts: some causes stand only in Events, and others only show after a time."""

RETRY_SECONDS = 60.0
"""While something is amiss or a start takes long: nobody tells of a raised quota or a right that was granted."""

_STATES = {
    Reason.READY: State.ACTIVE,
    Reason.STARTING: State.STARTING,
    Reason.ROLLING_OUT: State.STARTING,
    Reason.STOPPING: State.STOPPING,
    Reason.STOPPED: State.STOPPED,
}


def status_of(cluster: MageCluster, observation: Observation, now: datetime) -> MageClusterStatus:
    """Equal to `cluster.status` when nothing has changed, so that nothing has to be written."""
    progress = _progress(cluster, observation)
    ready = count(observation.deployment, "readyReplicas")
    answers = count(observation.deployment, "availableReplicas") > 0
    problem = _told(problem_of(cluster, observation, now), answers=answers)
    picture = Picture(cluster=cluster, progress=progress, problem=problem, answers=answers)
    generation = cluster.metadata.generation
    return MageClusterStatus(
        state=State.DEGRADED if problem and cluster.wants_to_run else _STATES[progress],
        ready=f"{ready}/{cluster.wanted_replicas}",
        replicas=_existing(observation),
        ready_replicas=ready,
        selector=",".join(f"{key}={value}" for key, value in selector(cluster.metadata.name).items()),
        version=version(observation.deployment),
        url=url(cluster),
        observed_generation=generation,
        conditions=merged(cluster.status.conditions, findings(picture), generation, now),
    )


def invalid_spec_status(previous: MageClusterStatus, generation: int, message: str, now: datetime) -> MageClusterStatus:
    """For a spec that cannot be read: nothing was looked at and nothing changed, so what was observed before stays."""
    text = f"The spec is not valid: {message}; correct it, until then what runs is left as it is"
    conditions = previous.conditions
    for type_ in (ConditionType.READY, ConditionType.PROGRESSING, ConditionType.DEGRADED, ConditionType.STALLED):
        wrong = truth(type_ in {ConditionType.DEGRADED, ConditionType.STALLED})
        finding = Finding(type_, wrong, Reason.INVALID_SPEC, text)
        conditions = with_condition(conditions, finding, generation, now)
    return previous.model_copy(
        update={"state": State.DEGRADED, "observed_generation": generation, "conditions": conditions}
    )


def recheck_after(cluster: MageCluster, status: MageClusterStatus, now: datetime) -> float | None:
    """Seconds after which to look again because time, or what is not watched, can change the status; else `None`."""
    degraded, progressing = status.condition(ConditionType.DEGRADED), status.condition(ConditionType.PROGRESSING)
    if degraded and degraded.status == "True":
        return RETRY_SECONDS
    if not cluster.wants_to_run or progressing is None or progressing.status != "True":
        return None
    waited = (now - instant(progressing.last_transition_time)).total_seconds()
    # Twice the start-up time: a pod counts anew when it was slow to be placed.
    return LOOK_AGAIN_SECONDS if waited < 2 * STARTUP_SECONDS else RETRY_SECONDS


def _progress(cluster: MageCluster, observation: Observation) -> Reason:
    if not cluster.wants_to_run:
        return Reason.STOPPED if _nothing_left(observation) else Reason.STOPPING
    if _rolled_out(cluster, observation):
        return Reason.READY
    before = count(observation.deployment, "availableReplicas") or any(map(terminating, observation.pods))
    return Reason.ROLLING_OUT if before else Reason.STARTING


def _nothing_left(observation: Observation) -> bool:
    """Not even a Deployment that would make a pod again because it could not be scaled down."""
    live = observation.deployment
    return not _existing(observation) and (
        live is None or not (live["spec"].get("replicas", 1) or count(live, "replicas"))
    )


def _rolled_out(cluster: MageCluster, observation: Observation) -> bool:
    """All wanted replicas are of the newest template and available, and none is of an older one."""
    live, wanted = observation.deployment, cluster.wanted_replicas
    return (
        live is not None
        and up_to_date(live)
        and live["spec"].get("replicas", 1) == wanted
        and count(live, "availableReplicas") >= wanted
        and count(live, "updatedReplicas") == count(live, "replicas") == wanted
    )


def _existing(observation: Observation) -> int:
    # A finished pod that is being removed still has its volume mounted; one that stays behind, as evicted ones do, not.
    return sum(phase(pod) not in FINISHED or terminating(pod) for pod in observation.pods)


def _told(problem: Problem | None, *, answers: bool) -> Problem | None:
    if problem is None or not answers:
        return problem
    return problem._replace(message=f"{problem.message}. Meanwhile the previous state is kept running and answers")
