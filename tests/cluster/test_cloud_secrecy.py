"""What is secret appears nowhere: not in logs, audit, metrics, Events, nor in answers to those who may not know it."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.cloud_api import PASSWORD, CloudApi, Team, good
from tests.support.cloud_more import another
from tests.support.eventually import eventually

from devkit.cluster import Cluster
from magecluster.cloud.settings import PUBLISHED_KEY


@pytest.fixture
def talkative(cluster: Cluster, team: Team, tmp_path: Path) -> Iterator[CloudApi]:
    """A replica that logs all it can."""
    with another(cluster.kubeconfig, tmp_path, team.api.namespace, "--log-level=debug") as api:
        client = api.ready().client(team.token("Admin"))
        eventually(lambda: client("GET", f"/teams/{team.name}").ok, what="the team in the cache")
        yield api


def text() -> str:
    return f"s3cret-{uuid.uuid4().hex}"


def env(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, **more}


def test_no_secret_is_told(talkative: CloudApi, team: Team) -> None:
    api, secrets = talkative, [PASSWORD]
    token = api.login("ann@example.com")
    client = api.client(token)
    secrets += [token, made := text(), plain := text(), wrong := text(), late := text(), broken := text()]

    envs = [env("KEPT", made, secret=True), env("OPEN", plain), env("API_TOKEN", late)]
    good(client("POST", team.clusters, {"cluster": {"name": "demo", "config": {"extraEnvs": envs}}}))
    secrets.append(newer := text())
    client.put(team.path(), {"extraEnvs": [env("KEPT", newer), env("OPEN", f"{plain}2"), env("API_TOKEN", late)]})
    assert client("PUT", team.path(), {"cluster": {"config": {"extraEnvs": [env("A B", broken)]}}}).status_code == 422
    assert client("PUT", team.path(), {"cluster": {"config": {"replicaCount": broken}}}).status_code == 422
    assert client("PUT", team.path(), {"cluster": {"config": {"image": {"tag": f"{broken}/"}}}}).status_code == 422

    login = {"session": {"email": "ann@example.com", "password": wrong}}
    assert api.client()("POST", "/sessions", login, X_API_KEY=PUBLISHED_KEY).status_code == 401
    swapped = {"session": {"email": wrong, "password": "ann@example.com"}}
    assert api.client()("POST", "/sessions", swapped, X_API_KEY=PUBLISHED_KEY).status_code == 401
    assert api.client(f"mcs_{wrong}")("GET", "/user").status_code == 401
    assert client("PUT", "/user/password", {"user": {"current_password": wrong, "password": late}}).status_code == 403

    service = good(client("POST", f"/teams/{team.name}/tokens", {"token": {"name": "ci", "scopes": ["clusters:read"]}}))
    invited = {"invitation": {"email": f"{uuid.uuid4().hex}@example.com", "role": "Viewer"}}
    link = good(client("POST", f"/teams/{team.name}/invitations", invited))["invitation"]["link"]
    one_time = link.rpartition("/")[2]
    secrets += [service["token"]["token"], one_time]
    good(api.client()("POST", f"/invitations/{one_time}", {"invitation": {"password": late, "name": "New"}}))
    shown = client("GET", f"/teams/{team.name}/tokens").text + client("GET", f"/teams/{team.name}/invitations").text
    seen = api.client(team.token("Viewer"))("GET", team.path()).text
    good(client("DELETE", "/sessions"))

    eventually(lambda: any("extraEnvs" in message for _, message in team.space.events("demo")), what="an Event")
    actions = {line["action"] for line in api.audit()}
    assert {"createCluster", "putCluster", "createSession", "putPassword", "deleteSession"} <= actions
    told = {
        "log and audit": api.log.read_text(),
        "metrics": api.get("/metrics"),
        "events": json.dumps(team.space.all("events")),
        "lists": shown,
        "cluster": json.dumps(team.space.get("mc", "demo")).replace(plain, "").replace(late, ""),
    }
    found = [(place, number) for place, page in told.items() for number, one in enumerate(secrets) if one in page]
    assert not found
    assert plain in seen, "what does not look secret is shown"
    assert not any(one in seen for one in (made, newer, late))


def test_the_audit_says_who_did_what_to_which_field(talkative: CloudApi, team: Team) -> None:
    client = talkative.client(team.token("Admin"))
    good(client("POST", team.clusters, {"cluster": {"name": "demo", "config": {}}}))
    client.put(team.path(), {"extraEnvs": [env("OPEN", "1")], "replicaCount": 1}, status="Stopped")
    assert talkative.client(team.token("Viewer"))("DELETE", team.path()).status_code == 403
    client("PUT", f"{team.path()}?dryRun=true", {"cluster": {"status": "Active"}})
    changed, refused, tried = (
        next(line for line in reversed(talkative.audit()) if line["action"] == action and test(line))
        for action, test in (
            ("putCluster", lambda line: "dry_run" not in line),
            ("deleteCluster", lambda _: True),
            ("putCluster", lambda line: line.get("dry_run")),
        )
    )
    assert changed["who"] == "ann@example.com"
    assert (changed["team"], changed["cluster"], changed["outcome"]) == (team.name, "demo", 200)
    assert changed["address"] == "127.0.0.1"
    assert changed["changes"]["status"] == ["Active", "Stopped"]
    assert changed["changes"]["extraEnvs[OPEN]"] == [None, "********"]
    assert len(changed["token"]) == 12
    assert (refused["who"], refused["outcome"], refused["error"]) == ("vi@example.com", 403, "forbidden")
    assert tried["dry_run"] is True
    assert team.space.get("mc", "demo")["spec"]["status"] == "Stopped"
