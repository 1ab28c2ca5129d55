"""Why a cluster is not as its spec asks: a chain of small questions in the order of cause and effect."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.pod import CONTAINER, STARTUP_SECONDS
from magecluster.api.status import Reason
from magecluster.status.containers import configuration, image, resources_of
from magecluster.status.live import (
    condition,
    containers,
    instant,
    last_end,
    stable,
    unfinished_pods,
    waiting,
)
from magecluster.status.observation import Observation, Problem
from magecluster.status.placement import mount, refused_pods, rejected, unschedulable, volume

CRASHES = 2
"""Restarts from which on a container that is not ready is in a loop, also while it happens to run.

The kubelet calls it CrashLoopBackOff from the second crash on, which is before the second restart."""

_STARTUP = timedelta(seconds=STARTUP_SECONDS)

Check = Callable[[MageCluster, Observation, datetime], Problem | None]


def applying(_cluster: MageCluster, observation: Observation, _now: datetime) -> Problem | None:
    """Objects that could not be applied. All of them are told, so that one edit can mend them all."""
    if not observation.problems:
        return None
    messages = dict.fromkeys(problem.message for problem in observation.problems)
    return Problem(observation.problems[0].reason, ". Also: ".join(messages))


def crash_loop(cluster: MageCluster, observation: Observation, _now: datetime) -> Problem | None:
    """A container ends soon after each start."""
    for pod in unfinished_pods(observation):
        backing_off = {w.container for w in waiting(pod) if w.reason == "CrashLoopBackOff"}
        for container in containers(pod):
            if container["name"] in backing_off or _crashed_often(container):
                return Problem(Reason.CRASH_LOOP, _crash_message(cluster, pod, container))
    return None


def _crashed_often(container: Manifest) -> bool:
    """A run of ten minutes ends the loop for the kubelet too, and is as long as the start-up probe waits."""
    end = last_end(container)
    if container.get("ready") or not end or container.get("restartCount", 0) < CRASHES:
        return False
    started, finished = end.get("startedAt"), end.get("finishedAt")
    return not (started and finished) or instant(finished) - instant(started) < _STARTUP


def _crash_message(cluster: MageCluster, pod: Manifest, container: Manifest) -> str:
    end, name = last_end(container), container["name"]
    if end.get("reason") == "OOMKilled":
        cause, remedy = (
            "it needs more memory than it may use (OOMKilled)",
            f"raise {resources_of(name)}.limits.memory",
        )
    else:
        code, reason = end.get("exitCode"), end.get("reason")
        cause = (
            "the kubelet gives no cause" if code is None else f"exit code {code}" + (f" ({reason})" if reason else "")
        )
        if lines := (end.get("message") or "").strip().splitlines():
            cause += f", {stable(lines[-1])}"
        remedy = "correct what its log names"
    log = f"kubectl logs {pod['metadata']['name']} -c {name} --previous -n {cluster.metadata.namespace}"
    return f"Container {name} ends again and again: {cause}; {remedy}: {log}"


def not_answering(cluster: MageCluster, observation: Observation, now: datetime) -> Problem | None:
    """Mage runs, perhaps restarted by its probes, and has not been ready for longer than a first start may take."""
    for pod in unfinished_pods(observation):
        mage = next((c for c in containers(pod) if c["name"] == CONTAINER), {})
        running = (mage.get("state") or {}).get("running")
        if running is None or mage.get("ready"):
            continue
        since = condition(pod, "Ready").get("lastTransitionTime") or running.get("startedAt")
        if since and now - instant(since) >= _STARTUP:
            name, namespace = pod["metadata"]["name"], cluster.metadata.namespace
            return Problem(
                Reason.NOT_ANSWERING,
                f"Mage runs but has not answered at /api/status for {STARTUP_SECONDS // 60} minutes; "
                f"see what it waits for: kubectl logs {name} -c {CONTAINER} -n {namespace}",
            )
    return None


CHAIN: Final[tuple[Check, ...]] = (
    applying,
    refused_pods,
    volume,
    unschedulable,
    mount,
    image,
    configuration,
    crash_loop,
    rejected,
    not_answering,
)


def problem_of(cluster: MageCluster, observation: Observation, now: datetime) -> Problem | None:
    """The first failure. The pods of a cluster that is not wanted to run are not asked: they only have to go."""
    chain = CHAIN if cluster.wants_to_run else (applying,)
    return next((problem for check in chain if (problem := check(cluster, observation, now))), None)
