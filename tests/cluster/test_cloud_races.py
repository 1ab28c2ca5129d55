"""Many clients at once, as scripts are: each reads the whole cluster, changes its own part, and sends all back.

What was acknowledged is there at the end, and nothing is there that nobody sent.
"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.cloud_api import Client, CloudApi, Team, good
from tests.support.eventually import eventually
from tests.support.kube import Manifest, a_cluster
from typing_extensions import override

CLIENTS, ROUNDS = 8, 12
START: dict[str, Any] = {
    "extraEnvs": [{"name": "KEPT", "value": "kept"}],
    "podAnnotations": {"kept": "kept"},
    "image": {"tag": "0.9.79"},
}


@dataclass
class Script:
    """One client, which has a variable and an annotation of its own."""

    number: int
    clients: list[Client]
    """To different replicas: a request goes to any of them."""
    path: str
    acknowledged: dict[str, str | None] = field(default_factory=dict)
    """Name of a part → its newest value; `None` when it was removed."""
    refused: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.number)  # noqa: S311  no secret comes of it

    @property
    def names(self) -> tuple[str, str]:
        return f"VARIABLE_{self.number}", f"annotation-{self.number}"

    def any(self) -> Client:
        return self.random.choice(self.clients)

    def run(self) -> None:
        """As the published script does it."""
        variable, annotation = self.names
        for turn in range(ROUNDS):
            read = self.any().get(self.path)["cluster"]
            config, value = read["config"], f"{self.number}-{turn}"
            others = [env for env in config["extraEnvs"] if env["name"] != variable]
            changed: dict[str, str | None] = {}
            if self.random.random() < 0.25:
                if len(others) < len(config["extraEnvs"]):
                    changed[variable] = None
                config["extraEnvs"] = others
            else:
                config["extraEnvs"] = [*others, {"name": variable, "value": value}]
                changed[variable] = value
            if self.random.random() < 0.5:
                config["podAnnotations"] = {**config["podAnnotations"], annotation: value}
                changed[annotation] = value
            answer = self.any()("PUT", self.path, {"cluster": {"config": config, "status": read["status"]}})
            if answer.ok:
                self.acknowledged |= changed
            else:
                # Only what somebody else does to the same part can be refused, and nobody else touches ours; but a
                # replica may have told us a version from before our last change.
                assert answer.status_code == 409, answer.text
                fields = answer.json()["error"].get("fields", {})
                assert fields, answer.text
                assert all(any(name in told for name in self.names) for told in fields), answer.text
                self.refused += 1


def parts(spec: Manifest) -> dict[str, str]:
    """Variables and annotations by name."""
    return {env["name"]: env["value"] for env in spec["extraEnvs"]} | dict(spec["podAnnotations"])


def check(team: Team, scripts: list[Script]) -> None:
    spec = team.space.get("mc", "demo")["spec"]
    wanted = {"KEPT": "kept", "kept": "kept"}
    for script in scripts:
        assert script.acknowledged
        wanted |= {name: value for name, value in script.acknowledged.items() if value is not None}
    assert parts(spec) == wanted
    assert (spec["image"]["tag"], spec.get("status", "Active")) == ("0.9.79", "Active")
    names = [env["name"] for env in spec["extraEnvs"]]
    assert len(names) == len(set(names))


def at_once(scripts: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(scripts)) as pool:
        for done in [pool.submit(script) for script in scripts]:
            done.result()


@pytest.fixture(params=["one replica", "two replicas"])
def scripts(running: Team, second: CloudApi, request: pytest.FixtureRequest) -> Iterator[list[Script]]:
    running.space.apply(a_cluster(**START))
    running.seen()
    servers = [running.api, second] if request.param == "two replicas" else [running.api]
    there = second.client(running.token("Admin"))
    eventually(lambda: there("GET", running.path()).ok)
    yield [
        Script(number, [server.client(running.token("Admin")) for server in servers], running.path())
        for number in range(CLIENTS)
    ]
    assert not second.tracebacks()


def test_every_acknowledged_change_is_there(running: Team, scripts: list[Script]) -> None:
    at_once([script.run for script in scripts])
    if len(scripts[0].clients) == 1:
        assert sum(script.refused for script in scripts) == 0
    check(running, scripts)
    running.space.becomes("demo", "Active")


def test_who_starts_and_stops_disturbs_nobody_who_changes(running: Team, scripts: list[Script]) -> None:
    switch = Script(CLIENTS, scripts[0].clients, running.path())

    def toggle() -> None:
        for turn in range(ROUNDS):
            status = "Stopped" if turn % 2 == 0 else "Active"
            switch.any().put(running.path(), status=status)
            assert running.space.get("mc", "demo")["spec"]["status"] == status

    def restart() -> None:
        for _ in range(ROUNDS):
            answer = switch.any()("POST", f"{running.path()}/restart")
            assert answer.status_code in (200, 409), answer.text

    at_once([*(only_config(script) for script in scripts), toggle, restart])
    check(running, scripts)
    running.space.becomes("demo", "Active")


def only_config(script: Script) -> Callable[[], None]:
    """The script that changes variables sends no status."""
    clients = script.clients

    class Silent(Client):
        @override
        def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Any:
            if isinstance(body, dict):
                body = {"cluster": {"config": body["cluster"]["config"]}}
            return super().__call__(method, path, body, **headers)

    script.clients = [Silent(client.url, client.token) for client in clients]
    return script.run


def test_a_number_that_all_count_up_never_goes_back(running: Team, scripts: list[Script]) -> None:
    """Each adds one to what it read, and once more if somebody was faster."""

    def count(script: Script) -> Callable[[], None]:
        def run() -> None:
            for _ in range(4):
                while True:
                    config = script.any().get(running.path())["cluster"]["config"]
                    value = int(config["podAnnotations"].get("count", "0")) + 1
                    config["podAnnotations"]["count"] = str(value)
                    answer = script.any()("PUT", running.path(), {"cluster": {"config": config}})
                    if answer.ok:
                        assert int(good(answer)["cluster"]["config"]["podAnnotations"]["count"]) >= value
                        break
                    assert answer.status_code == 409, answer.text

        return run

    at_once([count(script) for script in scripts[:4]])
    # Two who read the same number want the same next one, and both have it; but nobody's wish is counted back.
    found = int(running.space.get("mc", "demo")["spec"]["podAnnotations"]["count"])
    assert 4 <= found <= 16


def test_who_stops_and_starts_through_different_replicas_gets_what_was_wished_last(
    running: Team, second: CloudApi
) -> None:
    running.space.apply(a_cluster())
    running.seen()
    clients = [api.client(running.token("Admin")) for api in (running.api, second)]
    eventually(lambda: clients[1]("GET", running.path()).ok)
    for turn in range(20):
        status = ("Stopped", "Active")[turn % 2]
        good(clients[turn % 2]("PUT", running.path(), {"cluster": {"status": status}}))
        assert running.space.get("mc", "demo")["spec"]["status"] == status
        good(clients[turn % 2]("PUT", running.path(), {"cluster": {"config": {"podAnnotations": {"n": str(turn)}}}}))
        again = clients[(turn + 1) % 2](
            "PUT", running.path(), {"cluster": {"config": {"podAnnotations": {"n": "same"}}}}
        )
        assert good(again)
        assert running.space.get("mc", "demo")["spec"]["podAnnotations"] == {"n": "same"}


def test_a_request_repeated_to_another_replica_does_nothing_more(running: Team, second: CloudApi) -> None:
    clients = [api.client(running.token("Admin")) for api in (running.api, second)]
    eventually(lambda: clients[1]("GET", f"/teams/{running.name}").ok)
    for number in range(6):
        name, key = f"c-{number}", f"k-{number}"
        body = {"cluster": {"name": name, "status": "Stopped"}}
        made = [good(client("POST", running.clusters, body, Idempotency_Key=key)) for client in clients]
        assert made[0]["cluster"]["uuid"] == made[1]["cluster"]["uuid"]
        clients[1].put(running.path(name), status="Active")
        restarts = [
            good(client("POST", f"{running.path(name)}/restart", Idempotency_Key=key))["cluster"] for client in clients
        ]
        assert restarts[0]["generation"] == restarts[1]["generation"]
        assert clients[0]("DELETE", running.path(name)).status_code == 204
        assert clients[1]("PUT", running.path(name), {"cluster": {"status": "Stopped"}}).status_code == 404
