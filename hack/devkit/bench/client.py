"""The bare client: makes MageClusters, and the calls that an operator could not do without."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, TypeVar

from magecluster.api.magecluster import API_VERSION, KIND, MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import DEPLOYMENTS, MAGE_CLUSTERS, NAMESPACES, SECRETS, Kind, kind_of
from magecluster.resources import desired_objects
from magecluster.resources.platform import Platform
from magecluster.resources.secret import new_secret

T = TypeVar("T")

GATEWAY_IMAGE = "bench/gateway:1"
"""Never pulled: no pod runs."""
A_NAMESPACE = 100
"""Clusters in one."""
STATUS = {"state": "Starting", "ready": "0/1", "replicas": 0, "readyReplicas": 0, "url": "http://bench.svc:6789"}


class Call(NamedTuple):
    """One object to write, with the kind that says where."""

    kind: Kind
    manifest: Manifest


class Floor(NamedTuple):
    """Everything that has to be written for a cluster, made before the clock runs."""

    cluster: Manifest
    secret: Manifest
    applied: list[Call]


async def each(work: Callable[[T], Awaitable[object]], items: Iterable[T], at_once: int) -> float:
    """Seconds that the work on all items takes, so many at a time."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(worker())
    return time.perf_counter() - began


def manifests(prefix: str, count: int) -> list[Manifest]:
    """Clusters as they are applied, spread over namespaces; names do not repeat."""
    return [
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"namespace": f"{prefix}-{number // A_NAMESPACE}", "name": f"{prefix}-{number:05}"},
            "spec": {"extraEnvs": [{"name": "TEAM", "value": "bench"}], "replicaCount": 1},
        }
        for number in range(count)
    ]


def floor(cluster: Manifest) -> Floor:
    """The calls for one cluster, with the owner references that the operator would set."""
    parsed = MageCluster.parse(cluster)
    desired = [
        Call(kind_of(manifest), manifest)
        for manifest in desired_objects(parsed, "", Platform(gateway_image=GATEWAY_IMAGE))
    ]
    return Floor(
        cluster,
        new_secret(parsed, lambda: secrets.token_urlsafe(24)),
        [call for call in desired if call.kind != SECRETS],
    )


class Client:
    """Writes and nothing else: no comparison, no watch, no queue."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def namespaces(self, clusters: Iterable[Manifest]) -> None:
        for name in sorted({cluster["metadata"]["namespace"] for cluster in clusters}):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await self._connection.create(NAMESPACES.path(), namespace)

    async def create(self, cluster: Manifest) -> Manifest:
        return await self._connection.create(MAGE_CLUSTERS.path(cluster["metadata"]["namespace"]), cluster)

    async def create_all(self, clusters: list[Manifest], at_once: int = 16) -> tuple[list[Manifest], float]:
        """The clusters as the API server has them, and how many seconds it took."""
        await self.namespaces(clusters)
        created: list[Manifest] = []

        async def one(cluster: Manifest) -> None:
            created.append(await self.create(cluster))

        return created, await each(one, clusters, at_once)

    async def write(self, given: Floor) -> None:
        """All calls for one cluster, one after the other: its Secret, its other objects, its status."""
        namespace, name = given.cluster["metadata"]["namespace"], given.cluster["metadata"]["name"]
        await self._connection.create(SECRETS.path(namespace), given.secret)
        for kind, manifest in given.applied:
            await self._connection.apply(kind.path(namespace, manifest["metadata"]["name"]), manifest)
        await self._connection.merge(MAGE_CLUSTERS.path(namespace, name, "status"), {"status": STATUS})

    async def annotate_pods(self, cluster: Manifest, value: str) -> None:
        """Change the spec of a cluster in a way that changes its Deployment."""
        path = MAGE_CLUSTERS.path(cluster["metadata"]["namespace"], cluster["metadata"]["name"])
        await self._connection.merge(path, {"spec": {"podAnnotations": {"bench": value}}})

    async def bare_deployment(self, cluster: Manifest) -> Manifest:
        """A Deployment like the cluster's that no operator looks at."""
        manifest = next(call.manifest for call in floor(cluster).applied if call.kind == DEPLOYMENTS)
        metadata = {"name": "bare", "namespace": cluster["metadata"]["namespace"]}
        return await self._connection.create(
            DEPLOYMENTS.path(metadata["namespace"]), {**manifest, "metadata": metadata}
        )

    async def patch_bare_deployment(self, deployment: Manifest, value: str) -> None:
        path = DEPLOYMENTS.path(deployment["metadata"]["namespace"], "bare")
        patch = {"spec": {"template": {"metadata": {"annotations": {"bench": value}}}}}
        await self._connection.merge(path, patch)

    async def pretend_ready(self, deployment: Manifest) -> None:
        """Say of a Deployment what its controller, which does not run here, would say once the pod answers."""
        metadata = deployment["metadata"]
        status = {
            "observedGeneration": metadata["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1),
        }
        path = DEPLOYMENTS.path(metadata["namespace"], metadata["name"], "status")
        await self._connection.merge(path, {"status": status})

    async def remove_all(self, namespace: str, kinds: Iterable[Kind]) -> None:
        for kind in kinds:
            await self._connection.request("DELETE", kind.path(namespace))
