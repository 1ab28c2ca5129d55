"""Who may do what: every route, tried by everybody. A new route needs an entry in the table."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
import requests
from tests.support.cloud_api import ADMIN, BOOTSTRAP, ROLES, STRANGER, Client, CloudApi, Team, a_team, good
from tests.support.cloud_people import SCOPES, token
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace, a_cluster

from devkit.cluster import Cluster
from magecluster.api.labels import CLOUD_API, MANAGED_BY
from magecluster.cloud.web.app import ROUTES
from magecluster.cloud.web.route import Route

NOBODY, PLATFORM, OTHER, OTHER_TOKEN, MOVED = "nobody", "platform", "other Admin", "other token", "moved token"
"""The last two are service tokens of another team: of somebody who belongs to that alone, and of our own Admin. A
service token of our Admin with a single scope is called like that scope."""
ALIEN = frozenset({OTHER, OTHER_TOKEN})
PEOPLE = frozenset({"Viewer", "Editor", "Admin", PLATFORM, OTHER})
LOGGED_IN = PEOPLE | SCOPES | {OTHER_TOKEN, MOVED}
EVERYBODY = LOGGED_IN | {NOBODY}

ADMINS = frozenset({"Admin", PLATFORM})
EDITORS = ADMINS | {"Editor"}
VIEWERS = EDITORS | {"Viewer"}


class Entry(NamedTuple):
    """How a route is tried, and who may use it."""

    who: frozenset[str]
    path: str
    """With `{team}`, `{own}` (a service token of whoever asks), `{invitation}` and `{link}`."""
    body: Any = None
    gives: int = 200
    """Status for those who may; a write that cannot be tried without harm is sent with a body that is refused later."""


CHANGE: Manifest = {"cluster": {}}
"""Changes nothing; what may be changed by whom is judged by the fields."""

TABLE = {
    "getCluster": Entry(VIEWERS | {"clusters:read"}, "/api/v1/teams/{team}/clusters/demo"),
    "listClusters": Entry(VIEWERS | {"clusters:read"}, "/api/v1/teams/{team}/clusters"),
    "getClusterLogs": Entry(VIEWERS | {"clusters:read"}, "/api/v1/teams/{team}/clusters/demo/logs", gives=501),
    "getClusterEvents": Entry(VIEWERS | {"clusters:read"}, "/api/v1/teams/{team}/clusters/demo/events"),
    "putCluster": Entry(
        EDITORS | {"clusters:power", "clusters:change", "clusters:environment"},
        "/api/v1/teams/{team}/clusters/demo",
        CHANGE,
    ),
    "patchCluster": Entry(
        EDITORS | {"clusters:power", "clusters:change", "clusters:environment"},
        "/api/v1/teams/{team}/clusters/demo",
        CHANGE,
    ),
    "restartCluster": Entry(EDITORS | {"clusters:power"}, "/api/v1/teams/{team}/clusters/demo/restart"),
    "createCluster": Entry(
        ADMINS | {"clusters:create"}, "/api/v1/teams/{team}/clusters", {"cluster": {"name": "other"}}
    ),
    "deleteCluster": Entry(ADMINS | {"clusters:delete"}, "/api/v1/teams/{team}/clusters/demo"),
    "createSession": Entry(EVERYBODY, "/api/v1/sessions", {"session": {}}, 422),
    "listSessions": Entry(PEOPLE, "/api/v1/sessions"),
    "deleteSession": Entry(PEOPLE, "/api/v1/sessions"),
    "getUser": Entry(LOGGED_IN, "/api/v1/user"),
    "putPassword": Entry(
        PEOPLE, "/api/v1/user/password", {"user": {"current_password": "wrong", "password": "short"}}, 422
    ),
    "beginOidcLogin": Entry(EVERYBODY, "/api/v1/oidc/login", gives=404),
    "finishOidcLogin": Entry(EVERYBODY, "/api/v1/oidc/callback", gives=404),
    "listTeams": Entry(LOGGED_IN, "/api/v1/teams"),
    "createTeam": Entry(
        frozenset({PLATFORM}), "/api/v1/teams", {"team": {"id": "new-team", "namespace": "new-team-namespace"}}
    ),
    "getTeam": Entry(VIEWERS | {"team:read"}, "/api/v1/teams/{team}"),
    "patchTeam": Entry(frozenset({PLATFORM}), "/api/v1/teams/{team}", {"team": {"limits": {"clusters": 1}}}),
    "deleteTeam": Entry(frozenset({PLATFORM}), "/api/v1/teams/{team}"),
    "listMembers": Entry(VIEWERS | {"team:read"}, "/api/v1/teams/{team}/members"),
    "putMember": Entry(
        ADMINS | {"team:members"}, "/api/v1/teams/{team}/members/new@example.com", {"member": {"role": "Viewer"}}
    ),
    "deleteMember": Entry(ADMINS | {"team:members"}, "/api/v1/teams/{team}/members/vi@example.com"),
    "listInvitations": Entry(ADMINS | {"team:members"}, "/api/v1/teams/{team}/invitations"),
    "createInvitation": Entry(
        ADMINS | {"team:members"},
        "/api/v1/teams/{team}/invitations",
        {"invitation": {"email": "new@example.com", "role": "Viewer"}},
    ),
    "deleteInvitation": Entry(ADMINS | {"team:members"}, "/api/v1/teams/{team}/invitations/{invitation}"),
    "getInvitation": Entry(EVERYBODY, "/api/v1/invitations/{link}"),
    "acceptInvitation": Entry(
        EVERYBODY, "/api/v1/invitations/{link}", {"invitation": {"password": "long-enough-password"}}
    ),
    "listTokens": Entry(VIEWERS | {"team:read"}, "/api/v1/teams/{team}/tokens"),
    "createToken": Entry(VIEWERS, "/api/v1/teams/{team}/tokens", {"token": {"name": "t", "scopes": ["clusters:read"]}}),
    "deleteToken": Entry(VIEWERS | {"team:read"}, "/api/v1/teams/{team}/tokens/{own}"),
    "healthz": Entry(EVERYBODY, "/healthz"),
    "readyz": Entry(EVERYBODY, "/readyz"),
    "metrics": Entry(EVERYBODY, "/metrics"),
    "getOpenapi": Entry(EVERYBODY, "/api/v1/openapi.json"),
    "getDocs": Entry(EVERYBODY, "/api/v1/docs"),
}


@dataclass
class Ground:
    """A team with one cluster, and everybody who might want something of it. Nothing in it is changed."""

    team: Team
    callers: dict[str, Client]
    places: dict[str, str]
    own: dict[str, str] = field(default_factory=dict)
    """Id of a service token of a caller."""

    def asks(self, caller: str, route: Route, entry: Entry) -> requests.Response:
        """Writes are sent as a dry run."""
        path = entry.path.format(**self.places, own=self.own.get(caller, "0" * 12))
        query = {"dryRun": "true"} if route.method != "GET" else None
        client = self.callers[caller]
        with client.session.request(
            route.method, client.url + path, json=entry.body, params=query, timeout=30, stream=True
        ) as answer:
            if answer.headers["Content-Type"] != "text/event-stream":
                assert answer.content is not None
            return answer


@contextmanager
def a_ground(cluster: Cluster, api: CloudApi, tokens: dict[str, str]) -> Iterator[Ground]:
    own = Namespace(cluster, api.namespace)
    names = [f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("ours", "other")]
    for name in names:
        cluster.kubectl("create", "namespace", name)
    alien = [{"email": STRANGER, "role": "Admin"}, {"email": ADMIN, "role": "Admin"}]
    own.apply(a_team(names[0], names[0]), a_team(names[1], names[1], members=alien))
    space = Namespace(cluster, names[0])
    space.apply(a_cluster())
    team = Team(api, space, names[0], tokens)
    people = {role: api.client(tokens[email]) for role, email in ROLES.items()}
    people |= {PLATFORM: api.client(tokens[BOOTSTRAP]), OTHER: api.client(tokens[STRANGER])}
    eventually(lambda: people[OTHER]("GET", f"/teams/{names[1]}").ok)
    eventually(lambda: people["Admin"]("GET", team.path()).ok)
    found = Ground(team, {NOBODY: api.client(), **people}, {"team": team.name})
    for role in VIEWERS:
        found.own[role] = token(people[role], team.name, "team:read")["id"]
    made = {scope: token(people["Admin"], team.name, scope) for scope in SCOPES}
    made |= {name: token(people[who], names[1], *SCOPES) for name, who in ((OTHER_TOKEN, OTHER), (MOVED, "Admin"))}
    for name, one in made.items():
        found.callers[name], found.own[name] = api.client(one["token"]), one["id"]
    invited = {"invitation": {"email": "invited@example.com", "role": "Viewer"}}
    invitation = good(people["Admin"]("POST", f"/teams/{team.name}/invitations", invited))["invitation"]
    found.places |= {"invitation": invitation["id"], "link": invitation["link"].rpartition("/")[2]}
    yield found
    for name in names:
        own.kubectl("delete", "mageteam", name)
        cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def ground(cluster: Cluster, cloud_api: CloudApi, tokens: dict[str, str]) -> Iterator[Ground]:
    with a_ground(cluster, cloud_api, tokens) as found:
        yield found


def denial(caller: str, route: Route) -> int:
    """Status for somebody who may not."""
    if caller == NOBODY:
        return 401
    of_one = "{team}" in route.path and route.name not in ("patchTeam", "deleteTeam")
    return 404 if of_one and caller in ALIEN else 403


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_only_those_may_use_a_route_whom_the_table_names(ground: Ground, route: Route) -> None:
    assert route.name in TABLE, f"{route.name} has no entry: say in TABLE who may use it"
    entry = TABLE[route.name]
    wanted = {who: entry.gives if who in entry.who else denial(who, route) for who in EVERYBODY}
    assert {who: ground.asks(who, route, entry).status_code for who in EVERYBODY} == wanted


def test_every_entry_is_of_a_route() -> None:
    assert {route.name for route in ROUTES} == set(TABLE)


def test_nothing_of_all_that_was_tried_was_done(ground: Ground) -> None:
    team = ground.team
    before = snapshot(team)
    for route in ROUTES:
        if route.method != "GET" and route.name in TABLE:
            for who in EVERYBODY:
                ground.asks(who, route, TABLE[route.name])
    assert snapshot(team) == before
    assert ground.callers["Admin"]("GET", "/user").ok


def snapshot(team: Team) -> dict[str, list[str]]:
    """The version of everything that could be changed; of accounts those parts that using them does not change."""
    own = Namespace(team.space.cluster, team.api.namespace)
    return {
        # An operator that runs for other tests makes Secrets, and reports a status and Events.
        "clusters": [f"{one['metadata']['uid']} {one['metadata']['generation']}" for one in team.space.all("mc")],
        "events": versions([one for one in team.space.all("events") if one["source"].get("component") == CLOUD_API]),
        "secrets": versions(team.space.all("secrets", f"--selector={MANAGED_BY}={CLOUD_API}")),
        "teams": versions(own.all("mt")),
        "secrets of ours": [json.dumps(lasting(secret.get("data", {}))) for secret in own.all("secrets")],
    }


def lasting(data: dict[str, str]) -> dict[str, str]:
    return {key: "" if key.startswith(("token.", "session.")) else text for key, text in data.items()}


def versions(found: list[Manifest]) -> list[str]:
    return [f"{one['metadata']['uid']} {one['metadata']['resourceVersion']}" for one in found]
