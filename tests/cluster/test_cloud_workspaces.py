"""Workspaces at the Cloud API, asked for as gateways do: with the token of a pod, which the API server made."""

from typing import Any

import pytest
from tests.support.cloud_api import Client, Team, good, refused
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace, a_cluster

PATH = "/workspaces"


def account(space: Namespace, name: str) -> None:
    space.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})


def token(space: Namespace, account_: str, *, audience: str = "magecluster") -> str:
    return space.kubectl("create", "token", account_, f"--audience={audience}").strip()


def gateway(team: Team, cluster: str = "lab", **spec: Any) -> Client:
    """Of a cluster that is made with it, as it is without an operator."""
    team.space.apply(a_cluster(cluster, **spec))
    account(team.space, f"{cluster}-mage")
    team.seen(cluster)
    return team.api.client(token(team.space, f"{cluster}-mage"))


def made(client: Client, name: str = "anna", **wish: Any) -> Any:
    return good(client("POST", PATH, {"workspace": {"name": name, **wish}}))["workspace"]


def test_a_workspace_is_made_read_changed_and_deleted(team: Team) -> None:
    client = gateway(team, extraEnvs=[{"name": "A", "value": "1"}])
    wish: Manifest = {
        "storage": {"size": "1Gi", "retention": "Delete"},
        "variables": {"B": "2"},
        "for": "ann@example.com",
    }
    found = made(client, **wish)
    assert (found["cluster"], found["path"], found["state"], found["status"]) == (
        "lab-anna",
        "/anna",
        "Starting",
        "Active",
    )
    assert found["address"] == f"http://lab-anna.{team.space.name}:6789"
    spec = team.space.get("mc", "lab-anna")["spec"]
    assert spec["workspaceOf"] == {"name": "lab"}
    assert {env["name"]: env["value"] for env in spec["extraEnvs"]} == {"MAGE_BASE_PATH": "anna", "A": "1", "B": "2"}
    assert (spec["storage"]["size"], spec["storage"]["retention"]) == ("1Gi", "Delete")
    assert (spec["kubernetesExecutor"], spec["auth"]) == ({"enabled": False}, {"ownerEmail": "owner@mage.local"})
    assert client.get(PATH)["workspaces"] == [client.get(f"{PATH}/anna")["workspace"]]

    stopped = good(client("PUT", f"{PATH}/anna", {"workspace": {"status": "Stopped"}}))["workspace"]
    assert stopped["status"] == "Stopped"
    change = {"image_tag": "0.9.79", "resources": {"limits": {"memory": "1Gi"}}, "variables": {"B": "3"}}
    good(client("PUT", f"{PATH}/anna", {"workspace": change}))
    spec = team.space.get("mc", "lab-anna")["spec"]
    assert (spec["status"], spec["image"]["tag"], spec["resources"]["limits"]) == (
        "Stopped",
        "0.9.79",
        {"memory": "1Gi"},
    )
    assert {env["name"]: env["value"] for env in spec["extraEnvs"]} == {"MAGE_BASE_PATH": "anna", "A": "1", "B": "3"}

    good(client("DELETE", f"{PATH}/anna"))
    assert not team.space.get("mc", "lab-anna")
    assert refused(client("GET", f"{PATH}/anna"), 404)
    assert client.get(PATH)["workspaces"] == []


def test_what_was_done_stands_in_the_audit_and_in_events(team: Team) -> None:
    client = gateway(team)
    made(client, **{"for": "ann@example.com"})
    good(client("DELETE", f"{PATH}/anna?for=bob@example.com"))
    place = f"{team.space.name}/lab"
    lines = [line for line in team.api.audit() if line.get("who") == f"gateway of {place}"]
    assert [(line["action"], line["cluster"], line["for"], line["team"], line["outcome"]) for line in lines] == [
        ("createWorkspace", "lab-anna", "ann@example.com", team.name, 201),
        ("deleteWorkspace", "lab-anna", "bob@example.com", team.name, 200),
    ]
    events = {
        ("Created", "the gateway of lab made the workspace for ann@example.com through the Cloud API"),
        ("Deleted", "the gateway of lab deleted the workspace for bob@example.com through the Cloud API"),
    }
    eventually(lambda: events <= set(team.space.events("lab-anna")), what="both Events")


def test_the_operator_runs_it_and_its_end_is_that_of_its_cluster(running: Team) -> None:
    client = gateway(running)
    made(client)
    running.space.becomes("lab", "Active")
    running.space.becomes("lab-anna", "Active")
    passwords = {running.space.get("secret", f"{name}-auth")["data"]["owner-password"] for name in ("lab", "lab-anna")}
    assert len(passwords) == 2, "blocks of a workspace see its password, and it opens no other door"
    assert client.get(f"{PATH}/anna")["workspace"]["state"] == "Active"
    good(client("PUT", f"{PATH}/anna", {"workspace": {"status": "Stopped"}}))
    running.space.becomes("lab-anna", "Stopped")
    eventually(lambda: client.get(f"{PATH}/anna")["workspace"]["state"] == "Stopped", what="the state")
    (pod,) = [pod for pod in running.space.all("pods") if "lab" in pod["metadata"]["name"]]
    assert pod["metadata"]["name"].startswith("lab-")
    running.space.kubectl("delete", "mc", "lab")
    eventually(lambda: not running.space.get("mc", "lab-anna"), what="the workspace ends with its cluster")
    assert running.space.get("pvc", "lab-anna-data"), "a volume is kept unless it was asked for otherwise"


@pytest.mark.parametrize("retention", ["Retain", "Delete"])
def test_the_volume_is_kept_or_deleted_as_asked(running: Team, retention: str) -> None:
    client = gateway(running)
    made(client, storage={"retention": retention})
    running.space.becomes("lab-anna", "Active")
    good(client("DELETE", f"{PATH}/anna"))
    eventually(lambda: not running.space.get("deploy", "lab-anna"), what="the workspace is gone")
    kept = retention == "Retain"
    eventually(lambda: bool(running.space.get("pvc", "lab-anna-data")) == kept, what=f"a volume with {retention}")


def test_a_gateway_sees_the_workspaces_of_its_own_cluster_alone(team: Team) -> None:
    lab, other = gateway(team), gateway(team, "other")
    made(lab)
    assert other.get(PATH)["workspaces"] == []
    assert refused(other("GET", f"{PATH}/anna"), 404)
    for method, body in (("PUT", {"workspace": {"status": "Stopped"}}), ("DELETE", None)):
        assert refused(other(method, f"{PATH}/anna", body), 404)
    assert made(other)["cluster"] == "other-anna"
    # The names of cluster and workspace together can be those of another pair.
    gateway(team, "lab-anna-x")
    assert refused(lab("GET", f"{PATH}/anna-x"), 404)
    assert refused(lab("DELETE", f"{PATH}/anna-x"), 404)
    assert refused(lab("POST", PATH, {"workspace": {"name": "anna-x"}}), 409)
    assert team.space.get("mc", "lab-anna-x")


def test_a_workspace_has_none_of_its_own(team: Team) -> None:
    made(gateway(team))
    account(team.space, "lab-anna-mage")
    client = team.api.client(token(team.space, "lab-anna-mage"))
    for method, path in (("GET", PATH), ("POST", PATH), ("DELETE", f"{PATH}/anna")):
        body = {"workspace": {"name": "x"}} if method == "POST" else None
        assert "is a workspace itself" in refused(client(method, path, body), 403)["message"]


def test_only_the_token_of_a_pod_that_is_meant_for_it_lets_in(team: Team) -> None:
    client = gateway(team)
    assert client.get(PATH)
    api = team.api.client
    for shown in (
        None,
        "made-up",
        team.admin,
        token(team.space, "lab-mage", audience="https://kubernetes.default.svc.cluster.local"),
        token(team.space, "lab-mage", audience="other"),
        token(team.space, "default"),
    ):
        assert refused(api(shown)("GET", PATH), 401)
    by_cookie = api(None)("GET", PATH, Cookie=f"oauth_token={client.token}")
    assert refused(by_cookie, 401)
    account(team.space, "none-mage")
    assert "no cluster none" in refused(api(token(team.space, "none-mage"))("GET", PATH), 403)["message"]
    for path in ("/teams", team.clusters, f"{team.path('lab')}"):
        assert refused(client("GET", path), 401)


def test_a_namespace_without_a_team_has_no_workspaces(team: Team) -> None:
    client = gateway(team)
    own = Namespace(team.space.cluster, team.api.namespace)
    own.kubectl("delete", "mageteam", team.name)
    eventually(lambda: client("GET", PATH).status_code == 403, what="the team is gone")
    assert (
        "an administrator makes a MageTeam"
        in refused(client("POST", PATH, {"workspace": {"name": "a"}}), 403)["message"]
    )
    own.apply(
        {
            "apiVersion": "magecluster.io/v1alpha1",
            "kind": "MageTeam",
            "metadata": {"name": team.name},
            "spec": {"namespace": team.space.name},
        }
    )


def test_the_limits_of_the_team_count(team: Team) -> None:
    client = gateway(team)
    limits = {"clusters": 2, "running_clusters": 2, "storage": "13Gi"}
    good(team.api.client(team.admin)("PATCH", f"/teams/{team.name}", {"team": {"limits": limits}}))
    error = refused(client("POST", PATH, {"workspace": {"name": "a", "storage": {"size": "4Gi"}}}), 409)
    assert (error["type"], "storage: 10Gi in use, 14Gi with this change" in error["message"]) == (
        "limit_exceeded",
        True,
    )
    made(client)
    assert "clusters: 2 in use" in refused(client("POST", PATH, {"workspace": {"name": "b"}}), 409)["message"]
    good(client("PUT", f"{PATH}/anna", {"workspace": {"status": "Stopped"}}))
    good(team.api.client(team.admin)("PATCH", f"/teams/{team.name}", {"team": {"limits": {"running_clusters": 1}}}))
    error = refused(client("PUT", f"{PATH}/anna", {"workspace": {"status": "Active"}}), 409)
    assert "runningClusters" in error["message"]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"name": "A"}, "workspace.name"),
        ({"name": "a" * 31}, "workspace.name"),
        ({"name": "api"}, "name"),
        ({"name": "a", "namespace": "kube-system"}, "namespace"),
        ({"name": "a", "ingress_name": "theirs"}, "ingress_name"),
        ({"name": "a", "storage": {"size": "x"}}, "storage.size"),
        ({"name": "a", "variables": {"MAGE_BASE_PATH": "x"}}, "MAGE_BASE_PATH"),
        ({"name": "a", "variables": {"JWT_SECRET": "x"}}, "extraEnvs"),
        ({"name": "a", "variables": {"DEFAULT_EXECUTOR_TYPE": "k8s"}}, "DEFAULT_EXECUTOR_TYPE"),
        ({"name": "a", "serviceAccountName": "x"}, "workspace.serviceAccountName"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(team: Team, wish: Any, field: str) -> None:
    error = refused(gateway(team)("POST", PATH, {"workspace": wish}), 422)
    assert any(name.startswith(field) for name in error["fields"]), error
    assert [cluster["metadata"]["name"] for cluster in team.space.all("mc")] == ["lab"]


def test_its_ingress_is_its_clusters_with_a_path_of_its_own(team: Team) -> None:
    hosts = [{"host": "mage.example.com"}]
    client = gateway(team, ingress={"enabled": True, "className": "nginx", "hosts": hosts})
    made(client, ingress=True, ingress_name="lab")
    ingress = team.space.get("mc", "lab-anna")["spec"]["ingress"]
    paths = [{"path": "/anna", "pathType": "Prefix"}]
    assert (ingress["className"], ingress["hosts"]) == ("nginx", [{"host": "mage.example.com", "paths": paths}])


def test_nobody_becomes_a_workspace_by_the_cloud_api(team: Team) -> None:
    gateway(team)
    client, wish = team.as_("Admin"), {"workspaceOf": {"name": "lab"}}
    error = refused(client("POST", team.clusters, {"cluster": {"name": "lab-x", "config": wish}}), 422)
    assert "owners make workspaces at its gateway" in error["fields"]["workspaceOf"]
    team.space.apply(a_cluster("lab-y", **wish))
    told = team.space.refused("patch", "mc", "lab-y", "--type=merge", '--patch={"spec":{"workspaceOf":null}}')
    assert "workspaceOf cannot be changed" in told
    team.seen("lab-y")
    config = client.get(team.path("lab-y"))["cluster"]["config"]
    client.put(team.path("lab-y"), config={**config, "podLabels": {"a": "b"}})


def key_of(team: Team, cluster: str) -> str:
    """Where the text of PASSWORD stands in the Secret."""
    envs = team.space.get("mc", cluster)["spec"]["extraEnvs"]
    (found,) = [env["valueFrom"]["secretKeyRef"]["key"] for env in envs if env["name"] == "PASSWORD"]
    return str(found)


def test_texts_that_a_workspace_refers_to_outlive_their_change(team: Team) -> None:
    client, admin = gateway(team), team.as_("Admin")

    def put(name: str, value: str) -> None:
        admin.put(team.path("lab"), config={"extraEnvs": [{"name": name, "value": value, "secret": True}]})

    put("PASSWORD", "one")
    made(client)
    put("PASSWORD", "two")
    old, new = key_of(team, "lab-anna"), key_of(team, "lab")
    # All that was written counts as old without the record of it.
    team.space.kubectl("annotate", "secret", "lab-env", "magecluster.io/written-")
    put("OTHER", "three")
    put("OTHER", "four")
    eventually(lambda: new not in team.space.get("secret", "lab-env")["data"], what="the Secret is tidied up")
    assert old in team.space.get("secret", "lab-env")["data"]
    # The cluster has no PASSWORD any more, and so its workspace has none when it is renewed.
    good(client("PUT", f"{PATH}/anna", {"workspace": {"renew": True}}))
    renewed = team.space.get("mc", "lab-anna")["spec"]["extraEnvs"]
    assert [env["name"] for env in renewed] == ["MAGE_BASE_PATH", "OTHER"]
