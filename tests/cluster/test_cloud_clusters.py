"""Clusters in a list, made, deleted, and waited for."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.cloud_api import Client, Team, a_team, good, refused
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster


def made(client: Client, team: Team, name: str = "demo", query: str = "", /, **cluster: Any) -> Any:
    return good(client("POST", team.clusters + query, {"cluster": {"name": name, **cluster}}))["cluster"]


def pages(client: Client, path: str, limit: int) -> Iterator[list[str]]:
    """Names, page by page, each asked for when it is wanted."""
    cursor = ""
    while True:
        found = client.get(f"{path}?limit={limit}&cursor={cursor}")
        yield [cluster["name"] for cluster in found["clusters"]]
        if not (cursor := found["metadata"].get("next_cursor")):
            return


def test_a_list_comes_in_pages_by_name(team: Team) -> None:
    client, names = team.as_("Admin"), [f"c-{letter}" for letter in "ebdac"]
    for name in names:
        made(client, team, name)
    assert list(pages(client, team.clusters, 2)) == [["c-a", "c-b"], ["c-c", "c-d"], ["c-e"]]
    assert list(pages(client, team.clusters, 5)) == [sorted(names)]
    assert [cluster["name"] for cluster in client.get(team.clusters)["clusters"]] == sorted(names)


def test_no_cluster_comes_twice_or_is_left_out_while_others_come_and_go(team: Team) -> None:
    client = team.as_("Admin")
    stay = [f"c-{letter}" for letter in "bdfh"]
    for name in [*stay, "c-a", "c-e"]:
        made(client, team, name)
    seen: list[str] = []
    for number, page in enumerate(pages(client, team.clusters, 2)):
        seen += page
        if number == 0:
            good(client("DELETE", team.path("c-a")))
            good(client("DELETE", team.path(page[-1])))
            made(client, team, "c-0")
            made(client, team, "c-g")
    assert seen == sorted(set(seen))
    assert set(stay) <= set(seen)
    assert "c-g" in seen


@pytest.mark.parametrize(
    "query",
    [
        *("cursor=!", "cursor=YQ", "cursor=%ff", f"cursor={base64.b64encode(bytes([255])).decode()}"),
        *("limit=0", "limit=201", "limit=x", "limit=-1", "limit=1.5", "limit="),
    ],
)
def test_a_cursor_or_limit_that_is_none_is_refused(team: Team, query: str) -> None:
    error = refused(team.as_("Viewer")("GET", f"{team.clusters}?{query}"), 400)
    assert query.partition("=")[0] in error["message"]


def test_a_team_without_clusters_has_an_empty_list(team: Team) -> None:
    assert team.as_("Viewer").get(team.clusters) == {"clusters": [], "metadata": {}}


def test_a_cluster_is_made_with_the_defaults_of_kubectl(team: Team) -> None:
    client = team.as_("Admin")
    answer = client("POST", team.clusters, {"cluster": {"name": "demo"}})
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/v1{team.path()}")
    found = client("GET", answer.headers["Location"].removeprefix("/api/v1"))
    assert found.json()["cluster"]["uuid"] == answer.json()["cluster"]["uuid"]
    assert found.headers["ETag"]
    team.space.apply(a_cluster("other"))
    assert team.space.get("mc", "demo")["spec"] == team.space.get("mc", "other")["spec"]


def test_a_cluster_is_made_as_it_is_wished(team: Team) -> None:
    client = team.as_("Admin")
    found = made(client, team, config={"image": {"tag": "0.9.79"}, "extraEnvs": [{"name": "A", "value": "1"}]})
    assert (found["status"], found["config"]["image"]["tag"]) == ("Active", "0.9.79")
    assert found["config"]["extraEnvs"] == [{"name": "A", "value": "1"}]
    assert made(client, team, "still", status="Stopped")["status"] == "Stopped"
    assert team.space.get("mc", "still")["spec"]["status"] == "Stopped"


@pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "a.b", "-a", "a-", "a" * 41, "a/b", "../x", "a\n", 1, None])
def test_a_name_that_no_cluster_can_have_is_refused(team: Team, name: Any) -> None:
    error = refused(team.as_("Admin")("POST", team.clusters, {"cluster": {"name": name}}), 422)
    assert "cluster.name" in error["fields"]
    assert not team.space.all("mc")


def test_a_name_that_is_taken_is_refused(team: Team) -> None:
    client = team.as_("Admin")
    first = made(client, team, "a" * 40)
    for query in ("", "?dryRun=true"):
        error = refused(client("POST", team.clusters + query, {"cluster": {"name": "a" * 40}}), 409)
        assert error["type"] == "conflict"
    team.space.apply(a_cluster("mine"))
    assert refused(client("POST", team.clusters, {"cluster": {"name": "mine"}}), 409)
    assert team.space.get("mc", "a" * 40)["metadata"]["uid"] == first["uuid"]


def test_a_namespace_that_is_missing_is_named(team: Team) -> None:
    own, name = Namespace(team.space.cluster, team.api.namespace), f"{team.name}-x"
    own.apply(a_team(name, f"{team.name}-nowhere"))
    client = team.as_("Admin")
    eventually(lambda: client("GET", f"/teams/{name}").ok)
    for query in ("", "?dryRun=true"):
        error = refused(client("POST", f"/teams/{name}/clusters{query}", {"cluster": {"name": "demo"}}), 409)
        assert f"{team.name}-nowhere" in error["message"]
    assert client.get(f"/teams/{name}/clusters")["clusters"] == []
    own.kubectl("delete", "mageteam", name)


def test_the_same_request_sent_again_makes_nothing_more(team: Team) -> None:
    client, body = team.as_("Admin"), {"cluster": {"name": "demo", "config": {"podAnnotations": {"a": "1"}}}}
    first, again = (client("POST", team.clusters, body, Idempotency_Key="k-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json()["cluster"]["uuid"] == first.json()["cluster"]["uuid"]
    other = {"cluster": {"name": "demo", "config": {"podAnnotations": {"a": "2"}}}}
    assert "Idempotency-Key" in refused(client("POST", team.clusters, other, Idempotency_Key="k-1"), 422)["fields"]
    assert refused(client("POST", team.clusters, body, Idempotency_Key="k-2"), 409)
    assert refused(client("POST", team.clusters, body), 409)
    assert refused(client("POST", team.clusters, body, Idempotency_Key="k" * 256), 400)


def test_a_cluster_is_deleted(team: Team) -> None:
    client = team.as_("Admin")
    made(client, team)
    planned = good(client("DELETE", f"{team.path()}?dryRun=true"))
    assert planned["dry_run"] == {"changed": ["cluster"], "restarts": False}
    assert team.space.get("mc", "demo")
    answer = client("DELETE", team.path())
    assert (answer.status_code, answer.content) == (204, b"")
    assert not team.space.get("mc", "demo")
    assert refused(client("DELETE", team.path()), 404)
    eventually(lambda: client("GET", team.path()).status_code == 404)


def test_a_cluster_that_was_changed_since_is_not_deleted(team: Team) -> None:
    client = team.as_("Admin")
    made(client, team)
    tag = client("GET", team.path()).headers["ETag"]
    client.put(team.path(), status="Stopped")
    assert refused(client("DELETE", team.path(), If_Match=tag), 412)
    assert team.space.get("mc", "demo")
    good(client("DELETE", team.path(), If_Match=client("GET", team.path()).headers["ETag"]))


def test_a_cluster_that_does_not_exist_cannot_be_changed(team: Team) -> None:
    client = team.as_("Admin")
    for method, path in (("GET", ""), ("PUT", ""), ("PATCH", ""), ("POST", "/restart"), ("DELETE", "")):
        error = refused(
            client(method, team.path("none") + path, {"cluster": {}} if method in ("PUT", "PATCH") else None), 404
        )
        assert "has no cluster none" in error["message"]


def test_whoever_prefers_it_waits_until_the_wish_is_reached(running: Team) -> None:
    client = running.as_("Admin")
    answer = client("POST", running.clusters, {"cluster": {"name": "demo"}}, Prefer="wait=60")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (201, "wait=60")
    assert answer.json()["cluster"]["state"] == "Active"
    for status in ("Stopped", "Active"):
        answer = client("PUT", running.path(), {"cluster": {"status": status}}, Prefer="respond-async, wait=60")
        found = answer.json()["cluster"]
        assert (answer.status_code, found["state"]) == (200, status)
        assert found["observed_generation"] == found["generation"]
    answer = client("PUT", running.path(), {"cluster": {"status": "Active"}}, Prefer="wait=60")
    assert answer.status_code == 200, "what is so already is not waited for"


def test_a_wish_that_is_not_reached_in_time_says_how_far_it_is(running: Team) -> None:
    client = running.as_("Admin")
    nowhere = {"nodeSelector": {"example.com/none": "true"}}
    answer = client("POST", running.clusters, {"cluster": {"name": "demo", "config": nowhere}}, Prefer="wait=2")
    found = answer.json()["cluster"]
    assert (answer.status_code, found["status"]) == (202, "Active")
    assert found["state"] in ("Starting", "Degraded")
    running.has("demo", lambda cluster: cluster["state"] == "Degraded" and "node" in str(cluster["conditions"]))
    answer = client("PUT", running.path(), {"cluster": {"config": {"podAnnotations": {"a": "1"}}}}, Prefer="wait=1")
    assert (answer.status_code, answer.json()["cluster"]["state"]) == (202, "Degraded")
    answer = client("PUT", running.path(), {"cluster": {"config": {"nodeSelector": None}}}, Prefer="wait=60")
    assert (answer.status_code, answer.json()["cluster"]["state"]) == (200, "Active")
