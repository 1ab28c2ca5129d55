"""The table of `environment.py`."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cloud import NAME, config_of, done, env, from_secret, put, stored

from magecluster.api.environment import EnvVar
from magecluster.api.model import Manifest
from magecluster.cloud.config.environment import MASK, secret_name
from magecluster.cloud.config.merge import Change
from magecluster.cloud.errors import ConflictError, InvalidConfigError

IP = {"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
REGION = {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "region", "optional": False}}}
FOREIGN = from_secret("X", "vault")
PLAIN = env("X", "plain")


def with_x(entry: Manifest | None) -> Manifest:
    return stored(extraEnvs=[env("FIRST", "1"), *([entry] if entry else [])])


def send(live: Manifest, entry: Manifest, *, revision: bool) -> Change:
    config: dict[str, Any] = {"extraEnvs": [env("FIRST", "1"), entry]}
    return put(live, config | ({"revision": config_of(live)["revision"]} if revision else {}))


def text_in_secret(change: Change, live: Manifest) -> str | None:
    """The text that X takes from the cluster's Secret after the change."""
    envs = change.patch["spec"]["extraEnvs"] if change.patch else live["spec"]["extraEnvs"]
    entry = next(e for e in envs if e["name"] == "X")
    reference = entry.get("valueFrom", {}).get("secretKeyRef", {})
    assert "value" not in entry or not reference
    return change.texts[reference["key"]] if reference.get("name") == secret_name(NAME) else None


KEPT = [
    (there, sent)
    for there in (PLAIN, FOREIGN, IP, REGION)
    for sent in ({"value": MASK}, {"value": MASK, "secret": False}, {"value": MASK, "secret": None})
] + [
    (PLAIN, {"value": "plain"}),
    (PLAIN, {"value": "plain", "secret": False}),
    (FOREIGN, {"value": MASK, "secret": True}),
    (FOREIGN, {"value": MASK, "valueFrom": FOREIGN["valueFrom"]}),
    (FOREIGN, {"valueFrom": {"secretKeyRef": {"name": "vault", "key": "k"}}}),
    (IP, {"value": MASK, "valueFrom": IP["valueFrom"]}),
]


@pytest.mark.parametrize("revision", [True, False])
@pytest.mark.parametrize(("there", "sent"), KEPT)
def test_what_is_kept(there: Manifest, sent: Manifest, *, revision: bool) -> None:
    assert send(with_x(there), {"name": "X", **sent}, revision=revision).patch == {}


SET = [
    (None, {"value": "new"}, env("X", "new")),
    (None, {"value": ""}, env("X", "")),
    (PLAIN, {"value": "new"}, env("X", "new")),
    (PLAIN, {"value": ""}, env("X", "")),
    (PLAIN, {"valueFrom": IP["valueFrom"]}, IP),
    (PLAIN, {"valueFrom": IP["valueFrom"], "value": MASK}, IP),
    (PLAIN, {"valueFrom": {"configMapKeyRef": {"name": "settings", "key": "region"}}}, REGION),
    (IP, {"value": "new"}, env("X", "new")),
    (IP, {"value": "new", "valueFrom": IP["valueFrom"]}, env("X", "new")),
    (FOREIGN, {"value": "new", "secret": False}, env("X", "new")),
    (FOREIGN, {"value": "new", "secret": False, "valueFrom": FOREIGN["valueFrom"]}, env("X", "new")),
]


@pytest.mark.parametrize("revision", [True, False])
@pytest.mark.parametrize(("there", "sent", "expected"), SET)
def test_what_is_set(there: Manifest | None, sent: Manifest, expected: Manifest, *, revision: bool) -> None:
    change = send(with_x(there), {"name": "X", **sent}, revision=revision)
    assert change.patch["spec"] == {"extraEnvs": [env("FIRST", "1"), expected]}
    assert change.texts == {}


STORED = [
    (None, {"value": "new", "secret": True}, "new"),
    (PLAIN, {"value": "new", "secret": True}, "new"),
    (PLAIN, {"value": "plain", "secret": True}, "plain"),
    (PLAIN, {"value": MASK, "secret": True}, "plain"),
    (IP, {"value": "new", "secret": True}, "new"),
    (FOREIGN, {"value": "new"}, "new"),
    (FOREIGN, {"value": "new", "secret": True}, "new"),
    (FOREIGN, {"value": "new", "valueFrom": FOREIGN["valueFrom"]}, "new"),
]


@pytest.mark.parametrize("revision", [True, False])
@pytest.mark.parametrize(("there", "sent", "text"), STORED)
def test_what_is_stored(there: Manifest | None, sent: Manifest, text: str, *, revision: bool) -> None:
    live = with_x(there)
    change = send(live, {"name": "X", **sent}, revision=revision)
    assert text_in_secret(change, live) == text
    assert list(change.texts.values()) == [text]
    assert change.keys == change.texts.keys()
    assert text not in str(change.patch)
    assert text not in repr(change)


REFUSED = [
    (None, {}, "give a value"),
    (PLAIN, {}, "give a value"),
    (None, {"value": None}, "give a value"),
    (None, {"value": MASK}, f"has no value that {MASK} could keep: send the value"),
    (None, {"value": MASK, "secret": True}, f"has no value that {MASK} could keep: send the value"),
    (PLAIN, {"value": "new", "valueFrom": IP["valueFrom"]}, "give either value or valueFrom, not both"),
    (FOREIGN, {"value": "new", "valueFrom": IP["valueFrom"]}, "give either value or valueFrom, not both"),
]


@pytest.mark.parametrize("revision", [True, False])
@pytest.mark.parametrize(("there", "sent", "problem"), REFUSED)
def test_what_is_refused(there: Manifest | None, sent: Manifest, problem: str, *, revision: bool) -> None:
    with pytest.raises(InvalidConfigError) as refusal:
        send(with_x(there), {"name": "X", **sent}, revision=revision)
    assert refusal.value.fields == {"extraEnvs[X]": problem}


def stored_secret(text: str) -> Manifest:
    return done(with_x(None), {"extraEnvs": [env("FIRST", "1"), env("X", text, secret=True)]})


def test_a_stored_text_is_replaced_by_the_published_client_and_stays_secret() -> None:
    live = stored_secret("old")
    change = send(live, env("X", "new"), revision=True)
    assert text_in_secret(change, live) == "new"
    assert len(change.keys) == 2  # the old pod may still start


def test_the_same_text_again_changes_nothing_and_heals_the_secret() -> None:
    live = stored_secret("old")
    for entry in (env("X", "old"), env("X", "old", secret=True)):
        change = send(live, entry, revision=True)
        assert change.patch == {}
        assert list(change.texts.values()) == ["old"]


def test_another_secret_text_meanwhile_is_a_conflict_and_the_same_is_none() -> None:
    live = stored_secret("old")
    config = config_of(live)
    config["extraEnvs"][1]["value"] = "mine"
    theirs, same = (done(live, {"extraEnvs": [env("FIRST", "1"), env("X", text)]}) for text in ("theirs", "mine"))
    with pytest.raises(ConflictError, match=r"somebody else changed extraEnvs\[X\]"):
        put(theirs, config)
    assert put(same, config).patch == {}


@pytest.mark.parametrize("text", [MASK, "other"])
def test_a_text_that_others_made_secret_meanwhile_is_not_undone(text: str) -> None:
    live = with_x(PLAIN)
    config = config_of(live)
    hidden = done(live, {"extraEnvs": [env("FIRST", "1"), env("X", text, secret=True)]})
    assert put(hidden, config).patch == {}


def test_a_kept_variable_that_others_removed_stays_removed() -> None:
    for there in (PLAIN, FOREIGN, IP):
        live = with_x(there)
        config = config_of(live)
        without = done(live, {"extraEnvs": [env("FIRST", "1")]})
        assert put(without, config).patch == {}
        config["extraEnvs"][1] = env("X", MASK)
        assert put(without, config).patch == {}


@given(st.from_regex(r"\A[-._a-zA-Z][-._a-zA-Z0-9]{0,252}\Z"), st.text(max_size=20))
def test_every_variable_can_be_stored(name: str, text: str) -> None:
    if name in ("FIRST", "HOSTNAME"):
        return
    change = put(stored(), {"extraEnvs": [env(name, text, secret=True)]})
    [entry] = change.patch["spec"]["extraEnvs"]
    EnvVar.model_validate(entry)
    assert list(change.texts.items()) == [(entry["valueFrom"]["secretKeyRef"]["key"], text)]
