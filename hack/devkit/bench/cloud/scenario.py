"""What is measured for the Cloud API."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import orjson

from devkit import progress, shell
from devkit.bench import apiserver, client, machine
from devkit.bench.client import each
from devkit.bench.cloud import server
from devkit.bench.cloud.load import Load, load
from devkit.bench.cloud.server import CloudApi
from devkit.bench.latency import quantile
from devkit.bench.setting import kubernetes
from devkit.cluster import Cluster
from magecluster.api.model import Manifest
from magecluster.cloud.settings import PUBLISHED_KEY
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import MAGE_CLUSTERS

TEAM = "bench"
IMPORTS = "import magecluster.cloud.main, pathlib; print(pathlib.Path('/proc/self/status').read_text())"
TURNS = 3
"""How often each of those that are compared has its turn."""
LOGINS = 4
"""Clients that log in without a pause, each after the answer to the one before."""

Figures = dict[str, float]


def measure(clusters: int, seconds: float, rounds: int) -> Figures:
    """All figures. Raises `Failed`."""
    with kubernetes() as cluster, tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(cluster, Path(folder), clusters, seconds, rounds))


async def _measure(cluster: Cluster, folder: Path, clusters: int, seconds: float, rounds: int) -> Figures:
    figures: Figures = {"memory.imports": machine.memory_of_imports(IMPORTS)}
    async with Connection(cluster.kubeconfig, None) as connection:
        log = folder / "cloud-api.log"
        with progress.step("Cloud API without clusters"):
            async with server.cloud_api(connection, cluster.kubeconfig, log, TEAM) as api:
                figures["memory.empty"] = api.memory()[0]
        with progress.step(f"Making {clusters} MageClusters"):
            created = await _create(connection, clusters)
        async with server.cloud_api(connection, cluster.kubeconfig, log, TEAM) as api:
            figures["start.seconds"] = api.started_seconds
            figures["memory.clusters"], figures["memory.clusters_highest"] = api.memory()
            body = folder / "body"
            body.write_bytes(await _body(api, created[0]))
            figures["body.bytes"] = float(body.stat().st_size)
            with progress.step("GET beside the bare handler and beside the API server"):
                figures |= await _reads(connection, api, body, created[0], seconds)
            with progress.step("PUT beside a bare PATCH"):
                figures |= await _writes(connection, api, created, rounds)
            with progress.step("Reading every cluster"):
                await _read_all(api)
            figures["memory.read"] = api.memory()[0]
    return figures


async def _create(connection: Connection, count: int) -> list[Manifest]:
    created: list[Manifest] = []

    async def one(manifest: Manifest) -> None:
        manifest["metadata"]["namespace"] = TEAM
        created.append(await connection.create(MAGE_CLUSTERS.path(TEAM), manifest))

    await each(one, client.manifests(TEAM, count), 16)
    return created


async def _reads(connection: Connection, api: CloudApi, body: Path, cluster: Manifest, seconds: float) -> Figures:
    path = f"/api/v1/teams/{TEAM}/clusters/{cluster['metadata']['name']}"
    async with server.bare(body) as bare:
        ways: dict[str, Callable[[], Awaitable[Load]]] = {
            "bare": lambda: load(bare.url + path, bare.pid, seconds),
            "ours": lambda: load(api.url + path, api.pid, seconds, api.headers),
        }
        found = await _in_turn(ways)
    async with apiserver.session(connection) as session:
        found |= await _in_turn({"apiserver": lambda: _apiserver(connection, session, cluster, seconds)})
        calm: list[Load] = []
        busy: list[Load] = []
        logins = 0.0
        for _ in range(TURNS):
            calm.append(await load(api.url + path, api.pid, seconds, api.headers))
            async with aiohttp.ClientSession(headers={"X-API-KEY": PUBLISHED_KEY}) as people:
                tasks = [asyncio.create_task(_log_in(people, api)) for _ in range(LOGINS)]
                busy.append(await load(api.url + path, api.pid, seconds, api.headers))
                for task in tasks:
                    task.cancel()
                logins += sum(count for count in await asyncio.gather(*tasks) if count)
    figures = {f"{name}.{what}": value for name, loads in found.items() for what, value in _middle(loads).items()}
    figures |= {f"calm.{what}": value for what, value in _middle(calm).items()}
    figures |= {f"logins.{what}": value for what, value in _middle(busy).items()}
    figures["logins.per_second"] = logins / sum(load.seconds for load in busy)
    return figures


async def _in_turn(ways: dict[str, Callable[[], Awaitable[Load]]]) -> dict[str, list[Load]]:
    """A B A B …, so that a machine that becomes slower is so for all."""
    found: dict[str, list[Load]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            found[name].append(await way())
    return found


def _middle(loads: list[Load]) -> Figures:
    """The medians."""

    def median(values: list[float]) -> float:
        return sorted(values)[len(values) // 2]

    return {
        "per_core": median([load.per_core for load in loads]),
        "per_second": median([load.requests / load.seconds for load in loads]),
        "p50_ms": median([load.p50_ms for load in loads]),
        "p99_ms": median([load.p99_ms for load in loads]),
    }


async def _apiserver(connection: Connection, session: aiohttp.ClientSession, cluster: Manifest, seconds: float) -> Load:
    """The API server's own GET; it tells its processor time itself."""
    metadata = cluster["metadata"]
    path = MAGE_CLUSTERS.path(metadata["namespace"], metadata["name"])
    api = apiserver.ApiServer(session)
    _, before = await api.counted()
    found = await load(
        connection.configuration.host + path, 1, seconds, {"Accept": "application/json"}, apiserver.tls(connection)
    )
    _, after = await api.counted()
    return Load(found.requests, found.seconds, after - before, found.p50_ms, found.p99_ms)


async def _log_in(people: aiohttp.ClientSession, api: CloudApi) -> int:
    """Log in again and again until cancelled; how often it succeeded."""
    body = {"session": {"email": server.EMAIL, "password": api.password}}
    count = 0
    try:
        while True:
            async with people.post(f"{api.url}/api/v1/sessions", json=body) as answer:
                count += answer.ok
                if not answer.ok:
                    await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
    except asyncio.CancelledError:
        return count


async def _writes(connection: Connection, api: CloudApi, created: list[Manifest], rounds: int) -> Figures:
    """One change after the other, in turn by the Cloud API and by a bare PATCH of another cluster."""
    ours, theirs = (manifest["metadata"]["name"] for manifest in created[:2])
    samples: dict[str, list[float]] = {"put": [], "patch": []}
    async with aiohttp.ClientSession(headers={**api.headers, "Content-Type": "application/json"}) as session:
        url = f"{api.url}/api/v1/teams/{TEAM}/clusters/{ours}"
        for number in range(rounds):
            annotations = {"bench": str(number)}
            config = orjson.loads(await _get(session, url))["cluster"]["config"]
            body = orjson.dumps({"cluster": {"config": {**config, "podAnnotations": annotations}}})
            began = time.perf_counter()
            async with session.put(url, data=body) as answer:
                if not answer.ok:
                    raise shell.Failed(f"PUT: {await answer.text()}")
                await answer.read()
            samples["put"].append(time.perf_counter() - began)
            began = time.perf_counter()
            await connection.merge(MAGE_CLUSTERS.path(TEAM, theirs), {"spec": {"podAnnotations": annotations}})
            samples["patch"].append(time.perf_counter() - began)
    parts = {"p50_ms": 0.5, "p99_ms": 0.99}
    return {f"{name}.{part}": quantile(found, q) for name, found in samples.items() for part, q in parts.items()}


async def _read_all(api: CloudApi) -> None:
    async with aiohttp.ClientSession(headers=api.headers) as session:
        cursor = ""
        while True:
            url = f"{api.url}/api/v1/teams/{TEAM}/clusters?limit=200&cursor={cursor}"
            page = orjson.loads(await _get(session, url))
            for cluster in page["clusters"]:
                await _get(session, f"{api.url}/api/v1/teams/{TEAM}/clusters/{cluster['id']}")
            if not (cursor := page["metadata"].get("next_cursor", "")):
                return


async def _body(api: CloudApi, cluster: Manifest) -> bytes:
    async with aiohttp.ClientSession(headers=api.headers) as session:
        return await _get(session, f"{api.url}/api/v1/teams/{TEAM}/clusters/{cluster['metadata']['name']}")


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as answer:
        if not answer.ok:
            raise shell.Failed(f"GET {url}: {answer.status} {await answer.text()}")
        return await answer.read()
