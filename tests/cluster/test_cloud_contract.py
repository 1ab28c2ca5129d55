"""The published scripts, unmodified, against a real API server; what they do to a real Mage stands in tests/e2e."""

from pathlib import Path

import pytest
import yaml
from tests.support import contract
from tests.support.cloud_api import ADMIN, PASSWORD, Client, Team, good, refused
from tests.support.cloud_more import another
from tests.support.kube import a_cluster

from devkit.cluster import Cluster
from magecluster.cloud.settings import PUBLISHED_KEY as KEY

MASK = "********"


def account(team: Team) -> contract.Account:
    return contract.Account(team.url, ADMIN, PASSWORD)


def script(team: Team, what: str) -> str:
    return contract.run(account(team), team.name, "demo", what=what)


def test_the_published_key_is_the_one_that_is_accepted() -> None:
    assert f"API_KEY = {KEY!r}" in contract.blocks()["login"]


def test_stop_and_start(running: Team) -> None:
    running.space.apply(a_cluster())
    running.space.becomes("demo", "Active")
    assert script(running, "stop") == "Cluster has been stopped.\n"
    running.space.becomes("demo", "Stopped")
    spec = running.space.get("mc", "demo")["spec"]
    assert (spec["status"], spec["replicaCount"]) == ("Stopped", 1)
    generation = running.space.get("mc", "demo")["metadata"]["generation"]
    script(running, "stop")
    assert running.space.get("mc", "demo")["metadata"]["generation"] == generation
    assert script(running, "start") == "Cluster has been started.\n"
    running.space.becomes("demo", "Active")


def test_environment_variables_of_every_sort_survive(running: Team) -> None:
    running.space.kubectl("create", "secret", "generic", "vault", "--from-literal=key=secret")
    kept = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "vault", "key": "key", "optional": False}}}
    pod = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    running.space.apply(a_cluster(extraEnvs=[{"name": "PLAIN", "value": "1"}, kept, pod]))
    running.seen()
    assert script(running, "variables") == "Cluster environment variables updated successfully.\n"
    envs = running.space.get("mc", "demo")["spec"]["extraEnvs"]
    assert envs == [
        {"name": "PLAIN", "value": "1"},
        kept,
        pod,
        {"name": "AI_SIDEKICK", "value": "1"},
        {"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"},
        {"name": "ENABLE_SOME_FEATURE", "value": "true"},
    ]
    generation = running.space.get("mc", "demo")["metadata"]["generation"]
    script(running, "variables")
    assert running.space.get("mc", "demo")["metadata"]["generation"] == generation


@pytest.mark.parametrize("what", ["stop", "variables"])
def test_a_script_that_meets_gitops_fails_and_says_so(team: Team, what: str) -> None:
    held = a_cluster(status="Active", replicaCount=1, extraEnvs=[{"name": "AI_SIDEKICK", "value": "0"}])
    team.space.kubectl(
        *("apply", "--server-side", "--field-manager=argocd-controller", "--filename", "-"), given=yaml.safe_dump(held)
    )
    team.seen()
    done = contract.attempt(account(team), team.name, "demo", what=what)
    assert done.returncode != 0
    assert "409 Client Error" in done.stderr
    assert "Cluster" not in done.stdout, "it must not say that it succeeded"
    spec = team.space.get("mc", "demo")["spec"]
    assert (spec["status"], spec["replicaCount"]) == ("Active", 1)
    assert spec["extraEnvs"] == held["spec"]["extraEnvs"]


def test_keys_of_the_installation_replace_the_published_one(cluster: Cluster, team: Team, tmp_path: Path) -> None:
    options = ("--api-key=first-of-ours", "--api-key=second-of-ours")
    with another(cluster.kubeconfig, tmp_path, team.api.namespace, *options) as api:
        client = api.ready().client()
        body = {"session": {"email": ADMIN, "password": PASSWORD}}
        for key in ("first-of-ours", "second-of-ours"):
            assert good(client("POST", "/sessions", body, X_API_KEY=key))["session"]["token"]
        for given in ({"X_API_KEY": KEY}, {"X_API_KEY": "first"}, {}):
            assert "X-API-KEY" in refused(client("POST", "/sessions", body, **given), 401)["message"]


def test_a_login_that_fails_has_an_error_in_json(team: Team) -> None:
    answer = Client(team.url)("POST", "/sessions", {"session": {"email": ADMIN, "password": "wrong"}})
    assert (answer.status_code, bool(answer.json().get("error"))) == (401, True)


def test_a_dry_login_compares_the_password_and_opens_nothing(team: Team) -> None:
    client = Client(team.url)
    wrong = client("POST", "/sessions?dryRun=true", {"session": {"email": ADMIN, "password": "wrong"}}, X_API_KEY=KEY)
    assert wrong.status_code == 401
    before = len(team.as_("Admin").get("/sessions")["sessions"])
    body = {"session": {"email": ADMIN, "password": PASSWORD}}
    answer = good(client("POST", "/sessions?dryRun=true", body, X_API_KEY=KEY))
    assert answer["session"]["token"] is None
    assert answer["dry_run"] == {"changed": ["session"], "restarts": False}
    assert len(team.as_("Admin").get("/sessions")["sessions"]) == before


def test_two_clients_that_read_the_same_and_change_different_things_both_win(team: Team) -> None:
    team.space.apply(a_cluster(extraEnvs=[{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]))
    team.seen()
    client = team.as_("Admin")
    first, second = (client.get(team.path())["cluster"]["config"] for _ in range(2))
    first["extraEnvs"][0]["value"] = "2"
    second["extraEnvs"][1]["value"] = "2"
    second["replicaCount"] = 1
    client.put(team.path(), first)
    client.put(team.path(), second)
    envs = team.space.get("mc", "demo")["spec"]["extraEnvs"]
    assert envs == [{"name": "A", "value": "2"}, {"name": "B", "value": "2"}]


def test_the_same_thing_changed_by_both_is_a_conflict_that_names_it(team: Team) -> None:
    team.space.apply(a_cluster(extraEnvs=[{"name": "A", "value": "1"}]))
    team.seen()
    client = team.as_("Admin")
    first, second = (client.get(team.path())["cluster"]["config"] for _ in range(2))
    first["extraEnvs"][0]["value"] = "2"
    second["extraEnvs"][0]["value"] = "3"
    client.put(team.path(), first)
    answer = client("PUT", team.path(), {"cluster": {"config": second}})
    assert answer.status_code == 409
    assert answer.json()["error"]["fields"] == {
        "extraEnvs[A]": "was changed by somebody else since you read the cluster"
    }
    assert team.space.get("mc", "demo")["spec"]["extraEnvs"] == [{"name": "A", "value": "2"}]


def test_a_secret_value_is_kept_in_a_secret_and_never_shown(running: Team) -> None:
    client = running.as_("Admin")
    secret = {"name": "API_TOKEN", "value": "s3cret-text", "secret": True}
    made = good(client("POST", running.clusters, {"cluster": {"name": "demo", "config": {"extraEnvs": [secret]}}}))
    assert made["cluster"]["config"]["extraEnvs"][0]["value"] == MASK
    running.space.becomes("demo", "Active")
    (env,) = running.space.get("mc", "demo")["spec"]["extraEnvs"]
    place = env["valueFrom"]["secretKeyRef"]
    kept = running.space.get("secret", place["name"])
    assert place["key"] in kept["data"]
    assert kept["metadata"]["ownerReferences"][0]["uid"] == running.space.get("mc", "demo")["metadata"]["uid"]
    again = client.put(running.path(), {"extraEnvs": [secret]})
    assert again["generation"] == made["cluster"]["generation"], "the same text once more is no change"
    client.put(running.path(), {"extraEnvs": [{**secret, "value": "other-text"}]})
    (env,) = running.space.get("mc", "demo")["spec"]["extraEnvs"]
    assert env["valueFrom"]["secretKeyRef"]["key"] != place["key"]
    for told in (client("GET", running.path()).text, running.api.log.read_text(), running.api.get("/metrics")):
        assert "s3cret-text" not in told
        assert "other-text" not in told
    assert "s3cret-text" not in str(running.space.events("demo"))


def test_a_contradiction_says_which(team: Team) -> None:
    team.space.apply(a_cluster())
    team.seen()
    answer = team.as_("Editor")("PUT", team.path(), {"cluster": {"config": {"replicaCount": 0}, "status": "Active"}})
    assert answer.status_code == 422
    assert "replicaCount" in answer.json()["error"]["message"]


def test_unknown_keys_are_listed_with_the_nearest_known_name(team: Team) -> None:
    team.space.apply(a_cluster())
    team.seen()
    answer = team.as_("Editor")("PUT", team.path(), {"cluster": {"config": {"replicas": 1, "hostNetwork": True}}})
    fields = answer.json()["error"]["fields"]
    assert answer.status_code == 422
    assert "replicaCount" in fields["replicas"]
    assert "power over the node" in fields["hostNetwork"]
