"""The audit says of every writing route who did what to what. A new route needs an entry in the table."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import pytest
from tests.support.cloud_api import ADMIN, EDITOR, VIEWER, Client, CloudApi, Team, good, refused
from tests.support.cloud_more import another
from tests.support.cloud_people import own, token
from tests.support.eventually import eventually

from devkit.cluster import Cluster
from magecluster.cloud.settings import PUBLISHED_KEY
from magecluster.cloud.web.app import ROUTES

TABLE: dict[str, dict[str, Any]] = {
    "createTeam": {
        "team": "$made",
        "who": "admin@mage.local",
        "outcome": 201,
        "changes": {
            "namespace": [None, "$made"],
            "limits.clusters": [None, 2],
            "groups": [None, [{"name": "staff", "role": "Viewer"}]],
            "secrets": [None, ["warehouse"]],
        },
    },
    "patchTeam": {"team": "$made", "changes": {"limits.clusters": [2, 3], "display_name": [None, "Data"]}},
    "deleteTeam": {
        "team": "$made",
        "outcome": 204,
        "changes": {
            "namespace": ["$made", None],
            "display_name": ["Data", None],
            "limits.clusters": [3, None],
            "groups": [[{"name": "staff", "role": "Viewer"}], None],
            "secrets": [["warehouse"], None],
        },
    },
    "putMember": {"team": "$team", "member": "$new", "changes": {"$new": [None, "Viewer"]}},
    "deleteMember": {"team": "$team", "member": "$new", "outcome": 204, "changes": {"$new": ["Viewer", None]}},
    "createInvitation": {
        "team": "$team",
        "changes": {"invitations[$open]": [None, {"email": "$invited", "role": "Editor"}]},
    },
    "acceptInvitation": {
        "team": "$team",
        "who": "$invited",
        "invitation": "$open",
        "changes": {"$invited": [None, "Editor"]},
    },
    "deleteInvitation": {
        "team": "$team",
        "invitation": "$withdrawn",
        "changes": {"invitations[$withdrawn]": [{"email": "$new", "role": "Viewer"}, None]},
    },
    "createToken": {
        "team": "$team",
        "changes": {"tokens[$service]": [None, {"name": "matrix", "scopes": ["clusters:read"]}]},
    },
    "deleteToken": {
        "team": "$team",
        "service_token": "$service",
        "changes": {
            "tokens[$service]": [{"owner": "ann@example.com", "name": "matrix", "scopes": ["clusters:read"]}, None]
        },
    },
    "createCluster": {
        "team": "$team",
        "cluster": "demo",
        "outcome": 201,
        "changes": {"extraEnvs[REGION]": [None, "********"]},
    },
    "putCluster": {"cluster": "demo", "changes": {"status": ["Active", "Stopped"]}},
    "patchCluster": {"cluster": "demo", "changes": {"status": ["Stopped", "Active"]}},
    "restartCluster": {"cluster": "demo", "changes": {"restartedAt": [None, "2026-07-01T08:00:00Z"]}},
    "deleteCluster": {"team": "$team", "cluster": "demo", "outcome": 204},
    "createSession": {"who": "$invited", "token": "$session", "outcome": 200},
    "putPassword": {"who": "$invited", "token": "$session", "outcome": 204},
    "deleteSession": {"who": "$invited", "token": "$again", "outcome": 204},
}
"""What the line of a route has to contain, at the least; names behind `$` are those of the story."""

WRITING = [route.name for route in ROUTES if route.writes]


@pytest.fixture
def api(cluster: Cluster, team: Team, tmp_path: Path) -> Iterator[CloudApi]:
    """A replica of the test's own, for its log."""
    with another(cluster.kubeconfig, tmp_path, team.api.namespace) as found:
        client = found.ready().client(team.token("Admin"))
        eventually(lambda: client("GET", f"/teams/{team.name}").ok, what="the team in the cache")
        yield found


def unique(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


@dataclass
class Story:
    """Every writing route, used once with success."""

    api: CloudApi
    team: Team
    facts: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)

    def happens(self) -> None:
        admin, path = self.api.client(self.team.token("Admin")), f"/teams/{self.team.name}"
        self.facts |= {"team": self.team.name, "made": unique("zz"), "new": f"{unique('new')}@example.com"}
        self.a_team(self.api.client(self.team.admin))
        good(admin("PUT", f"{path}/members/{self.facts['new']}", {"member": {"role": "Viewer"}}))
        good(admin("DELETE", f"{path}/members/{self.facts['new']}"))
        self.a_token(admin)
        self.a_cluster(admin)
        self.invitations(admin, f"{path}/invitations")
        self.an_account(self.facts["invited"])

    def a_team(self, platform: Client) -> None:
        made = self.facts["made"]
        limits = {"limits": {"clusters": 2}, "groups": [{"name": "staff", "role": "Viewer"}], "secrets": ["warehouse"]}
        good(platform("POST", "/teams", {"team": {"id": made, "namespace": made, **limits}}))
        good(platform("PATCH", f"/teams/{made}", {"team": {"limits": {"clusters": 3}, "display_name": "Data"}}))
        good(platform("DELETE", f"/teams/{made}"))

    def a_token(self, admin: Client) -> None:
        made = token(admin, self.team.name, "clusters:read")
        self.facts["service"] = made["id"]
        self.secrets.append(made["token"])
        good(admin("DELETE", f"/teams/{self.team.name}/tokens/{made['id']}"))

    def a_cluster(self, admin: Client) -> None:
        path, envs = self.team.path(), [{"name": "REGION", "value": "north"}]
        good(admin("POST", self.team.clusters, {"cluster": {"name": "demo", "config": {"extraEnvs": envs}}}))
        good(admin("PUT", path, {"cluster": {"status": "Stopped"}}))
        good(admin("PATCH", path, {"cluster": {"status": "Active"}}))
        good(admin("POST", f"{path}/restart", {"restartedAt": "2026-07-01T08:00:00Z"}))
        good(admin("DELETE", path))

    def invitations(self, admin: Client, path: str) -> None:
        self.facts["invited"] = f"{unique('in')}@example.com"
        body = {"invitation": {"email": self.facts["new"], "role": "Viewer"}}
        withdrawn = good(admin("POST", path, body))["invitation"]
        good(admin("DELETE", f"{path}/{withdrawn['id']}"))
        body = {"invitation": {"email": self.facts["invited"], "role": "Editor"}}
        made = good(admin("POST", path, body))["invitation"]
        self.facts |= {"withdrawn": withdrawn["id"], "open": made["id"]}
        link = made["link"].rpartition("/")[2]
        self.secrets += [link, withdrawn["link"].rpartition("/")[2], first := unique("password-of-an-account")]
        good(self.api.client()("POST", f"/invitations/{link}", {"invitation": {"password": first}}))

    def an_account(self, email: str) -> None:
        first, then = self.secrets[-1], unique("password-of-an-account")
        session, self.facts["session"] = self.session(email, first)
        good(session("PUT", "/user/password", {"user": {"current_password": first, "password": then}}))
        again, self.facts["again"] = self.session(email, then)
        good(again("DELETE", "/sessions"))
        self.secrets.append(then)

    def session(self, email: str, password: str) -> tuple[Client, str]:
        text = self.api.login(email, password)
        self.secrets.append(text)
        client = self.api.client(text)
        return client, next(one["id"] for one in client.get("/sessions")["sessions"] if one["current"])


def test_every_writing_route_has_an_entry() -> None:
    assert set(TABLE) == set(WRITING), "say in TABLE what the line of audit has to contain"


def test_every_line_says_who_did_what_to_what(api: CloudApi, team: Team) -> None:
    story = Story(api, team)
    story.happens()
    table = json.loads(Template(json.dumps(TABLE)).substitute(story.facts))
    lines = {line["action"]: line for line in api.audit()}
    lines["createSession"] = next(line for line in api.audit() if line["action"] == "createSession")
    told = {name: {key: lines[name].get(key) for key in wanted} for name, wanted in table.items()}
    assert told == table
    assert all(line.keys() >= {"time", "address", "who", "outcome"} for line in lines.values())
    log = api.log.read_text()
    assert not [secret for secret in (*story.secrets, PUBLISHED_KEY) if secret in log]


def test_what_was_refused_says_to_what(api: CloudApi, team: Team) -> None:
    admin, viewer, path = api.client(team.token("Admin")), api.client(team.token("Viewer")), f"/teams/{team.name}"
    one = token(admin, team.name, "clusters:read")
    invited = good(admin("POST", f"{path}/invitations", {"invitation": {"email": "x@example.com", "role": "Viewer"}}))
    refused(viewer("DELETE", f"{path}/members/{EDITOR.upper()}"), 403)
    refused(admin("DELETE", f"{path}/members/{ADMIN}"), 409)
    refused(viewer("DELETE", f"{path}/tokens/{one['id']}"), 404)
    refused(viewer("DELETE", f"{path}/invitations/{invited['invitation']['id']}"), 403)
    told = [
        (line["who"], line.get("member") or line.get("service_token") or line.get("invitation"))
        for line in api.audit()
        if line["outcome"] >= 400
    ]
    assert told == [(VIEWER, EDITOR), (ADMIN, ADMIN), (VIEWER, one["id"]), (VIEWER, invited["invitation"]["id"])]


def test_a_secret_in_the_place_of_an_id_is_not_told(api: CloudApi, team: Team) -> None:
    admin, path = api.client(team.token("Admin")), f"/teams/{team.name}"
    one = token(admin, team.name, "clusters:read")
    invited = good(admin("POST", f"{path}/invitations", {"invitation": {"email": "x@example.com", "role": "Viewer"}}))
    link = invited["invitation"]["link"].rpartition("/")[2]
    wrong = "correct horse battery staple"
    refused(admin("DELETE", f"{path}/tokens/{one['token']}"), 404)
    refused(admin("DELETE", f"{path}/invitations/{link}"), 404)
    refused(admin("DELETE", f"{path}/members/{wrong}"), 422)
    assert len([line for line in api.audit() if line["outcome"] in (404, 422)]) == 3
    assert not [secret for secret in (one["token"], link, wrong) if secret in api.log.read_text()]


def test_a_team_that_is_refused_is_told_as_it_was_meant(api: CloudApi, team: Team) -> None:
    client, name = api.client(team.admin), unique("zz")
    body = {"id": name, "namespace": team.name, "limits": {"clusters": 9}}
    refused(client("POST", "/teams", {"team": body}), 409)
    (line,) = api.audit()
    assert line["changes"] == {"namespace": [None, team.name], "limits.clusters": [None, 9]}
    assert not own(team).get("mt", name)
