from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.support.live import (
    OLD,
    a_cluster,
    a_container,
    a_deployment,
    a_pod,
    a_volume,
    after,
    an_event,
    an_unscheduled_pod,
    ended,
    running,
    terminating,
    waiting,
)

from magecluster.api.status import MageClusterStatus, Reason
from magecluster.status import Observation, Problem, changes, invalid_spec_status, recheck_after, status_of

TEXTS = st.sampled_from(["", 'secret "a" not found', "back-off 40s restarting", "0/1 nodes are available", "Error:"])
REASONS = st.sampled_from(
    [
        "ContainerCreating",
        "PodInitializing",
        "CrashLoopBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
        "CreateContainerConfigError",
        "RunContainerError",
    ]
)
ENDS = st.builds(ended, st.sampled_from([0, 1, 137]), st.sampled_from(["Error", "OOMKilled", "StartError"]), TEXTS)
STATES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(waiting, REASONS, TEXTS), st.builds(running), ENDS, st.just({})
)
CONTAINERS = st.builds(a_container, STATES, last=st.none() | ENDS, restarts=st.integers(0, 4), ready=st.booleans())
PLACED = st.builds(
    a_pod,
    CONTAINERS,
    suffix=st.sampled_from("abc"),
    phase=st.sampled_from(["Pending", "Running", "Failed", "Succeeded", "Unknown"]),
    ready=st.booleans(),
    created=st.integers(-900, 0).map(after),
    template=st.just(OLD) | st.just("new"),
)
PODS = PLACED | st.builds(an_unscheduled_pod, TEXTS, st.sampled_from(["Unschedulable", "SchedulerError"]))
DEPLOYMENTS = st.none() | st.builds(
    a_deployment,
    st.integers(0, 2),
    ready=st.integers(0, 2),
    updated=st.integers(0, 2),
    observed=st.booleans(),
    refusal=st.none() | TEXTS,
)
VOLUMES = st.none() | st.builds(
    a_volume,
    st.sampled_from(["Pending", "Bound", "Lost", ""]),
    storage_class=st.sampled_from([None, "", "fast"]),
)
PROBLEMS = st.builds(Problem, st.sampled_from([Reason.SECRET_MISSING, Reason.FORBIDDEN]), TEXTS)
EVENT_REASONS = st.sampled_from(["Failed", "FailedMount", "ProvisioningFailed", "ExternalProvisioning", "BackOff"])
SPECS: list[dict[str, Any]] = [{}, {"status": "Stopped"}, {"replicaCount": 2, "kubernetesExecutor": {"enabled": True}}]


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    pods = draw(st.lists(st.one_of(PODS, PODS.map(terminating)), max_size=3))
    volume = draw(VOLUMES)
    subjects = [*pods, *([volume] if volume else [])]
    events = (
        draw(st.lists(st.builds(an_event, st.sampled_from(subjects), EVENT_REASONS, TEXTS), max_size=3))
        if subjects
        else []
    )
    problems = draw(st.lists(PROBLEMS, max_size=2))
    return Observation(deployment=draw(DEPLOYMENTS), volume=volume, pods=pods, events=events, problems=problems)


SEEN = observations()
NOW = st.integers(0, 2000).map(after)
SPEC = st.sampled_from(SPECS)


def look(before: MageClusterStatus, spec: dict[str, Any], seen: Observation, now: datetime) -> MageClusterStatus:
    return status_of(a_cluster(observed=before, **spec), seen, now)


@given(SPEC, SEEN, SEEN, NOW, NOW)
def test_what_was_told_is_not_told_again(
    spec: dict[str, Any], earlier: Observation, seen: Observation, first: datetime, now: datetime
) -> None:
    before = look(MageClusterStatus(), spec, earlier, first)
    status = look(before, spec, seen, now)
    assert look(status, spec, seen, now) == status
    assert changes(status, look(status, spec, seen, now)) == []
    assert MageClusterStatus.model_validate(status.manifest()) == status


@given(SPEC, SEEN, NOW, NOW)
def test_time_alone_writes_only_a_change_of_cause(
    spec: dict[str, Any], seen: Observation, now: datetime, other: datetime
) -> None:
    first, later = sorted([now, other])
    status = look(MageClusterStatus(), spec, seen, first)
    then = look(status, spec, seen, later)
    told = [(c.status, c.reason) for c in status.conditions]
    if [(c.status, c.reason) for c in then.conditions] == told:
        assert then == status
    else:
        # A look that time can change is announced.
        assert recheck_after(a_cluster(**spec), status, first) is not None


@given(SPEC, SEEN, SEEN, NOW, NOW)
def test_times_move_with_the_status_of_a_condition(
    spec: dict[str, Any], earlier: Observation, seen: Observation, first: datetime, now: datetime
) -> None:
    before = look(MageClusterStatus(), spec, earlier, first)
    status = look(before, spec, seen, now)
    known = {old.type: old for old in before.conditions}
    for new in status.conditions:
        old = known.get(new.type)
        same = old is not None and old.status == new.status
        expected = old.last_transition_time if old and same else now.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert new.last_transition_time == expected


@given(SPEC, SEEN, NOW)
def test_the_words_agree_with_each_other(spec: dict[str, Any], seen: Observation, now: datetime) -> None:
    status = look(MageClusterStatus(), spec, seen, now)
    true = {c.type for c in status.conditions if c.status == "True"}
    assert ("Ready" in true) == (status.state == "Active")
    assert ("Stopped" in true) == (status.state == "Stopped")
    assert not {"Degraded", "Progressing"} <= true
    assert not {"Degraded", "Ready"} <= true
    if status.state == "Degraded":
        assert "Degraded" in true
    if status.state in ("Starting", "Stopping"):
        assert true & {"Progressing", "Degraded"}


@given(SPEC, SEEN, NOW)
def test_the_order_of_what_was_seen_does_not_matter(spec: dict[str, Any], seen: Observation, now: datetime) -> None:
    turned = replace(seen, pods=seen.pods[::-1], events=seen.events[::-1])
    names = [pod["metadata"]["name"] for pod in seen.pods]
    if len(set(names)) == len(names):
        assert look(MageClusterStatus(), spec, turned, now) == look(MageClusterStatus(), spec, seen, now)


@given(SPEC, SEEN, NOW, NOW)
def test_an_invalid_spec_is_written_once(
    spec: dict[str, Any], seen: Observation, now: datetime, later: datetime
) -> None:
    invalid = invalid_spec_status(look(MageClusterStatus(), spec, seen, now), 2, "no", now)
    assert invalid_spec_status(invalid, 2, "no", later) == invalid
