"""Service tokens on a real API server and two replicas."""

import base64
import json
import time
from typing import Any

import pytest
from tests.support.cloud_api import ADMIN, EDITOR, PASSWORD, ROLES, Client, CloudApi, Team, good, refused
from tests.support.cloud_people import SCOPES, own, somebody, token
from tests.support.eventually import eventually
from tests.support.kube import a_cluster

READ = "clusters:read"


def tokens_of(team: Team) -> str:
    return f"/teams/{team.name}/tokens"


def listed(client: Client, team: Team) -> dict[str, Any]:
    return {one["id"]: one for one in client.get(tokens_of(team))["tokens"]}


def test_a_token_is_shown_once_and_works(team: Team) -> None:
    made = token(team.as_("Editor"), team.name, READ, "clusters:power")
    assert made["token"].startswith("mct_")
    assert (made["owner"], made["scopes"], made["revoked_at"]) == (EDITOR, ["clusters:power", READ], None)
    assert team.api.client(made["token"]).get(team.clusters)["clusters"] == []
    text = team.as_("Editor")("GET", tokens_of(team)).text
    assert made["id"] in text
    for told in (text, str(own(team).all("secrets")), team.api.log.read_text(), team.api.get("/metrics")):
        assert made["token"] not in told
        assert made["token"][-43:] not in told


def test_a_token_is_never_more_than_whoever_makes_it(team: Team) -> None:
    allowed = {
        "Viewer": {READ, "team:read"},
        "Editor": {READ, "team:read", "clusters:reveal", "clusters:power", "clusters:change"},
        "Admin": set(SCOPES),
    }
    for role, scopes in allowed.items():
        token(team.as_(role), team.name, *scopes)
        for scope in SCOPES - scopes:
            body = {"token": {"name": "t", "scopes": [READ, scope]}}
            assert scope in refused(team.as_(role)("POST", tokens_of(team), body), 403)["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("scopes", value) for value in ([], ["everything"], "clusters:read", None)),
        *(("name", value) for value in ("", "a\nb", "a" * 101)),
        *(("expires_in_days", value) for value in (0, -1, 1.5, 3651, "1")),
        ("team", "other"),
    ],
)
def test_what_no_token_can_be_is_refused(team: Team, field: str, value: Any) -> None:
    body = {"token": {"name": "t", "scopes": [READ], field: value}}
    assert any(field in wrong for wrong in refused(team.as_("Admin")("POST", tokens_of(team), body), 422)["fields"])


def test_a_token_is_seen_by_its_owner_and_by_admins(team: Team) -> None:
    made = {role: token(team.as_(role), team.name, READ)["id"] for role in ROLES}
    assert set(listed(team.as_("Viewer"), team)) & set(made.values()) == {made["Viewer"]}
    assert set(made.values()) <= set(listed(team.as_("Admin"), team))
    assert refused(team.as_("Viewer")("DELETE", f"{tokens_of(team)}/{made['Editor']}"), 404)
    good(team.as_("Admin")("DELETE", f"{tokens_of(team)}/{made['Editor']}"))
    good(team.as_("Viewer")("DELETE", f"{tokens_of(team)}/{made['Viewer']}"))


def test_a_token_that_is_revoked_is_refused_on_every_replica(team: Team, second: CloudApi) -> None:
    made = token(team.as_("Editor"), team.name, READ)
    here, there = (api.client(made["token"]) for api in (team.api, second))
    eventually(lambda: there("GET", team.clusters).ok)
    good(team.as_("Editor")("DELETE", f"{tokens_of(team)}/{made['id']}?dryRun=true"))
    assert here("GET", team.clusters).ok
    good(team.as_("Editor")("DELETE", f"{tokens_of(team)}/{made['id']}"))
    assert refused(here("GET", team.clusters), 401)
    eventually(lambda: there("GET", team.clusters).status_code == 401, within=5)
    ended = listed(team.as_("Editor"), team)[made["id"]]
    assert ended["revoked_at"]
    assert team.as_("Editor")("DELETE", f"{tokens_of(team)}/{made['id']}").status_code in (204, 404)
    assert listed(team.as_("Editor"), team)[made["id"]]["revoked_at"] == ended["revoked_at"]


def test_a_new_token_works_on_the_other_replica_at_once(team: Team, second: CloudApi) -> None:
    eventually(lambda: second.client(team.token("Admin"))("GET", team.clusters).ok)
    for _ in range(5):
        made = token(team.as_("Admin"), team.name, READ)["token"]
        assert second.client(made)("GET", team.clusters).ok


def test_a_token_ends_at_its_time(team: Team) -> None:
    made = token(team.as_("Viewer"), team.name, READ)
    days = [
        good(team.as_("Viewer")("POST", tokens_of(team), {"token": {"name": "t", "scopes": [READ], **more}}))
        for more in ({}, {"expires_in_days": 1}, {"expires_in_days": None})
    ]
    lasting = [one["token"]["expires"] for one in days]
    assert lasting[1] < lasting[0]
    assert lasting[2] is None
    client = team.api.client(made["token"])
    assert client("GET", team.clusters).ok
    space, key = own(team), f"token.{made['id']}"
    (secret,) = (one for one in space.all("secrets") if key in one.get("data", {}))
    kept = {**json.loads(base64.b64decode(secret["data"][key])), "expires": time.time() - 1}
    space.patch("secret", secret["metadata"]["name"], {"stringData": {key: json.dumps(kept)}})
    eventually(lambda: client("GET", team.clusters).status_code == 401)


def test_the_same_request_sent_again_gives_the_same_token(team: Team) -> None:
    client, body = team.as_("Admin"), {"token": {"name": "t", "scopes": [READ]}}
    first, again = (good(client("POST", tokens_of(team), body, Idempotency_Key="k"))["token"] for _ in range(2))
    assert again == first
    other = good(team.as_("Editor")("POST", tokens_of(team), body, Idempotency_Key="k"))["token"]
    assert other["token"] != first["token"], "the key of somebody else is another one"
    changed = {"token": {**body["token"], "name": "u"}}
    assert refused(client("POST", tokens_of(team), changed, Idempotency_Key="k"), 422)
    good(client("DELETE", f"{tokens_of(team)}/{first['id']}"))
    assert "has ended" in refused(client("POST", tokens_of(team), body, Idempotency_Key="k"), 409)["message"]
    assert refused(team.api.client(first["token"])("GET", team.clusters), 401)


def test_a_token_makes_no_token_and_is_no_person(team: Team) -> None:
    client = team.api.client(token(team.as_("Admin"), team.name, *SCOPES)["token"])
    body = {"token": {"name": "t", "scopes": [READ]}}
    assert "cannot make another one" in refused(client("POST", tokens_of(team), body), 403)["message"]
    for method, path in (("GET", "/sessions"), ("DELETE", "/sessions"), ("PUT", "/user/password"), ("POST", "/teams")):
        assert refused(client(method, path, {}), 403)
    assert [one["team"] for one in client.get("/user")["user"]["teams"]] == [team.name]
    assert [one["id"] for one in client.get("/teams")["teams"]] == [team.name]


def test_a_token_loses_what_its_owner_loses(team: Team) -> None:
    email = somebody(team.api)
    admin, path = team.as_("Admin"), f"/teams/{team.name}/members/{email}"
    good(admin("PUT", path, {"member": {"role": "Editor"}}))
    team.space.apply(a_cluster(extraEnvs=[{"name": "API_TOKEN", "value": "by-its-name"}]))
    team.seen()
    made = token(team.api.logs_in(email, PASSWORD), team.name, READ, "clusters:reveal", "clusters:power")["token"]
    client = team.api.client(made)
    stop = {"cluster": {"status": "Stopped"}}
    good(client("PUT", f"{team.path()}?dryRun=true", stop))
    assert "by-its-name" in client("GET", team.path()).text
    good(admin("PUT", path, {"member": {"role": "Viewer"}}))
    assert refused(client("PUT", f"{team.path()}?dryRun=true", stop), 403)
    assert "by-its-name" not in client("GET", team.path()).text
    good(admin("PUT", path, {"member": {"role": "Editor"}}))
    good(client("PUT", f"{team.path()}?dryRun=true", stop))
    good(admin("DELETE", path))
    assert refused(client("GET", team.path()), 404)
    good(admin("PUT", path, {"member": {"role": "Editor"}}))
    assert client("GET", team.path()).ok
    team.api.user("remove", email)
    eventually(lambda: client("GET", team.path()).status_code == 401, within=5)
    team.api.user("add", email, "--password-stdin")
    eventually(lambda: email in str(admin.get(f"/teams/{team.name}/members")))
    assert refused(client("GET", team.path()), 401), "a new account of the same name has no old tokens"


def test_there_is_a_most_of_tokens(team: Team) -> None:
    email = somebody(team.api)
    good(team.as_("Admin")("PUT", f"/teams/{team.name}/members/{email}", {"member": {"role": "Viewer"}}))
    client = team.api.logs_in(email)
    for _ in range(100):
        token(client, team.name, READ)
    body = {"token": {"name": "t", "scopes": [READ]}}
    assert refused(client("POST", tokens_of(team), body), 409)
    good(client("DELETE", f"{tokens_of(team)}/{next(iter(listed(client, team)))}"))
    good(client("POST", tokens_of(team), body))
    assert ADMIN not in str(listed(client, team))
