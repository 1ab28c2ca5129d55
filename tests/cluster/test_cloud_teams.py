"""Teams and their members, made by the API and by kubectl."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.cloud_api import ADMIN, EDITOR, STRANGER, VIEWER, Client, CloudApi, Team, a_team, good, refused
from tests.support.cloud_people import own
from tests.support.eventually import eventually
from tests.support.kube import a_cluster


@pytest.fixture
def platform(team: Team) -> Client:
    """Of the administrator of the installation."""
    return team.api.client(team.admin)


@pytest.fixture
def name(team: Team, platform: Client) -> Iterator[str]:
    """Of a team that a test makes, and of its namespace; behind all others, if they are as old to the second."""
    found = f"zz-{uuid.uuid4().hex[:8]}"
    yield found
    platform("DELETE", f"/teams/{found}")


def test_a_team_is_made_changed_and_deleted(team: Team, platform: Client, name: str) -> None:
    body = {"id": name, "namespace": name, "display_name": "Data", "limits": {"clusters": 2, "memory": "8Gi"}}
    planned = good(platform("POST", "/teams?dryRun=true", {"team": body}))
    assert planned["dry_run"]["changed"] == ["team"]
    assert platform("GET", f"/teams/{name}").status_code == 404
    answer = platform("POST", "/teams", {"team": body})
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/v1/teams/{name}")
    spec = own(team).get("mt", name)["spec"]
    assert (spec["namespace"], spec["limits"]) == (name, {"clusters": 2, "memory": "8Gi"})
    path = f"/teams/{name}"
    found = good(platform("PATCH", path, {"team": {"limits": {"clusters": 3}}}))["team"]
    assert found == platform.get(path)["team"]
    assert (found["display_name"], found["limits"]["clusters"], found["limits"]["memory"]) == ("Data", 3, "8Gi")
    good(platform("PATCH", path, {"team": {"limits": {"memory": None}}}))
    good(platform("PATCH", f"{path}?dryRun=true", {"team": {"limits": None}}))
    assert own(team).get("mt", name)["spec"]["limits"] == {"clusters": 3}
    good(platform("PATCH", path, {"team": {"limits": None, "display_name": None, "secrets": ["warehouse"]}}))
    spec = own(team).get("mt", name)["spec"]
    assert (spec.get("limits", {}), spec.get("displayName"), spec["secrets"]) == ({}, None, ["warehouse"])
    assert platform("DELETE", path).status_code == 204
    assert not own(team).get("mt", name)
    assert refused(platform("GET", path), 404)
    assert refused(platform("DELETE", path), 404)


def test_clusters_of_a_team_that_is_deleted_run_on(team: Team, platform: Client) -> None:
    team.space.apply(a_cluster())
    team.seen()
    good(platform("DELETE", f"/teams/{team.name}"))
    assert team.space.get("mc", "demo")
    assert refused(team.as_("Admin")("GET", team.path()), 404)
    own(team).apply(a_team(team.name, team.name))


def test_a_team_made_by_kubectl_counts_soon_and_ends_soon(team: Team, name: str) -> None:
    own(team).apply(a_team(name, name))
    editor = team.as_("Editor")
    eventually(lambda: editor("GET", f"/teams/{name}").ok)
    assert editor.get(f"/teams/{name}")["team"]["role"] == "Editor"
    assert name in [one["id"] for one in editor.get("/teams")["teams"]]
    own(team).kubectl("delete", "mt", name)
    eventually(lambda: editor("GET", f"/teams/{name}").status_code == 404)
    assert name not in [one["id"] for one in editor.get("/teams")["teams"]]


def test_a_namespace_belongs_to_one_team_and_never_to_the_cloud_api(team: Team, platform: Client, name: str) -> None:
    for namespace, told in ((team.name, f"which team {team.name} has"), (team.api.namespace, "where the accounts are")):
        error = refused(platform("POST", "/teams", {"team": {"id": name, "namespace": namespace}}), 409)
        assert told in error["message"]
    assert refused(platform("POST", "/teams", {"team": {"id": team.name, "namespace": name}}), 409)
    error = refused(platform("POST", "/teams", {"team": {"id": name, "namespace": "kube-system"}}), 422)
    assert "namespace" in error["fields"]


@pytest.mark.parametrize("whose", ["of another team", "our own"])
def test_a_team_made_by_kubectl_with_a_namespace_that_is_not_its_own_cannot_be_used(
    team: Team, platform: Client, name: str, whose: str
) -> None:
    namespace = team.name if whose == "of another team" else team.api.namespace
    own(team).apply(a_team(name, namespace))
    eventually(lambda: platform("GET", f"/teams/{name}").status_code == 409)
    assert "cannot be used" in platform("GET", f"/teams/{name}").json()["error"]["message"]
    for path in (f"/teams/{name}", f"/teams/{name}/clusters"):
        assert refused(team.as_("Admin")("GET", path), 404)
    assert team.as_("Admin")("GET", f"/teams/{team.name}").ok, "the older one works on"
    assert name not in [one["id"] for one in platform.get("/teams?limit=200")["teams"]]
    good(platform("DELETE", f"/teams/{name}"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "Big"),
        ("id", "a" * 64),
        ("namespace", "a/b"),
        ("limits", {"cpu": "much"}),
        ("limits", {"cpu": "-1"}),
        ("limits", {"clusters": -1}),
        ("limits", {"disks": 1}),
        ("groups", [{"name": "g", "role": "Owner"}]),
        ("secrets", ["A_B"]),
        ("members", []),
    ],
)
def test_what_no_team_can_have_is_refused(platform: Client, name: str, field: str, value: Any) -> None:
    body = {"team": {"id": name, "namespace": name, field: value}}
    assert any(field in wrong for wrong in refused(platform("POST", "/teams", body), 422)["fields"])
    if field in ("limits", "groups", "secrets"):
        good(platform("POST", "/teams", {"team": {"id": name, "namespace": name}}))
        error = refused(platform("PATCH", f"/teams/{name}", {"team": {field: value}}), 422)
        assert any(field in wrong for wrong in error["fields"])


def member(client: Client, team: Team, email: str, role: str = "Viewer") -> Any:
    return good(client("PUT", f"/teams/{team.name}/members/{email}", {"member": {"role": role}}))["member"]


def roles(team: Team) -> dict[str, str]:
    return {one["email"]: one["role"] for one in own(team).get("mt", team.name)["spec"]["members"]}


def test_members_come_change_and_go_at_once_on_every_replica(team: Team, second: CloudApi) -> None:
    admin, stranger, path = team.as_("Admin"), team.stranger(), f"/teams/{team.name}"
    there = second.client(stranger.token)
    assert refused(stranger("GET", path), 404)
    assert member(admin, team, STRANGER) == {"email": STRANGER, "role": "Viewer", "has_account": True}
    assert stranger.get(path)["team"]["role"] == "Viewer"
    eventually(lambda: there("GET", path).ok)
    assert refused(stranger("POST", team.clusters, {"cluster": {"name": "demo"}}), 403)
    member(admin, team, STRANGER, "Admin")
    good(stranger("POST", team.clusters, {"cluster": {"name": "demo"}}))
    good(admin("DELETE", f"{path}/members/{STRANGER}"))
    assert refused(stranger("GET", team.path()), 404)
    eventually(lambda: there("GET", team.path()).status_code == 404)
    assert refused(admin("DELETE", f"{path}/members/{STRANGER}"), 404)
    assert roles(team) == {ADMIN: "Admin", EDITOR: "Editor", VIEWER: "Viewer"}


def test_the_case_of_an_address_makes_no_difference(team: Team) -> None:
    admin = team.as_("Admin")
    assert member(admin, team, STRANGER.upper())["email"] == STRANGER
    member(admin, team, STRANGER.title(), "Editor")
    assert roles(team)[STRANGER] == "Editor"
    assert len(roles(team)) == 4
    good(admin("DELETE", f"/teams/{team.name}/members/{STRANGER.upper()}"))
    assert STRANGER not in roles(team)


@pytest.mark.parametrize("email", ["nobody", "a@b@c", "a%20b@example.com", "Ж@example.com", "@", "a@" + "b" * 260])
def test_what_is_no_address_is_refused(team: Team, email: str) -> None:
    answer = team.as_("Admin")("PUT", f"/teams/{team.name}/members/{email}", {"member": {"role": "Viewer"}})
    assert refused(answer, 422)["fields"]
    assert len(roles(team)) == 3


def test_a_team_keeps_an_admin(team: Team, platform: Client) -> None:
    admin, path = team.as_("Admin"), f"/teams/{team.name}/members"
    answers = [
        admin("DELETE", f"{path}/{ADMIN}"),
        admin("DELETE", f"{path}/{ADMIN.upper()}"),
        admin("PUT", f"{path}/{ADMIN}", {"member": {"role": "Editor"}}),
        admin("PUT", f"{path}/{ADMIN.title()}?dryRun=true", {"member": {"role": "Viewer"}}),
    ]
    for answer in answers:
        assert "make somebody else one first" in refused(answer, 409)["message"]
    assert roles(team)[ADMIN] == "Admin"
    member(admin, team, EDITOR, "Admin")
    good(admin("DELETE", f"{path}/{ADMIN}"))
    assert refused(admin("GET", path), 404)
    good(platform("DELETE", f"{path}/{EDITOR}"))
    assert roles(team) == {VIEWER: "Viewer"}


def test_members_come_in_pages_by_address(team: Team) -> None:
    viewer, path = team.as_("Viewer"), f"/teams/{team.name}/members"
    first = viewer.get(f"{path}?limit=2")
    last = viewer.get(f"{path}?limit=2&cursor={first['metadata']['next_cursor']}")
    assert [one["email"] for one in first["members"] + last["members"]] == [ADMIN, EDITOR, VIEWER]
    assert last["metadata"] == {}
