"""What is measured for the operator, each part on a Kubernetes of its own so that none inherits another's objects."""

import asyncio
from collections.abc import Awaitable, Callable

from devkit import progress
from devkit.bench import client, latency, machine
from devkit.bench.apiserver import Requests, Watch, writes
from devkit.bench.client import each
from devkit.bench.setting import CHILDREN, QUIET_SECONDS, WORKERS, Setting, Size, kubernetes, setting
from devkit.cluster import Cluster
from magecluster.api.model import Manifest
from magecluster.kube.kinds import DEPLOYMENTS, EVENTS, MAGE_CLUSTERS

INTERESTING = {kind.plural for kind in (*CHILDREN, MAGE_CLUSTERS, EVENTS)}

Figures = dict[str, float | dict[str, int]]


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


async def _in_setting(size: Size, cluster: Cluster, scenario: Callable[[Setting], Awaitable[Figures]]) -> Figures:
    async with setting(size, cluster) as found:
        return await scenario(found)


async def floor(at: Setting) -> Figures:
    """The same writes by the bare client: one cluster after the other, 16 and 32 at a time."""
    figures: Figures = {}
    for at_once in (WORKERS, 2 * WORKERS):
        wanted = client.manifests(f"floor{at_once}", at.size.clusters)
        created, seconds = await at.client.create_all(wanted)
        given = [client.floor(cluster) for cluster in created]
        _, busy = await at.api.counted()
        figures |= {
            f"floor{at_once}.create_seconds": seconds,
            f"floor{at_once}.seconds": await each(at.client.write, given, at_once),
        }
        figures[f"floor{at_once}.apiserver_cpu_seconds"] = (await at.api.counted())[1] - busy
    return figures


async def waiting(at: Setting) -> Figures:
    """N clusters exist, then the operator starts; with it at rest among them, everything else."""
    wanted = client.manifests("waiting", at.size.clusters)
    created, seconds = await at.client.create_all(wanted)
    figures: Figures = {"create.seconds": seconds}
    async with at.watch as watch:
        expected = len(watch.first) + len(CHILDREN) * len(wanted)
        before, busy = await at.api.counted()
        await at.operator.start()
        leading, _ = await at.operator.said("Leading")
        await watch.until("all children", lambda: len(watch.first) >= expected)
        last = _last_child(watch, wanted)
        quiet = await at.quiet()
        after, busy_after = await at.api.counted()
        figures |= {
            "waiting.from_start_seconds": last - at.operator.started,
            "waiting.from_leading_seconds": last - leading,
            "waiting.until_quiet_seconds": quiet - leading,
            "waiting.operator_cpu_seconds": at.operator.processor_seconds(),
            "waiting.apiserver_cpu_seconds": busy_after - busy,
            "waiting.requests": _by_resource(after - before),
            "waiting.writes": writes(after - before),
            "waiting.complaints": at.operator.complaints(),
        }
        await at.check_children(created)
        await each(at.client.pretend_ready, [watch.newest[DEPLOYMENTS, *_key(c)] for c in wanted], WORKERS)
        await at.quiet()
        figures["memory.clusters"], figures["memory.clusters_highest"] = at.operator.memory()
        figures |= await latency.measure("full", at.client, watch, at.size.rounds, CHILDREN)
    return figures | await _writes_without_cause(at)


async def arriving(at: Setting) -> Figures:
    """The operator runs without clusters: its memory and latency; then N are created as fast as they can be."""
    await at.operator.start()
    await at.operator.ready()
    await at.operator.said("Leading")
    async with at.watch as watch:
        await asyncio.sleep(QUIET_SECONDS)
        figures: Figures = {"memory.empty": at.operator.memory()[0]}
        figures |= await latency.measure("empty", at.client, watch, at.size.rounds, CHILDREN)
        await at.quiet()
        wanted = client.manifests("arriving", at.size.clusters)
        expected = len(watch.first) + (1 + len(CHILDREN)) * len(wanted)
        before, busy = await at.api.counted()
        busy_operator = at.operator.processor_seconds()
        created, seconds = await at.client.create_all(wanted)
        await watch.until("all children", lambda: len(watch.first) >= expected)
        began = min(watch.first[MAGE_CLUSTERS, *_key(cluster)] for cluster in wanted)
        quiet = await at.quiet()
        after, busy_after = await at.api.counted()
        await at.check_children(created)
        return figures | {
            "arriving.create_seconds": seconds,
            "arriving.seconds": _last_child(watch, wanted) - began,
            "arriving.until_quiet_seconds": quiet - began,
            "arriving.operator_cpu_seconds": at.operator.processor_seconds() - busy_operator,
            "arriving.apiserver_cpu_seconds": busy_after - busy,
            "arriving.writes": writes(after - before),
            "arriving.complaints": at.operator.complaints(),
        }


async def _writes_without_cause(at: Setting) -> Figures:
    """Writes while nothing changes, and after a restart of the operator; both should be none."""
    before, _ = await at.api.counted()
    busy = at.operator.processor_seconds()
    await asyncio.sleep(at.size.window)
    resting, _ = await at.api.counted()
    idle = (at.operator.processor_seconds() - busy) / at.size.window
    await at.operator.stop()
    await at.operator.start()
    ready = await at.operator.ready()
    leading, _ = await at.operator.said("Leading")
    await asyncio.sleep(at.size.window)
    restarted, _ = await at.api.counted()
    return {
        "rest.writes": writes(resting - before),
        "rest.cores": idle,
        "restart.writes": writes(restarted - resting),
        "restart.ready_seconds": ready - at.operator.started,
        "restart.leading_seconds": leading - at.operator.started,
        "restart.cpu_seconds": at.operator.processor_seconds(),
        "restart.memory": at.operator.memory()[0],
    }


def _last_child(watch: Watch, clusters: list[Manifest]) -> float:
    """The time at which the last child of these clusters was first seen."""
    namespaces = {cluster["metadata"]["namespace"] for cluster in clusters}
    return max(
        when for (kind, namespace, _), when in watch.first.items() if kind in CHILDREN and namespace in namespaces
    )


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _by_resource(requests: Requests) -> dict[str, int]:
    return {
        f"{verb} {resource}": count
        for (verb, resource), count in sorted(requests.items())
        if resource.partition("/")[0] in INTERESTING
    }
