from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity
from tests.support.cloud import stored

from magecluster.api.mageteam import Limits
from magecluster.api.model import Manifest
from magecluster.cloud.config.quota import exceeded


def spec(**fields: Any) -> Manifest:
    """Without a gateway, unless it is the one that counts."""
    found: Manifest = stored(**{"gateway": {"enabled": False}, **fields})["spec"]
    return found


def limits(**fields: Any) -> Limits:
    return Limits.model_validate(fields)


def takes(cpu: str | int | None = None, memory: str | int | None = None, **more: Any) -> Manifest:
    named = {name: amount for name, amount in (("cpu", cpu), ("memory", memory)) if amount is not None}
    return spec(resources={"limits": named}, **more)


OFF = {"status": "Stopped"}
ZERO = {"replicaCount": 0}
SMALL = {"resources": {"limits": {"cpu": "250m"}}}
GATEWAY: dict[str, Any] = {"gateway": {"enabled": True, **SMALL, "runs": SMALL}}
"""Takes half a core."""
NAMELESS: dict[str, Any] = {"enabled": True, "resources": {}, "runs": {"resources": {}}}

ALLOWED = {
    "no limits": (limits(), [spec()] * 5, None, spec()),
    "the last cluster": (limits(clusters=2), [spec()], None, spec()),
    "a change where there are too many": (limits(clusters=1), [spec()] * 3, spec(), spec(replicaCount=2)),
    "a cluster that does not run": (limits(runningClusters=0), [], None, spec(**OFF)),
    "a cluster without pods": (limits(runningClusters=0), [], None, spec(**ZERO)),
    "a start": (limits(runningClusters=2), [spec(), spec(**OFF), spec(**ZERO)], spec(**OFF), spec()),
    "a change while too many run": (limits(runningClusters=1), [spec()] * 3, spec(), spec(nodeSelector={"a": "b"})),
    "a stop while too many run": (limits(runningClusters=0), [spec()] * 3, spec(), spec(**OFF)),
    "the last core": (limits(cpu="2"), [takes("500m")], None, takes("1.5")),
    "the last core in numbers": (limits(cpu=2), [takes(1)], None, takes(1)),
    "requests where there are no limits": (
        limits(cpu="1", memory="1Gi"),
        [],
        None,
        spec(resources={"limits": {"cpu": 1}, "requests": {"memory": "1024Mi"}}),
    ),
    "what others do not run": (limits(cpu="1"), [takes("8", **OFF), takes("8", **ZERO)], None, takes("1")),
    "more of what does not run": (limits(cpu="1"), [], takes("1", **OFF), takes("8", **OFF)),
    "less, and still too much": (limits(cpu="1"), [takes("4")], takes("3"), takes("2")),
    "fewer pods, and still too many": (limits(cpu="1"), [], takes("1", replicaCount=4), takes("1", replicaCount=2)),
    "a stop of what takes too much": (limits(cpu="1"), [takes("4")], takes("3"), takes("3", **OFF)),
    "a stop of what names nothing": (limits(cpu="1", memory="1Gi"), [], spec(), spec(**OFF)),
    "a change of what runs and names nothing": (limits(cpu="1"), [], spec(), spec(nodeSelector={"a": "b"})),
    "fewer pods of what names nothing": (limits(cpu="1"), [], spec(replicaCount=3), spec(replicaCount=2)),
    "an amount where there was none": (limits(cpu="1"), [takes("4")], spec(), takes("2")),
    "a cluster that is stopped and names nothing": (limits(cpu="1", memory="1Gi"), [], None, spec(**OFF)),
    "others that name nothing": (limits(cpu="1"), [spec()] * 3, None, takes("1")),
    "more beside a gateway that names nothing": (
        limits(cpu="2"),
        [],
        takes("1", gateway=NAMELESS),
        takes("2", gateway=NAMELESS),
    ),
    "a gateway that is not there": (limits(cpu="1"), [], None, takes("1", gateway={"enabled": False})),
    "a gateway": (limits(cpu="1.5"), [], None, takes("1", **GATEWAY)),
    "the last of the storage": (limits(storage="20Gi"), [spec(**OFF)], None, spec()),
    "all that was too large before": (limits(storage="1Gi"), [spec()] * 2, spec(**OFF), spec()),
}


@pytest.mark.parametrize(("limit", "others", "before", "after"), ALLOWED.values(), ids=ALLOWED)
def test_allowed(limit: Limits, others: list[Manifest], before: Manifest | None, after: Manifest) -> None:
    assert exceeded(limit, others, before, after) == []


EVERYTHING = "resources.limits.cpu and gateway.resources.limits.cpu and gateway.runs.resources.limits.cpu"
FIRST = "so a cluster has to name what it takes: set"
LESS = "ask for less, or stop another cluster"
REFUSED = {
    "a cluster": (
        limits(clusters=2),
        [spec(), spec(**OFF)],
        None,
        spec(**OFF),
        ["clusters: 2 in use, 3 with this change, the limit is 2: delete one that is not needed"],
    ),
    "a new one that runs": (
        limits(runningClusters=1),
        [spec()],
        None,
        spec(),
        ["runningClusters: 1 in use, 2 with this change, the limit is 1: stop one that is not needed"],
    ),
    "a start": (
        limits(runningClusters=0),
        [],
        spec(**OFF),
        spec(),
        ["runningClusters: 0 in use, 1 with this change, the limit is 0: stop one that is not needed"],
    ),
    "a start by pods": (
        limits(runningClusters=1),
        [spec()],
        spec(**ZERO),
        spec(),
        ["runningClusters: 1 in use, 2 with this change, the limit is 1: stop one that is not needed"],
    ),
    "more cpu": (
        limits(cpu="4"),
        [takes("2500m")],
        takes("1"),
        takes("1501m"),
        [f"cpu: 3500m in use, 4001m with this change, the limit is 4: {LESS}"],
    ),
    "more pods": (
        limits(memory="3Gi"),
        [takes(memory="512Mi")],
        takes(memory="1G"),
        takes(memory="1Gi", replicaCount=3),
        [f"memory: 1536870912 in use, 3584Mi with this change, the limit is 3Gi: {LESS}"],
    ),
    "a start of several pods": (
        limits(cpu=3),
        [takes(1)],
        takes(1, replicaCount=3, **OFF),
        takes(1, replicaCount=3),
        [f"cpu: 1 in use, 4 with this change, the limit is 3: {LESS}"],
    ),
    "limits where there are requests, too": (
        limits(cpu="1"),
        [],
        None,
        spec(resources={"limits": {"cpu": "2"}, "requests": {"cpu": "100m"}}),
        [f"cpu: 0 in use, 2 with this change, the limit is 1: {LESS}"],
    ),
    "requests above the limit": (
        limits(cpu="1"),
        [],
        None,
        spec(resources={"requests": {"cpu": "1.5"}}),
        [f"cpu: 0 in use, 1500m with this change, the limit is 1: {LESS}"],
    ),
    "a gateway": (
        limits(cpu="1"),
        [],
        takes("1"),
        takes("1", **GATEWAY),
        [f"cpu: 1 in use, 1500m with this change, the limit is 1: {LESS}"],
    ),
    "a deployer": (
        limits(cpu="1.5"),
        [],
        takes("1", **GATEWAY),
        takes("1", **GATEWAY, git={"repository": "https://a.example/b.git", **SMALL}),
        [f"cpu: 1500m in use, 1750m with this change, the limit is 1.5: {LESS}"],
    ),
    "a gateway of others": (
        limits(cpu="2"),
        [takes("1", **GATEWAY)],
        None,
        takes("1"),
        [f"cpu: 1500m in use, 2500m with this change, the limit is 2: {LESS}"],
    ),
    "nothing named": (
        limits(cpu="4", memory="8Gi"),
        [],
        None,
        spec(),
        [
            f"cpu: the team has a limit of 4, {FIRST} resources.limits.cpu",
            f"memory: the team has a limit of 8Gi, {FIRST} resources.limits.memory",
        ],
    ),
    "nothing named by the gateway": (
        limits(cpu="4"),
        [],
        takes("1"),
        takes("1", gateway=NAMELESS),
        [f"cpu: the team has a limit of 4, {FIRST} gateway.resources.limits.cpu and gateway.runs.resources.limits.cpu"],
    ),
    "nothing named by both": (
        limits(cpu="4"),
        [],
        None,
        spec(gateway=NAMELESS),
        [f"cpu: the team has a limit of 4, {FIRST} {EVERYTHING}"],
    ),
    "nothing named by the runs": (
        limits(cpu="4"),
        [],
        takes("1"),
        takes("1", gateway={**NAMELESS, **SMALL}),
        [f"cpu: the team has a limit of 4, {FIRST} gateway.runs.resources.limits.cpu"],
    ),
    "a start of what names nothing": (
        limits(cpu="4"),
        [],
        spec(**OFF),
        spec(),
        [f"cpu: the team has a limit of 4, {FIRST} resources.limits.cpu"],
    ),
    "more pods of what names nothing": (
        limits(cpu="4"),
        [],
        spec(),
        spec(replicaCount=2),
        [f"cpu: the team has a limit of 4, {FIRST} resources.limits.cpu"],
    ),
    "an amount taken away": (
        limits(cpu="4"),
        [],
        takes("4"),
        takes(),
        [f"cpu: the team has a limit of 4, {FIRST} resources.limits.cpu"],
    ),
    "an amount that nobody can read": (
        limits(cpu="4"),
        [],
        None,
        takes("1e0.5"),
        [f"cpu: the team has a limit of 4, {FIRST} resources.limits.cpu"],
    ),
    "a larger volume of a cluster that is stopped": (
        limits(storage="25Gi"),
        [spec(**OFF)],
        spec(**OFF),
        spec(storage={"size": "16Gi"}, **OFF),
        ["storage: 20Gi in use, 26Gi with this change, the limit is 25Gi: ask for less, or delete another cluster"],
    ),
    "everything at once": (
        limits(clusters=1, runningClusters=1, storage="10Gi"),
        [spec()],
        None,
        spec(),
        [
            "clusters: 1 in use, 2 with this change, the limit is 1: delete one that is not needed",
            "runningClusters: 1 in use, 2 with this change, the limit is 1: stop one that is not needed",
            "storage: 10Gi in use, 20Gi with this change, the limit is 10Gi: ask for less, or delete another cluster",
        ],
    ),
}


@pytest.mark.parametrize(("limit", "others", "before", "after", "told"), REFUSED.values(), ids=REFUSED)
def test_refused(
    limit: Limits, others: list[Manifest], before: Manifest | None, after: Manifest, told: list[str]
) -> None:
    assert exceeded(limit, others, before, after) == told


CPU = st.sampled_from([None, 0, 1, 2, "500m", "1e1", "0.25"])
MEMORY = st.sampled_from([None, 0, "512Mi", "1Gi", "1G", 1024])
SPECS = st.builds(
    takes,
    CPU,
    MEMORY,
    status=st.sampled_from(["Active", "Stopped"]),
    replicaCount=st.integers(0, 3),
    storage=st.builds(dict, size=st.sampled_from(["0", "1Gi", "10Gi", "1000M"])),
    gateway=st.builds(
        dict,
        enabled=st.booleans(),
        resources=CPU.map(lambda cpu: {"limits": {"cpu": cpu or 0}}),
        runs=CPU.map(lambda cpu: {"resources": {"limits": {"cpu": cpu or 0}}}),
    ),
)
LIMITS = st.builds(
    limits,
    clusters=st.none() | st.integers(0, 3),
    runningClusters=st.none() | st.integers(0, 3),
    cpu=CPU,
    memory=MEMORY,
    storage=st.sampled_from([None, "5Gi", "20Gi"]),
)


@given(LIMITS, st.lists(st.tuples(st.integers(0, 3), st.none() | SPECS), max_size=12))
def test_whatever_is_allowed_the_team_stays_within_its_limits(
    limit: Limits, changes: list[tuple[int, Manifest | None]]
) -> None:
    team: dict[int, Manifest] = {}
    for name, after in changes:
        if after is None:
            team.pop(name, None)
            continue
        others = [each for other, each in team.items() if other != name]
        if not exceeded(limit, others, team.get(name), after):
            team[name] = after
    assert len(team) <= most(limit.clusters)
    pods = [(each, each["replicaCount"]) for each in team.values() if each["status"] == "Active"]
    assert sum(count > 0 for _, count in pods) <= most(limit.running_clusters)
    for resource, bound in (("cpu", limit.cpu), ("memory", limit.memory)):
        assert sum(count * taken(each, resource) for each, count in pods) <= most(bound)
    assert sum(parse_quantity(each["storage"]["size"]) for each in team.values()) <= most(limit.storage)


def most(limit: int | str | None) -> Any:
    return float("inf") if limit is None else parse_quantity(limit)


def taken(each: Manifest, resource: str) -> Any:
    """By one pod that has to have bounds if there is a limit."""
    gateway = each["gateway"]
    containers = [each, gateway, gateway["runs"]] if gateway["enabled"] else [each]
    return sum(parse_quantity(container["resources"]["limits"].get(resource, 0)) for container in containers)


@given(LIMITS, st.lists(SPECS, max_size=4), SPECS)
def test_a_cluster_can_stay_as_it_is_and_stop_whatever_the_limits_are(
    limit: Limits, others: list[Manifest], each: Manifest
) -> None:
    assert exceeded(limit, others, each, each) == []
    assert exceeded(limit, others, each, {**each, "status": "Stopped"}) == []
    assert exceeded(limit, others, each, {**each, "replicaCount": 0}) == []


@given(LIMITS, st.lists(SPECS, max_size=4), SPECS)
def test_what_is_allowed_with_others_is_allowed_without(limit: Limits, others: list[Manifest], each: Manifest) -> None:
    if not exceeded(limit, others, None, each):
        assert exceeded(limit, others[1:], None, each) == []
