"""`?dryRun=true`: says what would happen, as it then happens, and changes nothing."""

from typing import Any

import pytest
from tests.support.cloud_api import Team, good
from tests.support.eventually import eventually
from tests.support.kube import Manifest, a_cluster

PLAIN = {"name": "A", "value": "1"}
START: Manifest = {"extraEnvs": [PLAIN], "service": {"port": 6789}}

CHANGES: dict[str, tuple[Manifest, list[str], bool]] = {
    "an annotation of the pod": ({"config": {"podAnnotations": {"a": "1"}}}, ["podAnnotations.a"], True),
    "the port of the Service": ({"config": {"service": {"port": 80}}}, ["service.port"], False),
    "a variable": ({"config": {"extraEnvs": [PLAIN, {"name": "B", "value": "1"}]}}, ["extraEnvs[B]"], True),
    "a variable less": ({"config": {"extraEnvs": []}}, ["extraEnvs[A]"], True),
    "a secret variable": (
        {"config": {"extraEnvs": [PLAIN, {"name": "S", "value": "hidden-text", "secret": True}]}},
        ["extraEnvs[S]"],
        True,
    ),
    "an image": ({"config": {"image": {"tag": "0.9.78"}}}, ["image.tag"], True),
    "a restart": ({"config": {"restartedAt": "2026-07-01T08:00:00Z"}}, ["restartedAt"], True),
    "a larger volume": ({"config": {"storage": {"size": "30Gi"}}}, ["storage.size"], False),
    "a stop": ({"status": "Stopped"}, ["status"], False),
    "nothing": ({"status": "Active"}, [], False),
}


def template(team: Team) -> Manifest:
    found: Manifest = team.space.get("deployment", "demo")["spec"]["template"]
    return found


def written(team: Team) -> Any:
    """What a write would leave; the operator may report a status meanwhile."""
    cluster = team.space.all("mc", "--show-managed-fields")
    writers = [one for item in cluster for one in item["metadata"]["managedFields"] if "subresource" not in one]
    others = [
        one["metadata"]["resourceVersion"] for kind in ("secret", "service", "pvc") for one in team.space.all(kind)
    ]
    return [item["spec"] for item in cluster], writers, others


@pytest.fixture
def demo(running: Team) -> Team:
    """A cluster that runs."""
    good(
        running.as_("Admin")("POST", running.clusters, {"cluster": {"name": "demo", "config": START}}, Prefer="wait=60")
    )
    return running


@pytest.mark.parametrize("what", CHANGES)
def test_it_tells_what_then_happens(demo: Team, what: str) -> None:
    body, changed, restarts = CHANGES[what]
    client, before, old = demo.as_("Admin"), written(demo), template(demo)
    planned = good(client("PUT", f"{demo.path()}?dryRun=true", {"cluster": body}))
    assert planned["dry_run"] == {"changed": changed, "restarts": restarts}
    assert "hidden-text" not in str(planned)
    assert written(demo) == before
    done = good(client("PUT", demo.path(), {"cluster": body}))["cluster"]
    assert "dry_run" not in done
    for told in ("config", "status"):
        shown = [
            {**side[told], "revision": ""} if told == "config" else side[told] for side in (planned["cluster"], done)
        ]
        assert shown[0] == shown[1]
    eventually(lambda: demo.seen()["observed_generation"] == done["generation"])
    assert (template(demo) != old) is restarts


def test_a_start_restarts_nothing(demo: Team) -> None:
    client = demo.as_("Admin")
    client.put(demo.path(), status="Stopped", Prefer="wait=60")
    body = {"cluster": {"status": "Active", "config": {"podAnnotations": {"a": "1"}}}}
    found = good(client("PUT", f"{demo.path()}?dryRun=true", body))
    assert found["dry_run"] == {"changed": ["status", "podAnnotations.a"], "restarts": False}


def test_more_replicas_restart_nothing(running: Team) -> None:
    running.space.kubectl("create", "secret", "generic", "db", "--from-literal=url=postgresql://db/mage")
    running.space.apply(
        a_cluster(
            storage={"accessMode": "ReadWriteMany"},
            database={"secretKeyRef": {"name": "db"}},
            extraEnvs=[{"name": "REDIS_URL", "value": "redis://redis"}],
        )
    )
    running.space.becomes("demo", "Active")
    client, before = running.as_("Editor"), template(running)
    body = {"cluster": {"config": {"replicaCount": 2}}}
    found = good(client("PUT", f"{running.path()}?dryRun=true", body))
    assert found["dry_run"] == {"changed": ["replicaCount"], "restarts": False}
    good(client("PUT", running.path(), body))
    eventually(lambda: running.space.get("deployment", "demo")["spec"]["replicas"] == 2)
    assert template(running) == before


def test_nothing_is_made_deleted_or_restarted(demo: Team) -> None:
    client, before = demo.as_("Admin"), written(demo)
    secret = {"extraEnvs": [{"name": "S", "value": "hidden-text", "secret": True}]}
    made = good(client("POST", f"{demo.clusters}?dryRun=true", {"cluster": {"name": "new", "config": secret}}))
    assert (made["cluster"]["name"], made["dry_run"]["restarts"]) == ("new", False)
    assert "extraEnvs[S]" in made["dry_run"]["changed"]
    good(client("DELETE", f"{demo.path()}?dryRun=1"))
    restart = good(client("POST", f"{demo.path()}/restart?dryRun=true"))
    assert restart["dry_run"] == {"changed": ["restartedAt"], "restarts": True}
    assert written(demo) == before
    assert client("GET", demo.path("new")).status_code == 404


@pytest.mark.parametrize("text", ["yes", "2", "tru"])
def test_what_might_be_meant_is_not_guessed(demo: Team, text: str) -> None:
    assert demo.as_("Admin")("DELETE", f"{demo.path()}?dryRun={text}").status_code == 400
    assert demo.space.get("mc", "demo")


@pytest.mark.parametrize("query", ["dryRun", "dryRun=", "dryRun=yes", "force=", "force=null"])
@pytest.mark.parametrize("config", [{"podAnnotations": {"a": "1"}}, {}], ids=["a change", "no change"])
def test_a_flag_without_a_clear_value_is_refused(demo: Team, query: str, config: Manifest) -> None:
    before = written(demo)
    path = f"{demo.clusters}/demo?{query}"
    answer = demo.as_("Admin")("PUT", path, {"cluster": {"config": config}})
    assert answer.status_code == 400, answer.text
    assert "is to be true or false" in answer.text
    assert written(demo) == before
