"""Changes of a cluster: what they write, what they only tell, and what they leave to others."""

import threading
from functools import partial
from typing import Any

import pytest
from tests.support.cloud_api import Client, Team, good, refused
from tests.support.eventually import eventually
from tests.support.kube import Manifest, a_cluster

FIRST, SECOND = "2026-07-01T08:00:00Z", "2026-07-01T09:00:00Z"


@pytest.fixture
def client(team: Team) -> Client:
    """Of the Admin of a team with one cluster, made by kubectl; whether an operator runs does not matter."""
    team.space.apply(a_cluster(image={"tag": "0.9.79"}, podAnnotations={"a": "1", "b": "1"}))
    team.seen()
    return team.as_("Admin")


def live(team: Team) -> Manifest:
    return team.space.get("mc", "demo")


def generation(team: Team) -> int:
    return int(live(team)["metadata"]["generation"])


def patched(client: Client, team: Team, config: Any) -> Any:
    headers = {"Content_Type": "application/merge-patch+json"}
    return good(client("PATCH", team.path(), {"cluster": {"config": config}}, **headers))["cluster"]["config"]


def test_null_resets_and_what_is_absent_stays(client: Client, team: Team) -> None:
    default = a_cluster("other")
    team.space.apply(default)
    found = patched(client, team, {"podAnnotations": {"a": None, "c": "1"}})
    assert found["podAnnotations"] == {"b": "1", "c": "1"}
    assert found["image"]["tag"] == "0.9.79"
    found = patched(client, team, {"image": None, "podAnnotations": None})
    assert (found["image"], found["podAnnotations"]) == (team.space.get("mc", "other")["spec"]["image"], {})
    assert live(team)["spec"] == team.space.get("mc", "other")["spec"]


def test_what_is_wished_already_is_not_written(client: Client, team: Team) -> None:
    config = client.get(team.path())["cluster"]["config"]
    before = live(team)["metadata"]
    bodies: list[Manifest] = [
        {"config": config, "status": "Active"},
        {"config": {name: value for name, value in config.items() if name != "revision"}},
        {"config": {"replicaCount": 1}, "status": "Active"},
        {"config": {"podAnnotations": {"a": "1"}, "nodeSelector": None}},
        {"config": {}, "status": None},
        {"config": None},
        {},
        client.get(team.path())["cluster"],
    ]
    for body in bodies:
        for method in ("PUT", "PATCH"):
            good(client(method, team.path(), {"cluster": body}))
    after = live(team)["metadata"]
    assert after["generation"] == before["generation"]
    assert "magecluster-cloud-api" not in team.space.kubectl("get", "mc", "demo", "--show-managed-fields", "-o", "yaml")


def restart(client: Client, team: Team, body: object = None, **headers: str) -> int:
    """Returns the generation."""
    good(client("POST", f"{team.path()}/restart", body, **headers))
    return generation(team)


def test_a_restart_at_a_time_of_the_clients_choice_happens_once(client: Client, team: Team) -> None:
    before = generation(team)
    first = [restart(client, team, {"restartedAt": FIRST}) for _ in range(2)]
    second = [restart(client, team, {"restartedAt": SECOND}) for _ in range(2)]
    assert [*first, *second] == [before + 1, before + 1, before + 2, before + 2]
    assert live(team)["spec"]["restartedAt"] == SECOND


def test_a_restart_with_a_key_happens_once(client: Client, team: Team) -> None:
    before = generation(team)
    assert [restart(client, team, Idempotency_Key=key) - before for key in "aabb"] == [1, 1, 2, 2]
    assert restart(client, team) - before == 3, "without a key, each is another one"


def test_a_restart_with_a_revision_happens_once(client: Client, team: Team) -> None:
    read, before = client.get(team.path())["cluster"]["config"], generation(team)
    for _ in range(2):
        client.put(team.path(), read, "Restarting")
    assert generation(team) == before + 1
    client.put(team.path(), {}, "Restarting")
    assert live(team)["spec"]["restartedAt"]


@pytest.mark.parametrize("when", ["yesterday", "2026-07-01", "2026-13-01T00:00:00Z", "", 1, None])
def test_a_time_that_is_none_is_refused(client: Client, team: Team, when: Any) -> None:
    assert refused(client("POST", f"{team.path()}/restart", {"restartedAt": when}), 422)["fields"]


def test_what_is_stopped_cannot_restart(client: Client, team: Team) -> None:
    client.put(team.path(), status="Stopped")
    before = generation(team)
    answers = [
        client("POST", f"{team.path()}/restart"),
        client("POST", f"{team.path()}/restart", {"restartedAt": FIRST}),
        client("POST", f"{team.path()}/restart", Idempotency_Key="k"),
        client("PUT", team.path(), {"cluster": {"status": "Restarting"}}),
    ]
    for answer in answers:
        assert "send status Active" in refused(answer, 409)["message"]
    assert generation(team) == before


def test_a_version_is_told_from_older_ones(client: Client, team: Team) -> None:
    first = client("GET", team.path()).headers["ETag"]
    changed = client("PUT", team.path(), {"cluster": {"status": "Stopped"}}, If_Match=first)
    assert good(changed)["cluster"]["status"] == "Stopped"
    for method, path in (("PUT", ""), ("PATCH", ""), ("POST", "/restart")):
        body = None if path else {"cluster": {"status": "Active"}}
        if not path:
            assert refused(client(method, team.path() + path, body, If_Match=first), 412)
    assert refused(client("PUT", team.path(), {"cluster": {}}, If_Match='"nonsense"'), 412)
    now = changed.headers["ETag"]
    for tag in ("*", now, f"W/{now}", f"{first}, {now}"):
        good(client("PUT", f"{team.path()}?dryRun=true", {"cluster": {"status": "Active"}}, If_Match=tag))


def test_an_answer_that_is_known_is_not_sent_again(client: Client, team: Team) -> None:
    viewer = team.as_("Viewer")

    def known(how: str) -> bool:
        tag = viewer("GET", team.path()).headers["ETag"]
        answer = client("GET", team.path(), If_None_Match=how.format(tag))
        assert answer.status_code == 200 or answer.content == b""
        return answer.status_code == 304

    for how in ("{}", "W/{}", '"other", {}', "*"):
        # An operator that runs for other tests may report a status meanwhile.
        eventually(partial(known, how), within=10, what=how)
    assert client("GET", team.path(), If_None_Match='"other"').status_code == 200


def test_a_new_state_is_a_new_answer_and_no_new_config(running: Team) -> None:
    client = running.as_("Admin")
    made = client("POST", running.clusters, {"cluster": {"name": "demo"}})
    first = made.headers["ETag"]
    running.has("demo", lambda cluster: cluster["state"] == "Active")
    now = client("GET", running.path(), If_None_Match=first)
    assert (now.status_code, now.json()["cluster"]["generation"]) == (200, made.json()["cluster"]["generation"])
    assert now.headers["ETag"] != first
    good(client("PUT", running.path(), {"cluster": {"status": "Stopped"}}, If_Match=first))


def test_a_rule_of_kubernetes_arrives_without_the_value(client: Client, team: Team) -> None:
    team.space.spec("demo", storage={"size": "20Gi"})
    refusals = {
        "storage.size": {"storage": {"size": "13Gi"}},
        "storage": {"storage": {"storageClassName": "fast-disks"}},
        "replicaCount": {"replicaCount": 3},
        "ingress": {"ingress": {"enabled": True}},
    }
    for query in ("", "?dryRun=true"):
        for field, config in refusals.items():
            error = refused(client("PUT", team.path() + query, {"cluster": {"config": config}}), 422)
            assert list(error["fields"]) == [field]
            assert not any(value in str(error) for value in ("13Gi", "fast-disks", "20Gi"))
    told = refused(client("PUT", team.path(), {"cluster": {"config": refusals["storage.size"]}}), 422)
    assert "cannot be made smaller" in told["message"]


def test_a_cluster_made_by_kubectl_is_changed_like_any_other(client: Client, team: Team) -> None:
    client.put(team.path(), {"image": {"tag": "0.9.80"}, "replicaCount": 1}, "Stopped")
    spec = live(team)["spec"]
    assert (spec["image"]["tag"], spec["status"]) == ("0.9.80", "Stopped")


def test_a_later_kubectl_apply_sets_back_what_it_names_and_leaves_the_rest(client: Client, team: Team) -> None:
    client.put(team.path(), {"image": {"tag": "0.9.80"}, "nodeSelector": {"pool": "a"}}, "Stopped")
    client.put(team.path(), {"podAnnotations": {"c": "1"}, "extraEnvs": [{"name": "A", "value": "1"}]})
    team.space.apply(a_cluster(image={"tag": "0.9.79"}, podAnnotations={"a": "1", "b": "1"}))
    spec = live(team)["spec"]
    assert (spec["image"]["tag"], spec["podAnnotations"]) == ("0.9.79", {"a": "1", "b": "1", "c": "1"})
    assert (spec["status"], spec["nodeSelector"]) == ("Stopped", {"pool": "a"})
    assert spec["extraEnvs"] == [{"name": "A", "value": "1"}]


def test_who_writes_beside_the_client_never_disturbs_it(client: Client, team: Team) -> None:
    done = threading.Event()

    def report() -> None:
        count = 0
        while not done.is_set():
            state = {"status": {"state": "Starting", "observedGeneration": count}}
            team.space.patch("mc", "demo", state, "--subresource=status")
            count += 1

    def label() -> None:
        count = 0
        while not done.is_set():
            team.space.patch("mc", "demo", {"metadata": {"labels": {"count": str(count)}}})
            count += 1

    threads = [threading.Thread(target=target) for target in (report, label)]
    for thread in threads:
        thread.start()
    try:
        for number in range(60):
            client.put(team.path(), {"podAnnotations": {"n": str(number)}})
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert live(team)["spec"]["podAnnotations"] == {"a": "1", "b": "1", "n": "59"}
