"""The table of `merge.py`, field by field. `A` reads, `B` changes, then A's answer arrives."""

from typing import Any

import pytest
from tests.support.cloud import NAME, config_of, done, env, from_secret, put, stored

from magecluster.api.model import Manifest
from magecluster.cloud.errors import ConflictError, InvalidConfigError

START: dict[str, Any] = {
    "nodeSelector": {"pool": "a", "zone": "1"},
    "image": {"tag": "0.9.79"},
    "tolerations": [{"key": "dedicated"}],
    "resources": {"limits": {"memory": "4Gi"}},
    "extraEnvs": [env("ONE", "1"), env("TWO", "2"), from_secret("DSN")],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
}


def envs(**variables: str) -> list[Manifest]:
    return [env(name, value) for name, value in variables.items()]


def start() -> Manifest:
    return stored(**START)


def revision_of(live: Manifest) -> Manifest:
    return {"revision": config_of(live)["revision"]}


def spec_after(live: Manifest, config: object, **more: Any) -> Manifest:
    spec: Manifest = done(live, config, **more)["spec"]
    return spec


BOTH_WIN = [
    ({"nodeSelector": {"pool": "b"}}, {"nodeSelector": {"zone": "2"}}),
    ({"nodeSelector": {"new": "a"}}, {"nodeSelector": {"other": "b"}}),
    ({"nodeSelector": {"pool": None}}, {"nodeSelector": {"zone": "2"}}),
    ({"image": {"tag": "0.9.80"}}, {"image": {"pullPolicy": "Always"}}),
    ({"image": {"tag": "0.9.80"}}, {"tolerations": []}),
    ({"replicaCount": 2}, {"image": {"tag": "0.9.80"}}),
    ({"resources": {"limits": {"cpu": 2}}}, {"resources": {"requests": {"cpu": "500m"}}}),
    ({"affinity": {"podAffinity": {}}}, {"affinity": {"podAntiAffinity": {}}}),
    ({"ingress": {"enabled": True}}, {"ingress": {"hosts": [{"host": "a.example.com"}]}}),
    ({"storage": {"size": "20Gi"}}, {"storage": {"retention": "Delete"}}),
]


@pytest.mark.parametrize(("mine", "theirs"), [*BOTH_WIN, *[(theirs, mine) for mine, theirs in BOTH_WIN]])
def test_two_who_change_different_things_both_win(mine: Manifest, theirs: Manifest) -> None:
    live = start()
    between = done(live, theirs)
    after = spec_after(between, {**revision_of(live), **mine})
    assert after == spec_after(done(live, mine), theirs)
    assert after != between["spec"]


CONFLICTS = [
    ({"image": {"tag": "a"}}, {"image": {"tag": "b"}}, ["image.tag"]),
    ({"nodeSelector": {"pool": "b"}}, {"nodeSelector": {"pool": "c"}}, ["nodeSelector.pool"]),
    ({"nodeSelector": {"new": "b"}}, {"nodeSelector": {"new": "c"}}, ["nodeSelector.new"]),
    ({"nodeSelector": {"pool": None}}, {"nodeSelector": {"pool": "c"}}, ["nodeSelector.pool"]),
    ({"nodeSelector": {"pool": "c"}}, {"nodeSelector": {"pool": None}}, ["nodeSelector.pool"]),
    ({"nodeSelector": None}, {"nodeSelector": {"pool": "c"}}, ["nodeSelector.pool"]),
    ({"image": None}, {"image": {"tag": "c"}}, ["image.tag"]),
    ({"tolerations": []}, {"tolerations": [{"key": "x"}]}, ["tolerations"]),
    ({"replicaCount": 2}, {"replicaCount": 3}, ["replicaCount"]),
    ({"extraEnvs": envs(ONE="x", TWO="2")}, {"extraEnvs": envs(ONE="y", TWO="2")}, ["extraEnvs[ONE]"]),
    ({"extraEnvs": envs(TWO="2")}, {"extraEnvs": envs(ONE="y", TWO="2")}, ["extraEnvs[ONE]"]),
    ({"extraEnvs": envs(ONE="x", TWO="2")}, {"extraEnvs": envs(TWO="2")}, ["extraEnvs[ONE]"]),
    (
        {"replicaCount": 2, "image": {"tag": "a", "pullPolicy": "Always"}, "extraEnvs": envs(ONE="x", TWO="y")},
        {"replicaCount": 3, "image": {"tag": "b", "pullPolicy": "Always"}, "extraEnvs": envs(ONE="y", TWO="2")},
        ["extraEnvs[ONE]", "image.tag", "replicaCount"],
    ),
]


@pytest.mark.parametrize(("mine", "theirs", "fields"), CONFLICTS)
def test_the_same_thing_changed_to_different_values_is_named(
    mine: Manifest, theirs: Manifest, fields: list[str]
) -> None:
    live = start()
    between = done(live, theirs)
    with pytest.raises(ConflictError) as refusal:
        put(between, {**revision_of(live), **mine})
    assert sorted(refusal.value.fields) == fields
    assert all(field in refusal.value.message for field in fields)
    assert (refusal.value.status, refusal.value.type) == (409, "conflict")


CHANGES = [mine for mine, _, _ in CONFLICTS] + [theirs for _, theirs, _ in CONFLICTS]


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_thing_changed_to_the_same_value_is_fine(change: Manifest) -> None:
    live = start()
    assert put(done(live, change), {**revision_of(live), **change}).patch == {}


@pytest.mark.parametrize(("mine", "theirs", "fields"), CONFLICTS)
def test_without_revision_all_that_is_sent_is_meant(mine: Manifest, theirs: Manifest, fields: list[str]) -> None:
    between = done(start(), theirs)
    assert set(fields) <= set(put(between, mine).changed)
    done(between, mine)


def test_what_others_added_and_removed_stays_so() -> None:
    live = start()
    config = config_of(live)
    between = done(live, {"extraEnvs": [env("TWO", "2"), env("NEW", "n")]})  # ONE and DSN are gone
    config["extraEnvs"] = [*config["extraEnvs"], env("MINE", "m")]
    assert spec_after(between, config)["extraEnvs"] == [env("TWO", "2"), env("NEW", "n"), env("MINE", "m")]


def test_variables_that_the_client_removed_are_removed() -> None:
    live = start()
    config = config_of(live)
    between = done(live, {"extraEnvs": [*START["extraEnvs"], env("NEW", "n")]})
    config["extraEnvs"] = [entry for entry in config["extraEnvs"] if entry["name"] == "TWO"]
    assert spec_after(between, config)["extraEnvs"] == [env("TWO", "2"), env("NEW", "n")]
    config["extraEnvs"] = None
    assert spec_after(between, config)["extraEnvs"] == [env("NEW", "n")]


@pytest.mark.parametrize("listing", [[], None])
def test_without_revision_the_sent_list_is_the_whole(listing: object) -> None:
    assert spec_after(start(), {"extraEnvs": listing})["extraEnvs"] == []


def test_the_order_of_variables_stays_and_new_ones_come_last() -> None:
    live = stored(extraEnvs=envs(C="1", A="2", B="3"))
    config = config_of(live)
    config["extraEnvs"] = envs(Z="new", B="3", Y="new", A="changed", C="1")
    assert spec_after(live, config)["extraEnvs"] == envs(C="1", A="changed", B="3", Z="new", Y="new")


@pytest.mark.parametrize(
    ("sent", "patch"),
    [
        ({}, None),
        (None, None),
        ({"image": {}}, None),
        ({"nodeSelector": {}}, None),
        ({"image": {"tag": "0.9.79"}}, None),
        ({"podLabels": None}, None),
        ({"image": {"tag": "0.9.81"}}, {"image": {"tag": "0.9.81"}}),
        ({"image": {"tag": None}}, {"image": {"tag": "0.9.80"}}),
        ({"nodeSelector": {"pool": None}}, {"nodeSelector": {"pool": None}}),
        ({"nodeSelector": None}, {"nodeSelector": {"pool": None, "zone": None}}),
        ({"affinity": None}, {"affinity": None}),
        ({"tolerations": [{"key": "dedicated"}]}, None),
        ({"tolerations": []}, {"tolerations": []}),
        ({"tolerations": None}, {"tolerations": []}),
        ({"resources": {"limits": {"memory": None, "cpu": 1}}}, {"resources": {"limits": {"memory": None, "cpu": 1}}}),
        ({"database": {"secretKeyRef": {"name": "pg"}}}, {"database": {"secretKeyRef": {"name": "pg", "key": "url"}}}),
    ],
)
def test_absent_is_left_and_null_is_the_default(sent: object, patch: Manifest | None) -> None:
    change = put(start(), sent, secrets=("pg",))
    assert change.patch == ({"metadata": {"resourceVersion": "1"}, "spec": patch} if patch else {})
    done(start(), sent, secrets=("pg",))


def test_a_part_can_be_taken_away_altogether() -> None:
    live = stored(database={"secretKeyRef": {"name": "pg"}}, auth={"existingSecret": "x"})
    assert put(live, {"database": None, "auth": {"existingSecret": None}}).patch["spec"] == {
        "database": None,
        "auth": {"existingSecret": None},
    }


def test_it_says_what_changes_and_never_the_values() -> None:
    config = {"image": {"tag": "t-1"}, "extraEnvs": [env("ONE", "v-1"), env("TOKEN", "v-2", secret=True)]}
    change = put(start(), config, "Stopped")
    assert change.changed == [
        "status",
        "image.tag",
        "extraEnvs[ONE]",
        "extraEnvs[TWO]",
        "extraEnvs[DSN]",
        "extraEnvs[TOKEN]",
    ]
    assert not {"t-1", "v-1", "v-2"} & set(" ".join(change.changed).split())
    assert "v-2" not in repr(change)


def test_a_new_cluster_is_a_merge_with_nothing() -> None:
    nothing: Manifest = {"metadata": {"name": NAME}}
    change = put(nothing, {"replicaCount": 2, "extraEnvs": [env("A", "1")]}, "Stopped")
    assert change.patch == {"spec": {"replicaCount": 2, "extraEnvs": [env("A", "1")], "status": "Stopped"}}
    assert put(nothing).patch == {}


@pytest.mark.parametrize("config", [[], "x", 1, True])
def test_a_config_is_an_object(config: object) -> None:
    with pytest.raises(InvalidConfigError, match="config: is an object"):
        put(start(), config)
