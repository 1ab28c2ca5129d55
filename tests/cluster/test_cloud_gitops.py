"""Fields that a GitOps controller holds, as clients of the Cloud API meet them."""

from typing import Any

import pytest
import requests
import yaml
from tests.support.cloud_api import Team, good, refused
from tests.support.eventually import eventually
from tests.support.kube import Manifest, a_cluster

ARGO, FLUX, HELM = "argocd-controller", "kustomize-controller", "helm"
SPEC: dict[str, Any] = {"image": {"tag": "0.9.79"}, "extraEnvs": [{"name": "A", "value": "1"}], "status": "Active"}


def sync(team: Team, manager: str, *options: str, **spec: Any) -> None:
    """Bring the manifest into the cluster, as a controller does it again and again."""
    manifest = yaml.safe_dump(a_cluster(**(spec or SPEC)))
    team.space.kubectl("apply", f"--field-manager={manager}", *options, "-f", "-", given=manifest)
    wanted = int(team.space.get("mc", "demo")["metadata"]["resourceVersion"])
    client = team.as_("Admin")
    # An operator that runs for other tests may report a status meanwhile, which is a later version.
    eventually(lambda: version(client("GET", team.path())) >= wanted, what="the manifest in the cache")


def version(answer: requests.Response) -> int:
    """The resourceVersion in an ETag; 0 without one."""
    return int(answer.headers.get("ETag", "0").strip('"').rpartition("-")[2])


def on_the_server(team: Team, manager: str, **spec: Any) -> None:
    sync(team, manager, "--server-side", "--force-conflicts", **spec)


def spec_of(team: Team) -> Manifest:
    found: Manifest = team.space.get("mc", "demo")["spec"]
    return found


HELD: dict[str, tuple[Manifest, str]] = {
    "a value": ({"config": {"image": {"tag": "0.9.80"}}}, "image.tag"),
    "a variable": ({"config": {"extraEnvs": [{"name": "A", "value": "2"}]}}, "extraEnvs[A]"),
    "the wish to run": ({"status": "Stopped"}, "status"),
    "a reset": ({"config": {"image": None}}, "image.tag"),
}


@pytest.mark.parametrize("manager", [ARGO, FLUX])
@pytest.mark.parametrize("what", HELD)
def test_what_is_held_is_not_changed_and_the_remedy_is_told(team: Team, manager: str, what: str) -> None:
    body, field = HELD[what]
    on_the_server(team, manager)
    before = spec_of(team)
    for query in ("", "?dryRun=true"):
        error = refused(team.as_("Admin")("PUT", team.path() + query, {"cluster": body}), 409)
        assert error["type"] == "held_by_gitops"
        assert error["fields"] == {field: f"is held by {manager}"}
        for word in (f"{field} by {manager}", "change it in Git", "?force=true"):
            assert word in error["message"]
        assert "0.9.8" not in str(error)
    assert spec_of(team) == before


def test_nothing_of_a_change_is_applied_if_a_part_is_held(team: Team) -> None:
    on_the_server(team, ARGO)
    config = {"podAnnotations": {"a": "1"}, "image": {"tag": "0.9.80"}}
    error = refused(team.as_("Editor")("PUT", team.path(), {"cluster": {"config": config}}), 409)
    assert list(error["fields"]) == ["image.tag"]
    assert spec_of(team)["podAnnotations"] == {}


@pytest.mark.parametrize("how", ["on the server", "by the client"])
def test_what_the_manifest_does_not_name_is_free(team: Team, how: str) -> None:
    """Applied by the client, the controller owns the defaults too, and would not set them back."""
    manifest = {"image": {"tag": "0.9.79"}}
    options = ("--server-side",) if how == "on the server" else ()
    sync(team, ARGO, *options, **manifest)
    editor, admin = team.as_("Editor"), team.as_("Admin")
    editor.put(team.path(), {"service": {"port": 80}, "image": {"pullPolicy": "Always"}}, "Stopped")
    admin.put(team.path(), {"extraEnvs": [{"name": "B", "value": "1"}]})
    assert refused(editor("PUT", team.path(), {"cluster": {"config": {"image": {"tag": "0.9.80"}}}}), 409)
    sync(team, ARGO, *options, **manifest)
    spec = spec_of(team)
    assert (spec["status"], spec["service"]["port"], spec["image"]["pullPolicy"]) == ("Stopped", 80, "Always")
    assert spec["extraEnvs"] == [{"name": "B", "value": "1"}]


def test_the_same_value_is_no_change_of_what_is_held(team: Team) -> None:
    on_the_server(team, ARGO)
    read = team.as_("Editor").get(team.path())["cluster"]
    team.as_("Editor").put(team.path(), {**read["config"], "podAnnotations": {"a": "1"}}, read["status"])
    assert spec_of(team)["podAnnotations"] == {"a": "1"}


def test_an_admin_takes_over_by_force_until_the_next_sync(team: Team) -> None:
    on_the_server(team, ARGO)
    body = {"cluster": {"config": {"image": {"tag": "0.9.80"}}}}
    error = refused(team.as_("Editor")("PUT", f"{team.path()}?force=true", body), 403)
    assert "force" in error["message"]
    assert spec_of(team)["image"]["tag"] == "0.9.79"
    admin = team.as_("Admin")
    assert refused(admin("PUT", f"{team.path()}?force=false", body), 409)
    good(admin("PUT", f"{team.path()}?force=true", body))
    assert spec_of(team)["image"]["tag"] == "0.9.80"
    team.as_("Editor").put(team.path(), {"image": {"tag": "0.9.81"}})
    on_the_server(team, ARGO)
    assert spec_of(team)["image"]["tag"] == "0.9.79"
    assert refused(admin("PUT", team.path(), body), 409)


def test_force_is_no_right_to_anything_else(team: Team) -> None:
    on_the_server(team, ARGO)
    for role in ("Viewer", "Editor"):
        for path in (team.path(), f"{team.path()}/restart"):
            method = "POST" if path.endswith("restart") else "PUT"
            body = None if method == "POST" else {"cluster": {"status": "Stopped"}}
            assert refused(team.as_(role)(method, f"{path}?force=true", body), 403)
    assert spec_of(team).get("restartedAt") is None


def test_a_restart_asks_for_force_only_if_its_time_is_held(team: Team) -> None:
    on_the_server(team, ARGO)
    good(team.as_("Editor")("POST", f"{team.path()}/restart"))
    on_the_server(team, ARGO, **SPEC, restartedAt="2026-07-01T08:00:00Z")
    assert "restartedAt" in refused(team.as_("Editor")("POST", f"{team.path()}/restart"), 409)["fields"]
    good(team.as_("Admin")("POST", f"{team.path()}/restart?force=true"))


@pytest.mark.parametrize("manager", [HELM, "kubectl", "kubectl-client-side-apply", "terraform"])
@pytest.mark.parametrize("options", [(), ("--server-side",)])
def test_people_with_helm_or_kubectl_hold_nothing(team: Team, manager: str, options: tuple[str, ...]) -> None:
    sync(team, manager, *options)
    team.as_("Admin").put(team.path(), {"image": {"tag": "0.9.80"}, "extraEnvs": []}, "Stopped")
    spec = spec_of(team)
    assert (spec["image"]["tag"], spec["status"], spec.get("extraEnvs", [])) == ("0.9.80", "Stopped", [])


def test_a_cluster_held_by_gitops_is_deleted_all_the_same(team: Team) -> None:
    """The controller makes it again, and everybody sees that."""
    on_the_server(team, ARGO)
    good(team.as_("Admin")("DELETE", team.path()))
    assert not team.space.get("mc", "demo")
