"""How long one change takes while nothing else happens."""

import asyncio
import math
import time
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

from devkit.bench import client
from devkit.bench.apiserver import Watch
from devkit.bench.client import Client
from magecluster.api.model import Manifest
from magecluster.kube.kinds import DEPLOYMENTS, Kind

PAUSE = 0.15
"""Seconds without any event after which the next round begins."""


def quantile(seconds: Sequence[float], part: float) -> float:
    """The smallest value that so large a part of all does not exceed (nearest rank), in milliseconds."""
    return 1000 * sorted(seconds)[max(0, math.ceil(part * len(seconds)) - 1)]


async def measure(name: str, writer: Client, watch: Watch, rounds: int, children: tuple[Kind, ...]) -> dict[str, float]:
    """p50 and p99 of a create, a change and a bare PATCH, as seen on watches."""
    samples = {
        "create": await _creates(name, writer, watch, rounds, children),
        "change": await _changes(name, writer, watch, rounds),
        "patch": await _patches(name, writer, watch, rounds),
    }
    parts = {"p50": 0.5, "p99": 0.99}
    return {
        f"{name}.{what}_{title}_ms": quantile(seconds, part)
        for what, seconds in samples.items()
        for title, part in parts.items()
    }


async def _creates(name: str, writer: Client, watch: Watch, rounds: int, children: tuple[Kind, ...]) -> list[float]:
    """From the answer to the create of a MageCluster until its last child is seen."""
    wanted = client.manifests(f"create-{name}", rounds)
    await writer.namespaces(wanted)
    found = []
    for cluster in wanted:
        await watch.quiet(PAUSE)
        expected = len(watch.first) + 1 + len(children)
        await writer.create(cluster)
        created = time.time()
        found.append(await watch.until("children", partial(_at_least, watch, expected), 30) - created)
    return found


def _at_least(watch: Watch, objects: int) -> bool:
    return len(watch.first) >= objects


async def _changes(name: str, writer: Client, watch: Watch, rounds: int) -> list[float]:
    """From sending a change of the spec until the changed Deployment is seen."""
    [cluster] = client.manifests(f"change-{name}", 1)
    await writer.namespaces([cluster])
    await writer.create(cluster)
    await watch.until("the Deployment", lambda: _deployment(watch, cluster) is not None, 30)
    values = map(str, range(rounds))
    return [await _seen_after(writer.annotate_pods(cluster, value), watch, cluster, value) for value in values]


async def _patches(name: str, writer: Client, watch: Watch, rounds: int) -> list[float]:
    """The floor of a change: from sending a PATCH of a Deployment until it is seen."""
    [cluster] = client.manifests(f"patch-{name}", 1)
    await writer.namespaces([cluster])
    cluster["metadata"] |= {"uid": ""}
    bare = await writer.bare_deployment(cluster)
    values = map(str, range(rounds))
    return [await _seen_after(writer.patch_bare_deployment(bare, value), watch, bare, value) for value in values]


async def _seen_after(change: Coroutine[Any, Any, None], watch: Watch, owner: Manifest, value: str) -> float:
    """Seconds from sending the change until the Deployment with that value is seen."""
    await watch.quiet(PAUSE)
    sent = time.time()
    answered = asyncio.create_task(change)
    seen = await watch.until("the change", lambda: _annotation(watch, owner) == value, 30)
    await answered
    return seen - sent


def _deployment(watch: Watch, owner: Manifest) -> Manifest | None:
    return watch.find(DEPLOYMENTS, *_key(owner))


def _annotation(watch: Watch, owner: Manifest) -> str | None:
    deployment = _deployment(watch, owner) or {"spec": {"template": {"metadata": {}}}}
    annotation: str | None = (deployment["spec"]["template"]["metadata"].get("annotations") or {}).get("bench")
    return annotation


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]
