"""The API server goes away, hangs and comes back; the server itself ends and comes back; two of them at once."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.cloud_api import ADMIN, CloudApi, Team, good, refused
from tests.support.cloud_more import Events, Wire, another
from tests.support.eventually import eventually
from tests.support.kube import a_cluster
from tests.support.proxy import Proxy, proxied

from devkit.cluster import Cluster
from magecluster.cloud.settings import Settings
from magecluster.kube.reflector import WATCH_SECONDS

STALE = WATCH_SECONDS + 5
"""Below that, a server at rest would take itself for cut off."""
GRACE = Settings().grace_seconds


class Wall:
    """A proxy in front of the API server, at work in a thread of its own."""

    def __init__(self, proxy: Proxy, loop: asyncio.AbstractEventLoop, kubeconfig: Path) -> None:
        self._proxy, self._loop, self.kubeconfig = proxy, loop, kubeconfig

    def cut(self) -> None:
        self._do(self._proxy.cut.__name__)

    def hang(self) -> None:
        self._do(self._proxy.hang.__name__)

    def mend(self) -> None:
        self._do(self._proxy.mend.__name__)

    def _do(self, what: str) -> None:
        async def act() -> None:
            getattr(self._proxy, what)()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(10)


@contextmanager
def wall(cluster: Cluster, folder: Path) -> Iterator[Wall]:
    made: list[Wall] = []
    ready = threading.Event()
    end: list[asyncio.Event] = []

    async def work() -> None:
        async with proxied(cluster, folder) as (proxy, kubeconfig):
            end.append(asyncio.Event())
            made.append(Wall(proxy, asyncio.get_running_loop(), kubeconfig))
            ready.set()
            await end[0].wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    assert ready.wait(10)
    try:
        yield made[0]
    finally:
        made[0]._loop.call_soon_threadsafe(end[0].set)  # noqa: SLF001  of this file
        thread.join()


@pytest.fixture
def walled(cluster: Cluster, team: Team, tmp_path: Path) -> Iterator[tuple[Wall, CloudApi]]:
    """A replica behind a wall that can be closed, with a cluster in its cache."""
    team.space.apply(a_cluster())
    with wall(cluster, tmp_path) as between:
        options = f"--stale-seconds={STALE}"
        with another(between.kubeconfig, tmp_path, team.api.namespace, options) as api:
            client = api.ready().client(team.token("Admin"))
            eventually(lambda: client("GET", team.path()).ok, what="the cluster in the cache")
            yield between, api
            between.mend()


@pytest.mark.parametrize("how", ["cut", "hang"])
def test_reads_last_until_the_cache_is_stale_and_come_back(walled: tuple[Wall, CloudApi], team: Team, how: str) -> None:
    between, api = walled
    client = api.client(team.token("Admin"))
    getattr(between, how)()
    assert client("GET", team.path()).ok, "what is known is not old yet"
    write = {"cluster": {"config": {"extraEnvs": [{"name": "A", "value": how}]}}}
    if how == "cut":
        answer = client("PUT", team.path(), write)
        assert refused(answer, 503)["type"] == "unavailable"
        assert int(answer.headers["Retry-After"]) > 0
    eventually(lambda: not client("GET", team.path()).ok, within=2 * STALE, what="reads are refused")
    for answer in (client("GET", team.path()), client("GET", team.clusters), client("PUT", team.path(), write)):
        assert "Kubernetes was heard of last" in refused(answer, 503)["message"]
        assert int(answer.headers["Retry-After"]) > 0
    assert api.get("/readyz").startswith("503 Kubernetes was heard of last")
    assert api.get("/healthz") == "ok\n", "a restart would not help"
    assert api.metric("magecluster_cloud_cache_age_seconds") > STALE
    assert team.space.get("mc", "demo")["spec"]["extraEnvs"] == []
    between.mend()
    eventually(lambda: client("GET", team.path()).ok, within=60, what="reads are served again")
    eventually(lambda: api.get("/readyz") == "ok\n", what="ready again")
    good(client("PUT", team.path(), write))


def test_streams_end_when_the_cache_is_stale(walled: tuple[Wall, CloudApi], team: Team) -> None:
    between, api = walled
    client = api.client(team.token("Viewer"))
    with Events(client, team.path()) as events:
        seen = events.next()
        assert seen
        between.hang()
        assert events.rest() == [], "it is not over, and nobody was shut out"
    assert refused(client("GET", f"{team.path()}/events"), 503)["type"] == "unavailable"
    assert api.metric("magecluster_cloud_event_streams") == 0
    between.mend()
    eventually(lambda: client("GET", team.path()).ok, within=60, what="reads are served again")
    team.as_("Admin").put(team.path(), {"extraEnvs": [{"name": "A", "value": "1"}]})
    with Events(client, team.path(), seen.id) as events:
        event = events.next()
        assert event
        assert event.data["generation"] > seen.data["generation"], "and it goes on where it was"


def test_a_write_that_hangs_ends(walled: tuple[Wall, CloudApi], team: Team) -> None:
    between, api = walled
    client = api.client(team.token("Admin"))
    between.hang()
    answer = client("PUT", team.path(), {"cluster": {"status": "Stopped"}})
    assert refused(answer, 503)["type"] == "unavailable"
    assert int(answer.headers["Retry-After"]) > 0


def test_two_replicas_see_what_the_other_writes(cluster: Cluster, team: Team, tmp_path: Path) -> None:
    with another(cluster.kubeconfig, tmp_path, team.api.namespace) as other:
        here, there = team.as_("Admin"), other.ready().client(team.token("Admin"))
        good(here("POST", team.clusters, {"cluster": {"name": "demo", "config": {}}}))
        eventually(lambda: there("GET", team.path()).ok, what="the cluster on the other replica")
        for number, (writer, reader) in enumerate([(here, there), (there, here)] * 2):
            envs = [{"name": "N", "value": str(number)}]
            writer.put(team.path(), {"extraEnvs": envs})
            eventually(lambda r=reader, e=envs: r.get(team.path())["cluster"]["config"]["extraEnvs"] == e)  # type: ignore[misc]
        fresh = team.api.logs_in("ed@example.com")
        assert other.client(fresh.token)("GET", team.path()).ok, "a session is known everywhere at once"
        good(other.client(fresh.token)("DELETE", "/sessions"))
        eventually(lambda: fresh("GET", team.path()).status_code == 401, what="the end of a session")


def test_both_replicas_write_at_once_and_nothing_is_lost(cluster: Cluster, team: Team, tmp_path: Path) -> None:
    team.space.apply(a_cluster(extraEnvs=[{"name": f"N{number}", "value": "0"} for number in range(8)]))
    with another(cluster.kubeconfig, tmp_path, team.api.namespace) as other:
        clients = [team.as_("Admin"), other.ready().client(team.token("Admin"))]
        for client in clients:
            eventually(lambda c=client: c("GET", team.path()).ok, what="the cluster in the cache")  # type: ignore[misc]
        read = clients[0].get(team.path())["cluster"]["config"]

        def write(number: int) -> None:
            envs = [dict(env) for env in read["extraEnvs"]]
            envs[number]["value"] = "1"
            api = [team.api, other][number % 2]
            api.client(team.token("Admin")).put(team.path(), {**read, "extraEnvs": envs})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
    assert [env["value"] for env in team.space.get("mc", "demo")["spec"]["extraEnvs"]] == ["1"] * 8


def test_sessions_survive_a_restart(cluster: Cluster, team: Team, tmp_path: Path) -> None:
    with another(cluster.kubeconfig, tmp_path, team.api.namespace) as api:
        token = api.ready().login("vi@example.com")
        for number in (15, 9):
            api.stop(number)
            api.start().ready()
            eventually(lambda: api.client(token)("GET", f"/teams/{team.name}").ok, what="the session")


def test_requests_under_way_end_well_when_the_server_ends(cluster: Cluster, team: Team, tmp_path: Path) -> None:
    with another(cluster.kubeconfig, tmp_path, team.api.namespace) as api:
        api.ready()
        client = api.client(team.token("Admin"))
        eventually(lambda: client("GET", f"/teams/{team.name}").ok, what="the team in the cache")
        body = b'{"cluster": {"name": "demo", "config": {"extraEnvs": [{"name": "A", "value": "1"}]}}}'
        with Wire(api.url()) as wire:
            wire.say(
                *(f"POST /api/v1{team.clusters} HTTP/1.1", f"Host: {wire.host}", "Content-Type: application/json"),
                *(f"Authorization: Bearer {team.token('Admin')}", f"Content-Length: {len(body)}"),
                "Expect: 100-continue",
            )
            assert b"100 Continue" in wire.socket.recv(65536)
            with ThreadPoolExecutor(1) as pool:
                ending = pool.submit(api.stop)
                eventually(lambda: any(line["event"] == "Stopping" for line in api.lines()), what="stopping")
                wire.socket.sendall(body)
                answer = wire.hear()
                assert ending.result(30) == 0
        assert answer.startswith(b"HTTP/1.1 201 ")
    assert team.space.get("mc", "demo")
    assert [line["outcome"] for line in api.audit()] == [201]
    assert any(reason == "Changed" for reason, _ in team.space.events("demo")), "what was begun in the background"


def test_who_waits_for_a_wish_hears_how_far_it_is_when_the_server_ends(
    cluster: Cluster, team: Team, tmp_path: Path
) -> None:
    with another(cluster.kubeconfig, tmp_path, team.api.namespace) as api:
        api.ready()
        client = api.client(team.token("Admin"))
        eventually(lambda: client("GET", f"/teams/{team.name}").ok, what="the team in the cache")
        never = {"cluster": {"name": "demo", "config": {"nodeSelector": {"pool": "none"}}}}
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: client("POST", team.clusters, never, Prefer="wait=80"))
            eventually(lambda: team.space.get("mc", "demo"), what="the cluster")
            began = time.monotonic()
            assert api.stop() == 0
            assert time.monotonic() - began < GRACE / 2, "it waited for the wish"
            answer = waiting.result(30)
        assert answer.status_code == 202, answer.text
        assert answer.json()["cluster"]["name"] == "demo"
    assert [(line["action"], line["outcome"]) for line in api.audit()] == [("createCluster", 202)]


def test_what_is_given_up_when_the_server_ends_is_audited(walled: tuple[Wall, CloudApi], team: Team) -> None:
    between, api = walled
    between.hang()
    body = b'{"cluster": {"status": "Stopped"}}'
    with Wire(api.url()) as wire:
        wire.say(
            *(f"PUT /api/v1{team.path()} HTTP/1.1", f"Host: {wire.host}", "Content-Type: application/json"),
            *(f"Authorization: Bearer {team.token('Admin')}", f"Content-Length: {len(body)}"),
            "Expect: 100-continue",
        )
        assert b"100 Continue" in wire.socket.recv(65536)
        wire.socket.sendall(body)
        assert api.stop() == 0  # in 20 s; the request to the API server may take 30
        assert wire.hear() == b""
    (line,) = api.audit()
    assert (line["action"], line["who"], line["cluster"]) == ("putCluster", ADMIN, "demo")
    assert (line["outcome"], line["error"]) == (499, "cancelled")
    assert line["changes"] == {"status": ["Active", "Stopped"]}


def test_the_server_ends_in_time_while_the_api_server_hangs(walled: tuple[Wall, CloudApi], team: Team) -> None:
    between, api = walled
    good(api.client(team.token("Admin"))("PUT", team.path(), {"cluster": {"status": "Stopped"}}))
    between.hang()
    assert api.stop() == 0  # in 20 s; a request to the API server may take 30
