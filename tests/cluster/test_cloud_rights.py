"""Who may use which route: an entry for each of them, written down by hand; a route without one fails."""

from typing import NamedTuple

import pytest
import requests
from tests.support.cloud_api import STRANGER, Client, Team, a_team, good, refused
from tests.support.eventually import eventually
from tests.support.kube import Namespace, a_cluster

from devkit.cluster import Cluster
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.web.app import ROUTES


class Entry(NamedTuple):
    """One route: a request, the roles that may send it, and the scopes that let a service token of an Admin."""

    path: str
    body: object
    roles: str
    """V(iewer), E(ditor), A(dmin) of the team, S(omebody of another team), P(latform administrator), N(obody)."""
    scopes: tuple[str, ...] = ()


ALL, TEAM = "NVEASP", "VEAP"
CLUSTERS = "/teams/{team}/clusters"
CLUSTER = f"{CLUSTERS}/demo"
STOP = {"cluster": {"status": "Stopped"}}
TOKEN = {"token": {"name": "ci", "scopes": ["clusters:read"]}}
INVITE = {"invitation": {"email": "new@example.com", "role": "Viewer"}}
LOGIN = {"session": {"email": "nobody@example.com", "password": "wrong"}}
ANY_SCOPE = tuple(Permission)

ENTRIES = {
    "getCluster": Entry(CLUSTER, None, TEAM, ("clusters:read",)),
    "listClusters": Entry(CLUSTERS, None, TEAM, ("clusters:read",)),
    "getClusterLogs": Entry(f"{CLUSTER}/logs", None, TEAM, ("clusters:read",)),
    "getClusterEvents": Entry(f"{CLUSTER}/events", None, TEAM, ("clusters:read",)),
    "putCluster": Entry(CLUSTER, STOP, "EAP", ("clusters:power",)),
    "patchCluster": Entry(CLUSTER, {"cluster": {"config": {"podLabels": {"a": "b"}}}}, "EAP", ("clusters:change",)),
    "restartCluster": Entry(f"{CLUSTER}/restart", None, "EAP", ("clusters:power",)),
    "createCluster": Entry(CLUSTERS, {"cluster": {"name": "other"}}, "AP", ("clusters:create",)),
    "deleteCluster": Entry(CLUSTER, None, "AP", ("clusters:delete",)),
    "createSession": Entry("/sessions", LOGIN, ALL),
    "listSessions": Entry("/sessions", None, "VEASP"),
    "deleteSession": Entry("/sessions", None, "VEASP"),
    "getUser": Entry("/user", None, "VEASP", ANY_SCOPE),
    "putPassword": Entry("/user/password", {"user": {"current_password": "x", "password": "y"}}, "VEASP"),
    "beginOidcLogin": Entry("/oidc/login", None, ALL),
    "finishOidcLogin": Entry("/oidc/callback", None, ALL),
    "listTeams": Entry("/teams", None, "VEASP", ANY_SCOPE),
    "createTeam": Entry("/teams", {"team": {"id": "another", "namespace": "another"}}, "P"),
    "getTeam": Entry("/teams/{team}", None, TEAM, ("team:read",)),
    "patchTeam": Entry("/teams/{team}", {"team": {"display_name": "x"}}, "P"),
    "deleteTeam": Entry("/teams/{team}", None, "P"),
    "listMembers": Entry("/teams/{team}/members", None, TEAM, ("team:read",)),
    "putMember": Entry(
        "/teams/{team}/members/new@example.com", {"member": {"role": "Viewer"}}, "AP", ("team:members",)
    ),
    "deleteMember": Entry("/teams/{team}/members/vi@example.com", None, "AP", ("team:members",)),
    "listInvitations": Entry("/teams/{team}/invitations", None, "AP", ("team:members",)),
    "createInvitation": Entry("/teams/{team}/invitations", INVITE, "AP", ("team:members",)),
    "deleteInvitation": Entry("/teams/{team}/invitations/0123456789ab", None, "AP", ("team:members",)),
    "getInvitation": Entry("/invitations/none", None, ALL),
    "acceptInvitation": Entry("/invitations/none", {}, ALL),
    "listTokens": Entry("/teams/{team}/tokens", None, TEAM, ("team:read",)),
    "createToken": Entry("/teams/{team}/tokens", TOKEN, TEAM),
    "deleteToken": Entry("/teams/{team}/tokens/0123456789ab", None, TEAM, ("team:read",)),
    "getOpenapi": Entry("/openapi.json", None, ALL),
    "getDocs": Entry("/docs", None, ALL),
    "healthz": Entry("/../../healthz", None, ALL),
    "readyz": Entry("/../../readyz", None, ALL),
    "metrics": Entry("/../../metrics", None, ALL),
}
BY_NAME = {route.name: route for route in ROUTES}


def test_every_route_has_an_entry() -> None:
    assert set(BY_NAME) == set(ENTRIES)


@pytest.fixture
def lab(team: Team, cluster: Cluster) -> Team:
    """A team with a cluster, and another team that somebody else belongs to."""
    team.space.apply(a_cluster())
    team.seen()
    own = Namespace(cluster, team.api.namespace)
    own.apply(a_team("strangers", "strangers", members=[{"email": STRANGER, "role": "Admin"}]))
    eventually(lambda: team.stranger()("GET", "/teams/strangers").ok)
    return team


def sent(client: Client, team: Team, name: str) -> requests.Response:
    """Each write is a dry run, so that one cluster serves all."""
    entry, method = ENTRIES[name], BY_NAME[name].method
    path = entry.path.format(team=team.name) + ("" if method == "GET" else "?dryRun=true")
    if "/.." in path:
        path = path.removeprefix("/../..")
        return client.session.get(client.url + path, timeout=30)
    with client.session.request(
        method, f"{client.url}/api/v1{path}", json=entry.body, timeout=30, stream=True, allow_redirects=False
    ) as answer:
        if not answer.headers["Content-Type"].startswith("text/event-stream") and answer.status_code != 204:
            assert answer.content
        return answer


def is_let_in(answer: requests.Response) -> bool:
    """Refused for what one is; whatever else is wrong with the request is found later."""
    message = answer.json()["error"]["message"] if answer.status_code in (401, 403, 404) else ""
    return not message.startswith(("log in first", "there is no team", "this needs", "only admin", "a service token"))


def test_roles(lab: Team) -> None:
    clients = {
        "N": lab.api.client(),
        **{letter: lab.as_(role) for letter, role in (("V", "Viewer"), ("E", "Editor"), ("A", "Admin"))},
        "S": lab.stranger(),
        "P": lab.api.client(lab.admin),
    }
    found = {name: "".join(letter for letter in ALL if is_let_in(sent(clients[letter], lab, name))) for name in ENTRIES}
    assert found == {
        name: "".join(letter for letter in ALL if letter in entry.roles) for name, entry in ENTRIES.items()
    }


def test_scopes_of_service_tokens(lab: Team) -> None:
    admin = lab.as_("Admin")
    found: dict[str, list[str]] = {name: [] for name in ENTRIES if "N" not in ENTRIES[name].roles}
    for scope in Permission:
        body = {"token": {"name": scope, "scopes": [scope]}}
        token = good(admin("POST", f"/teams/{lab.name}/tokens", body))["token"]["token"]
        client = lab.api.client(token)
        for name, let_in in found.items():
            if is_let_in(sent(client, lab, name)):
                let_in.append(scope)
    assert found == {name: [s for s in Permission if s in ENTRIES[name].scopes] for name in found}


def test_a_service_token_is_nobody_in_other_teams(lab: Team) -> None:
    body = {"token": {"name": "all", "scopes": list(Permission)}}
    client = lab.api.client(lab.admin)
    token = good(client("POST", f"/teams/{lab.name}/tokens", body))["token"]["token"]
    answer = lab.api.client(token)("GET", "/teams/strangers/clusters")
    assert answer.status_code in (403, 404)
    assert [team["id"] for team in lab.api.client(token).get("/teams")["teams"]] == [lab.name]


def test_an_editor_changes_no_environment_and_a_viewer_sees_no_secrets(lab: Team) -> None:
    admin, editor, viewer = (lab.as_(role) for role in ("Admin", "Editor", "Viewer"))
    admin.put(lab.path(), {"extraEnvs": [{"name": "API_TOKEN", "value": "t"}, {"name": "PLAIN", "value": "p"}]})
    config = editor.get(lab.path())["cluster"]["config"]
    assert [env["value"] for env in config["extraEnvs"]] == ["t", "p"]
    editor.put(lab.path(), {**config, "podLabels": {"a": "b"}})
    config["extraEnvs"][1]["value"] = "changed"
    error = refused(editor("PUT", lab.path(), {"cluster": {"config": config}}), 403)
    assert "clusters:environment" in error["message"]
    shown = viewer.get(lab.path())["cluster"]["config"]["extraEnvs"]
    assert [env["value"] for env in shown] == ["********", "p"]


def test_who_is_removed_from_a_team_is_out_at_once(lab: Team) -> None:
    admin, viewer = lab.as_("Admin"), lab.as_("Viewer")
    assert viewer("GET", lab.path()).ok
    assert admin("DELETE", f"/teams/{lab.name}/members/vi@example.com").status_code == 204
    refused(viewer("GET", lab.path()), 404)
