"""Leader election by a coordination.k8s.io Lease: of several operators one reconciles, the others stand by."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic

import structlog

from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError, KubeError, NotFoundError
from magecluster.kube.kinds import LEASES

LEASE_SECONDS = 15
RENEW_DEADLINE = 10.0
RETRY_SECONDS = 2.0
"""The three figures of client-go's leader election, so that the operator behaves as cluster administrators expect."""

logger = structlog.stdlib.get_logger(__name__)


class Election:
    """Takes and renews the Lease.

    Clocks of others are not trusted: a Lease has expired when it was not seen to change for as long as it says.
    """

    def __init__(self, connection: Connection, *, namespace: str, name: str, identity: str) -> None:
        self._connection = connection
        self._path, self._collection = LEASES.path(namespace, name), LEASES.path(namespace)
        self._name, self._namespace, self._identity = name, namespace, identity
        self._seen: tuple[str, float] = ("", 0.0)
        self.leading = False

    async def run(self, lead: Callable[[], Awaitable[None]], stop_leading: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: `lead` when the Lease is won, `stop_leading` when it is lost, release it on the way out."""
        try:
            while True:
                await self._until_won()
                logger.info("Leading as %s", self._identity)
                self.leading = True
                await lead()
                await self._until_lost()
                logger.warning("Lost the lease %s/%s, standing by", self._namespace, self._name)
                self.leading = False
                await stop_leading()
        finally:
            if self.leading:
                self.leading = False
                await stop_leading()
                await self._release()

    async def _until_won(self) -> None:
        while not await self._attempt():  # noqa: ASYNC110  another process holds the Lease: there is no event to await
            await asyncio.sleep(RETRY_SECONDS)

    async def _until_lost(self) -> None:
        renewed = monotonic()
        while monotonic() - renewed < RENEW_DEADLINE:
            await asyncio.sleep(RETRY_SECONDS)
            started = monotonic()
            if await self._attempt():
                renewed = started

    async def _attempt(self) -> bool:
        """Take or renew the Lease; `False` when somebody else holds it or the API server does not answer in time."""
        try:
            async with asyncio.timeout(RENEW_DEADLINE / 2):
                return await self._take()
        except ConflictError:
            return False
        except (KubeError, TimeoutError) as error:
            logger.warning(
                "Could not renew the lease %s/%s: %s", self._namespace, self._name, error or "no answer in time"
            )
            return False

    async def _take(self) -> bool:
        try:
            live = await self._connection.get(self._path)
        except NotFoundError:
            await self._connection.create(self._collection, self._lease({}))
            return True
        holder = live["spec"].get("holderIdentity") or ""
        version = live["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, monotonic())
        duration = live["spec"].get("leaseDurationSeconds", LEASE_SECONDS)
        if holder not in ("", self._identity) and monotonic() - self._seen[1] < duration:
            return False
        await self._connection.replace(self._path, self._lease(live))
        return True

    def _lease(self, live: Manifest) -> Manifest:
        before = live.get("spec", {})
        again = before.get("holderIdentity") == self._identity
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": live.get("metadata") or {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": LEASE_SECONDS,
                "acquireTime": before.get("acquireTime", now) if again else now,
                "renewTime": now,
                "leaseTransitions": before.get("leaseTransitions", 0) + (not again),
            },
        }

    async def _release(self) -> None:
        """Let a standby take over at once instead of after the Lease's time."""
        try:
            live = await self._connection.get(self._path)
            if live["spec"].get("holderIdentity") == self._identity:
                live["spec"]["holderIdentity"] = ""
                await self._connection.replace(self._path, live)
        except KubeError as error:
            logger.warning("Could not release the lease, it expires by itself: %s", error)
