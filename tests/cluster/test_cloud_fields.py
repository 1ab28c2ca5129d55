"""Who may change which field of a cluster, and who sees which value."""

from typing import Any

import pytest
from tests.support.cloud_api import ROLES, Client, Team, good, refused
from tests.support.cloud_people import SCOPES, token
from tests.support.kube import Manifest, a_cluster

ENVS: list[Manifest] = [
    {"name": "PLAIN", "value": "shown"},
    {"name": "API_TOKEN", "value": "by-its-name"},
    {"name": "SOURCE", "value": "postgresql://user:by-its-form@db/mage"},
    {"name": "VAULT", "valueFrom": {"secretKeyRef": {"name": "vault", "key": "key", "optional": False}}},
]
MASK = "********"


@pytest.fixture
def furnished(team: Team) -> Team:
    """A cluster with variables of every sort."""
    team.space.kubectl("create", "secret", "generic", "vault", "--from-literal=key=stored-text")
    team.space.apply(a_cluster(extraEnvs=ENVS))
    team.seen()
    return team


def test_an_editor_changes_config_and_power_and_no_variables(furnished: Team) -> None:
    editor = furnished.as_("Editor")
    assert editor.put(furnished.path(), {"replicaCount": 1, "podAnnotations": {"a": "1"}}, "Stopped")
    read = editor.get(furnished.path())["cluster"]["config"]
    read["extraEnvs"][0]["value"] = "other"
    changed: list[Manifest] = [read, {"extraEnvs": []}, {"extraEnvs": [*ENVS, {"name": "NEW", "value": "1"}]}]
    for config in changed:
        error = refused(editor("PUT", furnished.path(), {"cluster": {"config": config}}), 403)
        assert "clusters:environment" in error["message"]
    assert furnished.space.get("mc", "demo")["spec"]["extraEnvs"] == ENVS


@pytest.mark.parametrize("wish", [{"enabled": True}, {"enabled": False}])
def test_an_editor_does_not_give_mage_the_right_to_run_jobs(furnished: Team, wish: Manifest) -> None:
    body = {"cluster": {"config": {"kubernetesExecutor": wish, "podAnnotations": {"a": "1"}}}}
    for query in ("", "?dryRun=true"):
        answer = furnished.as_("Editor")("PUT", furnished.path() + query, body)
        assert "clusters:environment" in refused(answer, 403)["message"]
    assert furnished.space.get("mc", "demo")["spec"]["kubernetesExecutor"] == {}
    good(furnished.as_("Admin")("PUT", furnished.path(), body))
    assert furnished.space.get("mc", "demo")["spec"]["kubernetesExecutor"] == wish


def test_whoever_makes_clusters_by_a_token_needs_the_right_for_jobs_too(furnished: Team) -> None:
    body = {"cluster": {"name": "jobs", "config": {"kubernetesExecutor": {"enabled": True}}}}
    for more, status in ((), 403), (("clusters:environment",), 201):
        made = token(furnished.as_("Admin"), furnished.name, "clusters:create", *more)["token"]
        assert furnished.api.client(made)("POST", furnished.clusters, body).status_code == status


def test_an_editor_who_sends_back_variables_as_he_read_them_changes_the_rest(furnished: Team) -> None:
    editor = furnished.as_("Editor")
    read = editor.get(furnished.path())["cluster"]["config"]
    read["podAnnotations"] = {"a": "1"}
    editor.put(furnished.path(), read)
    spec = furnished.space.get("mc", "demo")["spec"]
    assert (spec["extraEnvs"], spec["podAnnotations"]) == (ENVS, {"a": "1"})


@pytest.mark.parametrize(
    ("scope", "body", "also"),
    [
        ("clusters:power", {"status": "Stopped"}, set()),
        ("clusters:power", {"status": "Restarting"}, set()),
        ("clusters:power", {"config": {"replicaCount": 0}}, set()),
        ("clusters:change", {"config": {"podAnnotations": {"a": "1"}}}, set()),
        ("clusters:environment", {"config": {"extraEnvs": []}}, set()),
        ("clusters:power", {"status": "Stopped", "config": {"podAnnotations": {"a": "1"}}}, {"clusters:change"}),
        ("clusters:change", {"config": {"podAnnotations": {"a": "1"}, "extraEnvs": []}}, {"clusters:environment"}),
    ],
)
def test_each_field_needs_its_own_scope(furnished: Team, scope: str, body: Any, also: set[str]) -> None:
    needed = {scope, *also}
    for given in (needed, *(SCOPES - {one} for one in needed)):
        client = furnished.api.client(token(furnished.as_("Admin"), furnished.name, *given)["token"])
        answer = client("PUT", f"{furnished.path()}?dryRun=true", {"cluster": body})
        if needed <= given:
            good(answer)
        else:
            (missing,) = needed - given
            assert missing in refused(answer, 403)["message"]


def values(client: Client, path: str) -> list[list[str]]:
    """Of all variables, in the answers of every route that shows them."""
    one, every = client.get(path)["cluster"], client.get(path.rpartition("/")[0])["clusters"][0]
    return [[env["value"] for env in found["config"]["extraEnvs"]] for found in (one, every)]


def test_values_that_look_secret_are_shown_to_editors_and_admins_alone(furnished: Team) -> None:
    viewer = [["shown", MASK, MASK, MASK]] * 2
    shown = [[*(env["value"] for env in ENVS[:3]), MASK]] * 2
    wanted = {"Viewer": viewer, "Editor": shown, "Admin": shown}
    assert {role: values(furnished.as_(role), furnished.path()) for role in ROLES} == wanted
    for scopes, seen in ((["clusters:read"], viewer), (["clusters:read", "clusters:reveal"], shown)):
        made = token(furnished.as_("Admin"), furnished.name, *scopes)["token"]
        assert values(furnished.api.client(made), furnished.path()) == seen


def test_an_answer_to_a_change_shows_no_more_than_reading_does(furnished: Team) -> None:
    scopes = ["clusters:power", "clusters:change", "clusters:read", "clusters:create", "clusters:delete"]
    client = furnished.api.client(token(furnished.as_("Admin"), furnished.name, *scopes)["token"])
    told = [
        client("PUT", furnished.path(), {"cluster": {"status": "Stopped"}}).text,
        client("PUT", f"{furnished.path()}?dryRun=true", {"cluster": {"status": "Active"}}).text,
        client("DELETE", f"{furnished.path()}?dryRun=true").text,
    ]
    for text in told:
        assert "PLAIN" in text
        assert "by-its" not in text


def test_what_stands_in_a_secret_is_shown_to_nobody(furnished: Team) -> None:
    client = furnished.as_("Admin")
    client.put(furnished.path(), {"extraEnvs": [*ENVS, {"name": "HIDDEN", "value": "kept-text", "secret": True}]})
    for who in (*map(furnished.as_, ROLES), furnished.api.client(furnished.admin)):
        for path in (furnished.path(), furnished.clusters):
            text = who("GET", path).text
            assert "VAULT" in text
            assert "stored-text" not in text
            assert "kept-text" not in text
