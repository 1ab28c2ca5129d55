from typing import Any

import pytest
from tests.support.live import a_cluster, a_container, a_deployment, a_pod, a_running_pod, after, terminating, waiting

from magecluster.api.status import MageClusterStatus, Reason
from magecluster.status import Observation, Problem, StateChange, changes, invalid_spec_status, status_of

CREATING = Observation(deployment=a_deployment(), pods=[a_pod(a_container(waiting("ContainerCreating")))])
RUNNING = Observation(deployment=a_deployment(ready=1), pods=[a_running_pod()])
LEAVING = Observation(deployment=a_deployment(0), pods=[terminating(a_running_pod())])
GONE = Observation(deployment=a_deployment(0))
DENIED = Observation(deployment=a_deployment(), pods=[a_pod(a_container(waiting("ErrImagePull", "denied")))])
NOT_FOUND = Observation(deployment=a_deployment(), pods=[a_pod(a_container(waiting("ErrImagePull", "not found")))])
NO_SECRET = Observation(
    deployment=a_deployment(),
    pods=[a_pod(a_container(waiting("CreateContainerConfigError", 'secret "pg" not found')))],
)
REFUSED = Observation(deployment=a_deployment(0), problems=[Problem(Reason.INVALID, "Ingress lab was refused")])

UP: dict[str, Any] = {}
DOWN: dict[str, Any] = {"status": "Stopped"}
EXECUTOR: dict[str, Any] = {"kubernetesExecutor": {"enabled": True}}
EXECUTOR_WITH_DATABASE: dict[str, Any] = {**EXECUTOR, "database": {"secretKeyRef": {"name": "pg"}}}

Step = tuple[dict[str, Any], Observation]

STORIES: dict[str, tuple[list[Step], list[str]]] = {
    "a day": (
        [(UP, CREATING), (UP, RUNNING), (DOWN, LEAVING), (DOWN, GONE), (UP, CREATING), (UP, RUNNING)],
        ["Starting", "Started", "Stopping", "Stopped", "Starting", "Started"],
    ),
    "trouble and recovery": ([(UP, DENIED), (UP, RUNNING)], ["Warning ImagePullFailed", "Recovered"]),
    "trouble and a new start": (
        [(UP, DENIED), (UP, CREATING), (UP, RUNNING)],
        ["Warning ImagePullFailed", "Starting", "Started"],
    ),
    "other words for one trouble": ([(UP, DENIED), (UP, NOT_FOUND)], ["Warning ImagePullFailed"]),
    "one trouble after another": (
        [(UP, DENIED), (UP, NO_SECRET)],
        ["Warning ImagePullFailed", "Warning SecretMissing"],
    ),
    "trouble while stopped": (
        [(DOWN, GONE), (DOWN, REFUSED), (DOWN, GONE)],
        ["Stopped", "Warning Invalid", "Recovered"],
    ),
    "stopped because of trouble": (
        [(UP, DENIED), (DOWN, LEAVING), (DOWN, GONE)],
        ["Warning ImagePullFailed", "Stopping", "Stopped"],
    ),
    "stopped with other trouble": (
        [(UP, DENIED), (DOWN, REFUSED)],
        ["Warning ImagePullFailed", "Stopped", "Warning Invalid"],
    ),
    "an executor that cannot work": (
        [(EXECUTOR, RUNNING), (EXECUTOR_WITH_DATABASE, RUNNING), (UP, RUNNING)],
        ["Started", "Warning NeedsDatabase", "Warning NeedsSharedVolume"],
    ),
}


@pytest.mark.parametrize(("steps", "expected"), STORIES.values(), ids=STORIES)
def test_events_tell_the_story_once(steps: list[Step], expected: list[str]) -> None:
    told: list[str] = []
    status = MageClusterStatus()
    for number, (spec, observation) in enumerate(steps):
        for generation in (2 * number, 2 * number + 1):  # the second look at the same thing has nothing to tell
            cluster = a_cluster(generation=generation, observed=status, **spec)
            before, status = status, status_of(cluster, observation, after(20 * generation))
            told += [
                change.reason if change.type == "Normal" else f"Warning {change.reason}"
                for change in changes(before, status)
            ]
    assert told == expected


def test_messages_say_where_and_why() -> None:
    starting = status_of(a_cluster(), CREATING, after(0))
    active = status_of(a_cluster(observed=starting), RUNNING, after(0))
    degraded = status_of(a_cluster(observed=active), DENIED, after(0))
    assert changes(starting, active) == [StateChange("Normal", "Started", "Mage answers at http://lab.data.svc:6789")]
    [warning] = changes(active, degraded)
    assert warning.message.startswith("The node cannot pull image mageai/mageai:0.9.80: denied; correct spec.image")


def test_an_invalid_spec_is_told_once() -> None:
    active = status_of(a_cluster(), RUNNING, after(0))
    invalid = invalid_spec_status(active, 2, "replicaCount: must be a number", after(1))
    assert [(change.type, change.reason) for change in changes(active, invalid)] == [("Warning", "InvalidSpec")]
    assert changes(invalid, invalid_spec_status(invalid, 3, "image: unknown field", after(2))) == []
    assert [change.reason for change in changes(invalid, active)] == ["Recovered"]
