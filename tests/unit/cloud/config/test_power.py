from typing import Any

import pytest
from tests.support.cloud import NOW, config_of, done, env, from_secret, get, patched, put, stored

from magecluster.api.model import Manifest
from magecluster.cloud.errors import CloudError, ConflictError, ContradictionError, InvalidConfigError

LATER = "2026-07-02T08:00:00Z"
RUNNING = {"replicaCount": 3}
STOPPED = {"replicaCount": 3, "status": "Stopped"}
BY_COUNT = {"replicaCount": 0}
NONE = "none"


def wish(live: Manifest) -> tuple[str, int]:
    return live["spec"]["status"], live["spec"]["replicaCount"]


TABLE = [
    # the spec, sent status, sent replicaCount, the spec afterwards
    (RUNNING, "Stopped", NONE, ("Stopped", 3)),
    (RUNNING, "Stopped", 0, ("Stopped", 3)),
    (RUNNING, "Stopped", 1, ("Stopped", 1)),
    (RUNNING, "Stopped", 2, ("Stopped", 2)),
    (RUNNING, "Active", NONE, ("Active", 3)),
    (RUNNING, "Active", 1, ("Active", 3)),
    (RUNNING, "Active", 2, ("Active", 2)),
    (RUNNING, "Active", 0, ContradictionError),
    (RUNNING, "Restarting", NONE, ("Active", 3)),
    (RUNNING, "Restarting", 1, ("Active", 3)),
    (RUNNING, "Restarting", 2, ("Active", 2)),
    (RUNNING, "Restarting", 0, ContradictionError),
    (RUNNING, None, 0, ("Stopped", 3)),
    (RUNNING, None, 1, ("Active", 1)),
    (RUNNING, None, None, ("Active", 1)),
    (RUNNING, "Paused", NONE, InvalidConfigError),
    (RUNNING, 1, NONE, InvalidConfigError),
    (RUNNING, "Active", "1", InvalidConfigError),
    (RUNNING, "Active", True, InvalidConfigError),
    (RUNNING, "Stopped", False, InvalidConfigError),
    (RUNNING, "Stopped", -1, InvalidConfigError),
    (STOPPED, "Stopped", NONE, ("Stopped", 3)),
    (STOPPED, "Stopped", 0, ("Stopped", 3)),
    (STOPPED, "Stopped", 2, ("Stopped", 2)),
    (STOPPED, "Active", NONE, ("Active", 3)),
    (STOPPED, "Active", 1, ("Active", 3)),
    (STOPPED, "Active", 2, ("Active", 2)),
    (STOPPED, "Active", None, ("Active", 1)),
    (STOPPED, "Active", 0, ContradictionError),
    (STOPPED, "Restarting", NONE, ConflictError),
    (STOPPED, "Restarting", 2, ConflictError),
    (STOPPED, "Restarting", 0, ContradictionError),
    (STOPPED, None, 0, ("Stopped", 3)),
    (STOPPED, None, 2, ("Stopped", 2)),
    (BY_COUNT, "Stopped", NONE, ("Active", 0)),
    (BY_COUNT, "Stopped", 0, ("Active", 0)),
    (BY_COUNT, "Stopped", 2, ("Stopped", 2)),
    (BY_COUNT, "Active", NONE, ("Active", 1)),
    (BY_COUNT, "Active", 1, ("Active", 1)),
    (BY_COUNT, "Active", 2, ("Active", 2)),
    (BY_COUNT, "Restarting", NONE, ConflictError),
    (BY_COUNT, None, 0, ("Active", 0)),
    (BY_COUNT, None, 2, ("Active", 2)),
    ({**BY_COUNT, "status": "Stopped"}, "Active", 1, ("Active", 1)),
]


@pytest.mark.parametrize("whole", [False, True], ids=["alone", "in the whole config"])
@pytest.mark.parametrize(("spec", "status", "count", "expected"), TABLE)
def test_status_and_replica_count(spec: dict[str, Any], status: Any, count: Any, expected: Any, *, whole: bool) -> None:
    live = stored(**spec)
    config = config_of(live) if whole else {}
    if count != NONE:
        config["replicaCount"] = count
    elif whole:
        del config["replicaCount"]
    if isinstance(expected, tuple):
        assert wish(done(live, config, status)) == expected
    else:
        with pytest.raises(expected) as refusal:
            put(live, config, status)
        assert isinstance(refusal.value, CloudError)
        assert set(refusal.value.fields) <= {"status", "replicaCount"}


@pytest.mark.parametrize(
    ("spec", "status", "count"),
    [(RUNNING, "Active", 3), (STOPPED, "Stopped", 3), (BY_COUNT, "Stopped", 0)],
)
def test_what_is_read(spec: dict[str, Any], status: str, count: int) -> None:
    read = get(stored(**spec))
    assert (read["status"], read["config"]["replicaCount"]) == (status, count)


@pytest.mark.parametrize("spec", [RUNNING, STOPPED, BY_COUNT])
@pytest.mark.parametrize("keep", [True, False], ids=["with revision", "without"])
def test_what_was_read_changes_nothing(spec: dict[str, Any], *, keep: bool) -> None:
    live = stored(**spec)
    read = get(live)
    if not keep:
        del read["config"]["revision"]
    assert put(live, read["config"], read["status"]).patch == {}
    assert put(live, read["config"]).patch == {}


def test_the_published_client_stops_and_starts_as_often_as_it_likes() -> None:
    live = stored(**RUNNING)
    for status, expected in [
        ("Stopped", "Stopped"),
        ("Stopped", "Stopped"),
        ("Active", "Active"),
        ("Active", "Active"),
    ]:
        config = config_of(live)
        config["replicaCount"] = 1 if status == "Active" else 0
        live = done(live, config, status)
        assert wish(live) == (expected, 3)


def test_a_status_that_was_only_read_does_not_undo_anothers() -> None:
    live = stored(**RUNNING)
    read = get(live)
    stopped = done(live, None, "Stopped")
    read["config"]["nodeSelector"] = {"pool": "a"}
    after = done(stopped, read["config"], read["status"])
    assert wish(after) == ("Stopped", 3)
    assert after["spec"]["nodeSelector"] == {"pool": "a"}


def published(live: Manifest, status: str) -> tuple[Manifest, str]:
    """What the published script sends that starts or stops."""
    return {**config_of(live), "replicaCount": 1 if status == "Active" else 0}, status


@pytest.mark.parametrize("variables", [False, True], ids=["", "and changed a variable"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("status", ["Active", "Stopped"])
def test_the_published_script_does_not_succeed_with_what_somebody_undid(
    status: str, count: int, *, variables: bool
) -> None:
    live = stored(replicaCount=count, status=status, extraEnvs=[env("A", "x"), from_secret("B")])
    sent = published(live, status)
    theirs = {"extraEnvs": [env("A", "y"), env("B", "z", secret=False)]} if variables else None
    other = done(live, theirs, "Stopped" if status == "Active" else "Active")
    with pytest.raises(ConflictError) as refusal:
        put(other, *sent)
    assert list(refusal.value.fields) == ["status"]
    again = done(other, *published(other, status))
    assert wish(again) == (status, count)
    assert put(again, *sent).patch == {}, "by now it is as both wished"


def test_who_removes_a_variable_beside_a_status_that_was_only_read_may_repeat_it() -> None:
    live = stored(replicaCount=1, extraEnvs=[env("A", "x"), env("B", "y")])
    read = get(live)["config"]
    sent = {**read, "extraEnvs": [entry for entry in read["extraEnvs"] if entry["name"] == "B"]}
    other = done(live, None, "Stopped")
    after = done(other, sent, "Active")
    assert (wish(after)[0], [entry["name"] for entry in after["spec"]["extraEnvs"]]) == ("Stopped", ["B"])
    assert put(after, sent, "Active").patch == {}


def test_a_count_that_switches_says_that_the_status_is_meant() -> None:
    live = stored(**STOPPED)
    config, _ = published(live, "Stopped")
    started = done(live, None, "Active")
    for status in ("Stopped", None):
        with pytest.raises(ConflictError) as refusal:
            put(started, {**config, "nodeSelector": {"pool": "a"}}, status)
        assert list(refusal.value.fields) == ["status"]


def test_a_config_that_was_only_read_undoes_nothing_without_a_status() -> None:
    for before, after in ((RUNNING, "Stopped"), (BY_COUNT, "Active")):
        live = stored(**before)
        assert put(done(live, None, after), config_of(live)).patch == {}


def test_a_restart_is_a_time() -> None:
    assert done(stored(), None, "Restarting")["spec"]["restartedAt"] == NOW
    assert put(stored(restartedAt=NOW), None, "Restarting", now=LATER).patch["spec"] == {"restartedAt": LATER}


def test_a_client_chooses_the_time_of_a_restart() -> None:
    chosen = "2030-01-01T00:00:00Z"
    assert done(stored(restartedAt=NOW), {"restartedAt": chosen})["spec"]["restartedAt"] == chosen
    config = {**config_of(stored(restartedAt=NOW)), "restartedAt": chosen}
    assert done(stored(restartedAt=NOW), config, "Restarting", now=LATER)["spec"]["restartedAt"] == chosen


def test_a_repeated_restart_with_the_same_revision_does_nothing() -> None:
    live = stored(restartedAt=NOW)
    config = config_of(live)
    after = patched(live, put(live, config, "Restarting", now=LATER).patch)
    assert after["spec"]["restartedAt"] == LATER
    assert put(after, config, "Restarting", now="2026-07-03T08:00:00Z").patch == {}


def test_the_refusals_say_what_to_do() -> None:
    with pytest.raises(ContradictionError) as refusal:
        put(stored(), {"replicaCount": 0}, "Active")
    assert refusal.value.body() == {
        "error": {
            "code": 422,
            "type": "contradiction",
            "message": "replicaCount is 0, but status is Active: send 1 or more to run, or status Stopped to stop",
            "fields": {"replicaCount": "is 0, but status is Active: send 1 or more to run, or status Stopped to stop"},
        }
    }
