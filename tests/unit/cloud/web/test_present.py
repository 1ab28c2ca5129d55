from typing import Any

import orjson
import pytest
from tests.support.cloud import KEY, env, from_secret, stored

from magecluster.api.model import Manifest
from magecluster.cloud.store.clusters import Entry
from magecluster.cloud.web.present import Presenter, observed, reached

CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "Mage answers",
    "observedGeneration": 2,
    "lastTransitionTime": "2026-07-01T08:00:00Z",
}


def live(state: str | None, *, seen: int = 2, **spec: Any) -> Manifest:
    cluster = stored(**spec)
    cluster["metadata"] |= {"generation": 2, "namespace": "data", "creationTimestamp": "2026-07-01T08:00:00Z"}
    status = {"state": state, "observedGeneration": seen, "url": "http://lab.data:6789", "conditions": [CONDITION]}
    return {**cluster, "status": status if state else {}}


@pytest.mark.parametrize(
    ("state", "seen", "wish", "shown"),
    [
        ("Active", 2, "Active", "Active"),
        ("Degraded", 2, "Active", "Degraded"),
        ("Active", 2, "Stopped", "Active"),  # seen and not acted upon yet
        ("Active", 1, "Stopped", "Stopping"),
        ("Degraded", 1, "Stopped", "Stopping"),
        ("Stopped", 1, "Stopped", "Stopped"),
        ("Stopped", 1, "Active", "Starting"),
        ("Stopping", 1, "Active", "Starting"),
        ("Active", 1, "Active", "Active"),
        (None, 0, "Active", "Starting"),
        (None, 0, "Stopped", "Stopped"),
    ],
)
def test_the_state_is_what_is_observed_or_about_to_be(state: str | None, seen: int, wish: str, shown: str) -> None:
    assert observed(live(state, seen=seen, status=wish), wish)["state"] == shown


def test_a_wish_is_reached_when_the_newest_one_is_observed() -> None:
    assert reached(live("Active"), "Active")
    assert not reached(live("Active", seen=1), "Active")
    assert not reached(live("Degraded"), "Active")
    assert not reached(live(None), "Stopped")


def entry(cluster: Manifest, version: int = 1) -> Entry:
    return Entry("lab", cluster["metadata"]["uid"], version, orjson.dumps(cluster))


def test_viewers_have_bytes_of_their_own() -> None:
    presenter = Presenter(KEY)
    cluster = live("Active", extraEnvs=[env("API_TOKEN", "t"), from_secret("OTHER")])
    seen = {reveal: orjson.loads(presenter.answer(entry(cluster), "t", reveal=reveal)[0]) for reveal in (True, False)}
    values = {reveal: [e["value"] for e in body["cluster"]["config"]["extraEnvs"]] for reveal, body in seen.items()}
    assert values == {True: ["t", "********"], False: ["********", "********"]}


def test_bytes_are_those_of_the_version_that_is_asked_for() -> None:
    presenter = Presenter(KEY, most=2)
    one, two = live("Active"), live("Stopped", status="Stopped")
    two["metadata"]["resourceVersion"] = "2"
    for _ in range(2):
        for cluster, version, state in ((one, 1, "Active"), (two, 2, "Stopped")):
            body, tag = presenter.answer(entry(cluster, version), "t", reveal=True)
            assert orjson.loads(body)["cluster"]["state"] == state
            assert tag == f'"c-1-2-{version}"'
            assert orjson.loads(presenter.item(entry(cluster, version), "t", reveal=True))["state"] == state
    presenter.answer(entry(one, 3), "t", reveal=True)
    presenter.answer(entry(one, 4), "other", reveal=True)
    assert presenter.count() == 2
