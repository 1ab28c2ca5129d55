"""What is measured for the operator, each part on a Kubernetes of its own so that none inherits another's objects."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit import progress, shell
from devkit.bench import client, latency, machine
from devkit.bench.apiserver import ApiServer, Requests, Watch, session, writes
from devkit.bench.client import Client, each
from devkit.bench.process import Operator
from devkit.cluster import Cluster, up
from magecluster.api.labels import MANAGED
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection, list_all
from magecluster.kube.kinds import (
    DEPLOYMENTS,
    MAGE_CLUSTERS,
    NETWORK_POLICIES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    VOLUMES,
    Kind,
)

CHILDREN = (SECRETS, VOLUMES, SERVICE_ACCOUNTS, NETWORK_POLICIES, DEPLOYMENTS, SERVICES)
WORKERS = 16
"""Clusters that the operator reconciles at the same time."""
WARM_UP = 20
"""Clusters written and removed first, so that nobody pays for the first use of the API server's code."""
QUIET_SECONDS = 3.0
CRDS = machine.ROOT / "crds"

Figures = dict[str, float | dict[str, int]]


@dataclass(frozen=True)
class Size:
    """How much is measured: clusters, repeats of each latency, seconds in which writes are counted."""

    clusters: int
    rounds: int
    window: float


@dataclass(frozen=True)
class Setting:
    """What a scenario works with."""

    size: Size
    connection: Connection
    client: Client
    api: ApiServer
    watch: Watch
    operator: Operator


def measure(size: Size) -> Figures:
    """All figures. Raises `Failed`."""
    figures: Figures = {"memory.imports": machine.memory_of_imports()}
    scenarios = {
        "Bare client, first time": floor,
        f"Operator starts where {size.clusters} clusters wait, then all the rest with them": waiting,
        f"Operator without clusters, then {size.clusters} at once": arriving,
        "Bare client again, which tells how steady the machine was": floor,
    }
    for number, (title, scenario) in enumerate(scenarios.items()):
        with kubernetes() as cluster, progress.step(title):
            found = asyncio.run(_in_setting(size, cluster, scenario))
        figures |= {f"{key}.{number}" if scenario is floor else key: value for key, value in found.items()}
    return figures


@contextmanager
def kubernetes() -> Iterator[Cluster]:
    """An API server with the CRD, and nothing that works beside the operator."""
    cluster = up(f"bench-{os.getpid()}", "none")
    try:
        # Their pods, endpoints and statuses would be load that is neither the operator's nor the floor's.
        for component in ("controller-manager", "scheduler"):
            cluster.stop(component)
        cluster.kubectl("apply", "--server-side", "--filename", str(CRDS))
        cluster.kubectl("wait", "--for=condition=Established", "--filename", str(CRDS))
        yield cluster
    finally:
        cluster.down()


async def _in_setting(size: Size, cluster: Cluster, scenario: Callable[[Setting], Awaitable[Figures]]) -> Figures:
    async with _setting(size, cluster) as setting:
        return await scenario(setting)


@asynccontextmanager
async def _setting(size: Size, cluster: Cluster) -> AsyncIterator[Setting]:
    with tempfile.TemporaryDirectory() as folder:
        operator = Operator(cluster.kubeconfig, Path(folder) / "operator.log")
        async with Connection(cluster.kubeconfig, None) as connection, session(connection) as http:
            api, writer = ApiServer(http), Client(connection)
            await _warm_up(writer)
            try:
                yield Setting(size, connection, writer, api, Watch(api, *CHILDREN, MAGE_CLUSTERS), operator)
            finally:
                await operator.stop()


async def _warm_up(writer: Client) -> None:
    created, _ = await writer.create_all(client.manifests("warm", WARM_UP))
    await each(writer.write, [client.floor(cluster) for cluster in created], WORKERS)
    await writer.remove_all("warm-0", (MAGE_CLUSTERS, *CHILDREN))


async def floor(setting: Setting) -> Figures:
    """The same writes by the bare client: one cluster after the other, 16 and 32 at a time."""
    figures: Figures = {}
    for at_once in (WORKERS, 2 * WORKERS):
        wanted = client.manifests(f"floor{at_once}", setting.size.clusters)
        created, seconds = await setting.client.create_all(wanted)
        given = [client.floor(cluster) for cluster in created]
        _, busy = await setting.api.counted()
        figures |= {
            f"floor{at_once}.create_seconds": seconds,
            f"floor{at_once}.seconds": await each(setting.client.write, given, at_once),
        }
        figures[f"floor{at_once}.apiserver_cpu_seconds"] = (await setting.api.counted())[1] - busy
    return figures


async def waiting(setting: Setting) -> Figures:
    """N clusters exist, then the operator starts; with it at rest among them, everything else."""
    wanted = client.manifests("waiting", setting.size.clusters)
    created, seconds = await setting.client.create_all(wanted)
    figures: Figures = {"create.seconds": seconds}
    async with setting.watch as watch:
        expected = len(watch.first) + len(CHILDREN) * len(wanted)
        before, busy = await setting.api.counted()
        await setting.operator.start()
        leading, _ = await setting.operator.said("Leading")
        await watch.until("all children", lambda: len(watch.first) >= expected)
        last = _last_child(watch, wanted)
        quiet = await _quiet(setting)
        after, busy_after = await setting.api.counted()
        figures |= {
            "waiting.from_start_seconds": last - setting.operator.started,
            "waiting.from_leading_seconds": last - leading,
            "waiting.until_quiet_seconds": quiet - leading,
            "waiting.operator_cpu_seconds": setting.operator.processor_seconds(),
            "waiting.apiserver_cpu_seconds": busy_after - busy,
            "waiting.requests": _by_resource(after - before),
            "waiting.writes": writes(after - before),
            "waiting.complaints": setting.operator.complaints(),
        }
        await _all_there(setting, created)
        await each(setting.client.pretend_ready, [watch.newest[DEPLOYMENTS, *_key(c)] for c in wanted], WORKERS)
        await _quiet(setting)
        figures["memory.clusters"], figures["memory.clusters_highest"] = setting.operator.memory()
        figures |= await latency.measure("full", setting.client, watch, setting.size.rounds, CHILDREN)
    return figures | await _writes_without_cause(setting)


async def arriving(setting: Setting) -> Figures:
    """The operator runs without clusters: its memory and latency; then N are created as fast as they can be."""
    await setting.operator.start()
    await setting.operator.ready()
    await setting.operator.said("Leading")
    async with setting.watch as watch:
        await asyncio.sleep(QUIET_SECONDS)
        figures: Figures = {"memory.empty": setting.operator.memory()[0]}
        figures |= await latency.measure("empty", setting.client, watch, setting.size.rounds, CHILDREN)
        await _quiet(setting)
        wanted = client.manifests("arriving", setting.size.clusters)
        expected = len(watch.first) + (1 + len(CHILDREN)) * len(wanted)
        before, busy = await setting.api.counted()
        busy_operator = setting.operator.processor_seconds()
        created, seconds = await setting.client.create_all(wanted)
        await watch.until("all children", lambda: len(watch.first) >= expected)
        began = min(watch.first[MAGE_CLUSTERS, *_key(cluster)] for cluster in wanted)
        quiet = await _quiet(setting)
        after, busy_after = await setting.api.counted()
        await _all_there(setting, created)
        return figures | {
            "arriving.create_seconds": seconds,
            "arriving.seconds": _last_child(watch, wanted) - began,
            "arriving.until_quiet_seconds": quiet - began,
            "arriving.operator_cpu_seconds": setting.operator.processor_seconds() - busy_operator,
            "arriving.apiserver_cpu_seconds": busy_after - busy,
            "arriving.writes": writes(after - before),
            "arriving.complaints": setting.operator.complaints(),
        }


async def _writes_without_cause(setting: Setting) -> Figures:
    """Writes while nothing changes, and after a restart of the operator; both should be none."""
    before, _ = await setting.api.counted()
    busy = setting.operator.processor_seconds()
    await asyncio.sleep(setting.size.window)
    resting, _ = await setting.api.counted()
    idle = (setting.operator.processor_seconds() - busy) / setting.size.window
    await setting.operator.stop()
    await setting.operator.start()
    ready = await setting.operator.ready()
    leading, _ = await setting.operator.said("Leading")
    await asyncio.sleep(setting.size.window)
    restarted, _ = await setting.api.counted()
    return {
        "rest.writes": writes(resting - before),
        "rest.cores": idle,
        "restart.writes": writes(restarted - resting),
        "restart.ready_seconds": ready - setting.operator.started,
        "restart.leading_seconds": leading - setting.operator.started,
        "restart.cpu_seconds": setting.operator.processor_seconds(),
        "restart.memory": setting.operator.memory()[0],
    }


async def _quiet(setting: Setting) -> float:
    """Wait for the last write and an empty queue; the time of the last write."""
    while True:
        last = await setting.watch.quiet(QUIET_SECONDS)
        if not await setting.operator.depth():
            return last
        await asyncio.sleep(QUIET_SECONDS)


async def _all_there(setting: Setting, clusters: list[Manifest]) -> None:
    """Check with a fresh list what the watch told. Raises `Failed`."""
    owners = {cluster["metadata"]["name"] for cluster in clusters}
    for kind in CHILDREN:
        live = await list_all(setting.connection, kind.path(), labelSelector=MANAGED)
        found = {child["metadata"]["labels"]["app.kubernetes.io/instance"] for child in live}
        if missing := owners - found:
            raise shell.Failed(f"{len(missing)} clusters have no {kind.plural}, such as {min(missing)}")


def _last_child(watch: Watch, clusters: list[Manifest]) -> float:
    """The time at which the last child of these clusters was first seen."""
    namespaces = {cluster["metadata"]["namespace"] for cluster in clusters}
    return max(
        when for (kind, namespace, _), when in watch.first.items() if kind in CHILDREN and namespace in namespaces
    )


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _by_resource(requests: Requests) -> dict[str, int]:
    interesting = {kind.plural for kind in (*_kinds(), MAGE_CLUSTERS)} | {"events"}
    return {
        f"{verb} {resource}": count for (verb, resource), count in sorted(requests.items()) if resource in interesting
    }


def _kinds() -> tuple[Kind, ...]:
    return CHILDREN
