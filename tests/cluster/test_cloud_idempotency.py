"""`Idempotency-Key`: one key makes one thing, whatever name a second body has."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.cloud_api import Client, CloudApi, Team, good, refused
from tests.support.cloud_people import own
from tests.support.eventually import eventually
from tests.support.kube import Manifest


@pytest.fixture
def platform(team: Team) -> Client:
    """Of the administrator of the installation."""
    return team.api.client(team.admin)


@pytest.fixture
def names(platform: Client) -> Iterator[list[str]]:
    """Of teams and of their namespaces."""
    found = [f"zz-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    yield found
    for name in found:
        platform("DELETE", f"/teams/{name}")


def a_body(name: str, **more: object) -> Manifest:
    return {"cluster": {"name": name, **more}}


def a_team_of(name: str, **more: object) -> Manifest:
    return {"team": {"id": name, "namespace": name, **more}}


def test_a_key_with_another_name_is_another_body(team: Team) -> None:
    client = team.as_("Admin")
    good(client("POST", team.clusters, a_body("a"), Idempotency_Key="k"))
    for query in ("", "?dryRun=true"):
        again = client("POST", team.clusters + query, a_body("b"), Idempotency_Key="k")
        assert "send a new key" in refused(again, 422)["fields"]["Idempotency-Key"]
    assert not team.space.get("mc", "b")
    assert client("POST", team.clusters, a_body("a"), Idempotency_Key="k").status_code == 201
    assert client("POST", team.clusters, a_body("b"), Idempotency_Key="other").status_code == 201


def test_of_two_names_with_one_key_at_the_same_time_one_is_made(team: Team) -> None:
    def make(number: int) -> int:
        return team.as_("Admin")("POST", team.clusters, a_body(f"c-{number}"), Idempotency_Key="k").status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(make, range(6)))
    assert statuses == [201, *[422] * 5]
    assert len(team.space.all("mc")) == 1


def test_a_copy_made_by_kubectl_is_not_what_the_key_made(team: Team) -> None:
    client = team.as_("Admin")
    good(client("POST", team.clusters, a_body("a"), Idempotency_Key="k"))
    live = team.space.get("mc", "a")
    kept = {"name": "copy", "annotations": live["metadata"]["annotations"]}
    team.space.apply({"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": kept, "spec": {}})
    team.seen("copy")
    good(client("DELETE", team.path("a")))
    assert good(client("POST", team.clusters, a_body("a"), Idempotency_Key="k"))["cluster"]["name"] == "a"
    assert team.space.get("mc", "a")


def test_a_team_is_made_once_by_a_key(team: Team, platform: Client, names: list[str], second: CloudApi) -> None:
    name, other = names
    body = a_team_of(name, display_name="Data")
    first = platform("POST", "/teams", body, Idempotency_Key=name)
    replica = second.client(team.admin)
    for client in (platform, replica):
        again = client("POST", "/teams", body, Idempotency_Key=name)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Location"] == first.headers["Location"]
    eventually(lambda: replica("GET", f"/teams/{name}").ok)
    for client in (platform, replica):
        for changed in (a_team_of(other), a_team_of(name)):
            assert "Idempotency-Key" in refused(client("POST", "/teams", changed, Idempotency_Key=name), 422)["fields"]
    assert not own(team).get("mt", other)
    for key in ({}, {"Idempotency_Key": "another"}):
        assert refused(platform("POST", "/teams", body, **key), 409)


def test_an_id_that_is_taken_stays_taken_with_a_new_key(team: Team, platform: Client, names: list[str]) -> None:
    taken = {"team": {"id": names[0], "namespace": team.name}}
    assert team.name in refused(platform("POST", "/teams", taken, Idempotency_Key="k"), 409)["message"]
