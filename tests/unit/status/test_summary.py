from typing import Any

import pytest
from tests.support.live import START, a_cluster, a_deployment, a_pod, a_running_pod, after, terminating
from tests.support.lives import (
    ACTIVE,
    BACK_OFF,
    CREATING,
    DATABASE,
    GONE,
    LIVES,
    MISSING,
    NOTHING,
    STOPPED,
    Step,
    lived,
    seen,
)

from magecluster.api.status import ConditionType, MageClusterStatus
from magecluster.status import Observation, invalid_spec_status, recheck_after, status_of


def true_ones(status: MageClusterStatus) -> str:
    """The first letters, Stalled apart, which is there just when Degraded is True."""
    assert (status.condition(ConditionType.STALLED) is not None) == any(
        (c.type, c.status) == ("Degraded", "True") for c in status.conditions
    )
    return "".join(c.type[0] for c in status.conditions if c.status == "True" and c.type != "Stalled")


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_a_life_is_told_step_by_step(life: list[Step]) -> None:
    for number, (step, _, status) in enumerate(lived(life)):
        told = (status.state, status.ready, true_ones(status), status.conditions[0].reason)
        assert told == (step.state, step.ready, step.true, step.reason), f"step {number}"
        assert status.observed_generation == step.generation
        assert {c.observed_generation for c in status.conditions} == {step.generation}
        always = [c.type for c in status.conditions if c.type != "Stalled"]
        assert always == ["Ready", "Available", "Progressing", "Stopped", "Degraded"]
        again = status_of(a_cluster(generation=step.generation, observed=status, **step.spec), step.seen, after(55))
        assert again == status


def test_a_problem_is_told_by_degraded_and_ready_and_what_still_runs_too() -> None:
    observation = seen(a_running_pod(), deployment=a_deployment(ready=1), problems=[MISSING])
    status = status_of(a_cluster(), observation, START)
    for type_ in (ConditionType.READY, ConditionType.DEGRADED, ConditionType.PROGRESSING, ConditionType.STALLED):
        found = status.condition(type_)
        assert found
        assert found.reason == "SecretMissing"
        assert found.message == f"{MISSING.message}. Meanwhile the previous state is kept running and answers"


def test_the_time_of_a_condition_moves_only_with_its_status() -> None:
    starting = status_of(a_cluster(), NOTHING, START)
    degraded = status_of(a_cluster(observed=starting), seen(BACK_OFF), after(60))
    times = {c.type: c.last_transition_time for c in degraded.conditions}
    assert times == {
        "Ready": "2026-07-01T08:00:00Z",
        "Available": "2026-07-01T08:00:00Z",
        "Progressing": "2026-07-01T08:01:00Z",
        "Stopped": "2026-07-01T08:00:00Z",
        "Degraded": "2026-07-01T08:01:00Z",
        "Stalled": "2026-07-01T08:01:00Z",
    }


def test_pods_are_counted_until_they_are_gone() -> None:
    ended = a_pod(phase="Failed", suffix="c")
    pods = [
        a_running_pod(),
        terminating(a_running_pod(suffix="b")),
        ended,
        terminating(a_pod(phase="Failed", suffix="d")),
    ]
    status = status_of(a_cluster(), seen(*pods, deployment=a_deployment(ready=1)), START)
    assert (status.replicas, status.ready_replicas) == (3, 1)
    wanted = "app.kubernetes.io/name=mage,app.kubernetes.io/instance=lab,app.kubernetes.io/component=server"
    assert status.selector == wanted


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("mageai/mageai:0.9.80", "0.9.80"),
        ("registry:5000/mage", "latest"),
        ("registry:5000/mage:1", "1"),
        (f"mageai/mageai@sha256:{'0a' * 32}", f"sha256:{'0a' * 32}"),
    ],
)
def test_the_version_is_the_one_that_was_applied(image: str, version: str) -> None:
    spec: dict[str, Any] = {"image": {"tag": "not-yet"}}
    assert status_of(a_cluster(**spec), seen(deployment=a_deployment(image=image)), START).version == version
    assert status_of(a_cluster(**spec), NOTHING, START).version is None


def ingress(*hosts: str, path: str = "/", tls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    rules = [{"host": host, "paths": [{"path": path}]} for host in hosts]
    return {"ingress": {"enabled": True, "hosts": rules, "tls": tls or []}}


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        ({}, "http://lab.data.svc:6789"),
        (STOPPED, "http://lab.data.svc:6789"),
        ({"service": {"port": 80}}, "http://lab.data.svc:80"),
        (ingress("mage.example.org", "b.example.org"), "http://mage.example.org"),
        (ingress("mage.example.org", path="/lab"), "http://mage.example.org/lab"),
        (
            ingress("mage.example.org", tls=[{"hosts": ["mage.example.org"], "secretName": "t"}]),
            "https://mage.example.org",
        ),
        (
            ingress("mage.example.org", tls=[{"hosts": ["*.example.org"], "secretName": "t"}]),
            "https://mage.example.org",
        ),
        (ingress("a.b.example.org", tls=[{"hosts": ["*.example.org"], "secretName": "t"}]), "http://a.b.example.org"),
        (ingress("mage.example.org", tls=[{"secretName": "t"}]), "https://mage.example.org"),
        (ingress("*.example.org", "mage.example.org"), "http://mage.example.org"),
        (ingress("*.example.org"), "http://lab.data.svc:6789"),
        ({"ingress": {**ingress("mage.example.org")["ingress"], "enabled": False}}, "http://lab.data.svc:6789"),
        (
            {"ingress": {"enabled": True, "hosts": [{"host": "mage.example.org", "paths": []}]}},
            "http://mage.example.org",
        ),
    ],
)
def test_the_url_is_where_people_reach_it(spec: dict[str, Any], url: str) -> None:
    assert status_of(a_cluster(**spec), NOTHING, START).url == url


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ("False", "NeedsDatabase")),
        ({"database": DATABASE}, ("False", "NeedsSharedVolume")),
        ({"database": DATABASE, "storage": {"accessMode": "ReadWriteMany"}}, ("True", "AsExpected")),
    ],
)
def test_the_executor_never_makes_a_cluster_unready(spec: dict[str, Any], expected: tuple[str, str]) -> None:
    envs = [{"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"}]
    with_executor = status_of(a_cluster(extraEnvs=envs, **spec), ACTIVE.seen, START)
    found = with_executor.condition(ConditionType.EXECUTOR_READY)
    assert found
    assert (found.status, found.reason) == expected
    assert (with_executor.state, true_ones(with_executor)[:2]) == ("Active", "RA")
    without = status_of(a_cluster(observed=with_executor, **spec), ACTIVE.seen, START)
    assert without.condition(ConditionType.EXECUTOR_READY) is None


def test_a_spec_that_cannot_be_read_keeps_what_was_observed() -> None:
    active = status_of(a_cluster(), ACTIVE.seen, START)
    invalid = invalid_spec_status(active, 2, "replicaCount: must be a number", after(60))
    assert (invalid.state, invalid.ready, invalid.url, invalid.observed_generation) == (
        "Degraded",
        "1/1",
        active.url,
        2,
    )
    assert true_ones(invalid) == "AD"
    degraded = invalid.condition(ConditionType.DEGRADED)
    assert degraded
    assert degraded.reason == invalid.conditions[0].reason == "InvalidSpec"
    assert "replicaCount: must be a number; correct it" in degraded.message
    assert degraded.last_transition_time == "2026-07-01T08:01:00Z"
    assert invalid_spec_status(invalid, 2, "replicaCount: must be a number", after(120)) == invalid
    assert status_of(a_cluster(generation=3, observed=invalid), ACTIVE.seen, START).state == "Active"


def test_a_spec_that_never_could_be_read() -> None:
    status = invalid_spec_status(MageClusterStatus(), 1, "no", START)
    assert status.manifest().keys() == {"state", "replicas", "readyReplicas", "observedGeneration", "conditions"}
    assert true_ones(status) == "D"


@pytest.mark.parametrize(
    ("spec", "observation", "seconds", "wait"),
    [
        ({}, seen(CREATING), 0, 10),
        ({}, seen(CREATING), 1200, 60),
        ({}, seen(BACK_OFF), 0, 60),
        ({}, ACTIVE.seen, 0, None),
        (STOPPED, GONE, 0, None),
        (STOPPED, seen(terminating(CREATING), deployment=a_deployment(0)), 0, None),
        (STOPPED, seen(deployment=a_deployment(0), problems=[MISSING]), 0, 60),
    ],
)
def test_it_is_looked_again_where_nobody_tells(
    spec: dict[str, Any], observation: Observation, seconds: float, wait: float | None
) -> None:
    cluster = a_cluster(**spec)
    assert recheck_after(cluster, status_of(cluster, observation, START), after(seconds)) == wait
