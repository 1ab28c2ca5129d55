"""The operator, put together."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic

import structlog

from magecluster.controller.election import Election
from magecluster.controller.metrics import Metrics
from magecluster.controller.observer import Observer
from magecluster.controller.reconcile import Reconciler
from magecluster.controller.server import serve
from magecluster.controller.settings import Settings
from magecluster.controller.watch import WATCHED, watch
from magecluster.controller.workqueue import Workqueue
from magecluster.kube.cache import Cache, Key
from magecluster.kube.connection import Connection
from magecluster.kube.errors import KubeError, NotFoundError
from magecluster.kube.kinds import MAGE_CLUSTERS
from magecluster.resources.platform import Platform

CRD_SECONDS = 5.0
"""How often to look whether the resource has been installed."""

logger = structlog.stdlib.get_logger(__name__)


class Operator:
    """The parts of one operator process and how they hang together."""

    def __init__(self, settings: Settings, connection: Connection, claim_signals: Callable[[], None]) -> None:
        self._settings = settings
        self._connection = connection
        self._claim_signals = claim_signals
        self.metrics = Metrics()
        connection.on_error = self.metrics.api_error
        self.cache = Cache()
        self._reconciler = Reconciler(
            connection,
            self.cache,
            clock=lambda: datetime.now(UTC),
            metrics=self.metrics,
            resync_seconds=settings.resync_seconds,
            platform=Platform(gateway_image=settings.gateway_image, cloud_api=settings.cloud_api),
        )
        self.queue: Workqueue[Key] = Workqueue(self._work, workers=settings.workers)
        self._observer = Observer(connection, self.cache, self.queue.add, settings.namespaces)
        self._election = Election(
            connection, namespace=settings.lease_namespace, name=settings.lease_name, identity=settings.identity
        )
        self.metrics.watch(self.queue)

    async def run(self, stop: asyncio.Event) -> None:
        """Reconcile until `stop` is set, then finish what is under way and release the Lease."""
        runner = await serve(self._settings.listen, self._settings.port, self.metrics, self.obstacles)
        logger.info("Serving /healthz, /readyz and /metrics on %s", ", ".join(site.name for site in runner.sites))
        try:
            async with asyncio.TaskGroup() as tasks:
                main = tasks.create_task(self._reconcile_for_ever(stop))
                stopped = tasks.create_task(stop.wait())
                await stopped
                logger.info("Stopping")
                main.cancel()
        finally:
            await runner.cleanup()

    def obstacles(self) -> Sequence[str]:
        """Why the operator is not ready. A standby is ready: it sees everything and waits for the Lease."""
        listed_at = self._observer.listed_at
        if listed_at is None:
            return ["the first list of everything watched is not complete"]
        found = [f"the watch of {kind.plural} misses changes" for kind in self._observer.silent()]
        age = monotonic() - listed_at
        if age > 3 * self._settings.relist_seconds:
            found.append(f"the API server has not answered a list for {age:.0f} s")
        return found

    async def _work(self, key: Key) -> float | None:
        with self.metrics.reconcile():
            return await self._reconciler.reconcile(key)

    async def _reconcile_for_ever(self, stop: asyncio.Event) -> None:
        await self._relist()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch(stop))
            tasks.create_task(self._keep_relisting())
            tasks.create_task(self._election.run(self._lead, self._stand_by))

    async def _watch(self, stop: asyncio.Event) -> None:
        await watch(self._connection, self._observer, self._settings.namespaces, stop, self._claim_signals)
        if not stop.is_set():
            raise RuntimeError("kopf ended although nobody asked it to")

    async def _lead(self) -> None:
        self.queue.open()
        for key in self.cache.clusters():
            self.queue.add(key)

    async def _stand_by(self) -> None:
        await self.queue.close()
        self.metrics.stand_by()

    async def _keep_relisting(self) -> None:
        while True:
            await asyncio.sleep(self._settings.relist_seconds)
            await self._relist()

    async def _relist(self) -> None:
        """Compare the cache with a fresh list; tried until it succeeds."""
        while True:
            try:
                return await self._observer.relist(WATCHED)
            except NotFoundError:
                logger.warning(
                    "The API server does not know %s: apply crds/ first; looking again", MAGE_CLUSTERS.plural
                )
            except KubeError as error:
                logger.warning("Could not list what is watched: %s", error)
            await asyncio.sleep(CRD_SECONDS)


async def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT. Raises `NoClusterError`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def claim_signals() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

    claim_signals()
    async with Connection(settings.kubeconfig, settings.context) as connection:
        await Operator(settings, connection, claim_signals).run(stop)
