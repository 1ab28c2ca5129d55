"""What every scenario works in: a Kubernetes of its own, a client, a watch and an operator that is not started yet."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit import shell
from devkit.bench import client, machine
from devkit.bench.apiserver import ApiServer, Watch, session
from devkit.bench.client import Client, each
from devkit.bench.process import Operator
from devkit.cluster import Cluster, find, up
from magecluster.api.labels import INSTANCE, MANAGED
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
)

CHILDREN = (SECRETS, VOLUMES, SERVICE_ACCOUNTS, NETWORK_POLICIES, DEPLOYMENTS, SERVICES)
WORKERS = 16
"""Clusters that the operator reconciles at the same time."""
WARM_UP = 20
"""Clusters written and removed first, so that nobody pays for the first use of the API server's code."""
QUIET_SECONDS = 3.0
CRDS = machine.ROOT / "crds"


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

    async def quiet(self) -> float:
        """Wait for the last write and an empty queue; the time of the last write."""
        while True:
            last = await self.watch.quiet(QUIET_SECONDS)
            if not await self.operator.depth():
                return last
            await asyncio.sleep(QUIET_SECONDS)

    async def check_children(self, clusters: list[Manifest]) -> None:
        """Check with a fresh list what the watch told. Raises `Failed`."""
        owners = {cluster["metadata"]["name"] for cluster in clusters}
        for kind in CHILDREN:
            live = await list_all(self.connection, kind.path(), labelSelector=MANAGED)
            if missing := owners - {child["metadata"]["labels"][INSTANCE] for child in live}:
                raise shell.Failed(f"{len(missing)} clusters have no {kind.plural}, such as {min(missing)}")


@contextmanager
def kubernetes() -> Iterator[Cluster]:
    """An API server with the CRD, and nothing that works beside the operator."""
    name = f"bench-{os.getpid()}"
    try:
        cluster = up(name, "none")
        # Their pods, endpoints and statuses would be load that is neither the operator's nor the floor's.
        for component in ("controller-manager", "scheduler"):
            cluster.stop(component)
        cluster.kubectl("apply", "--server-side", "--filename", str(CRDS))
        cluster.kubectl("wait", "--for=condition=Established", "--filename", str(CRDS))
        yield cluster
    finally:
        if found := find(name):
            found.down()


@asynccontextmanager
async def setting(size: Size, cluster: Cluster) -> AsyncIterator[Setting]:
    """Connected, warmed up; the operator is ended at the end."""
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
