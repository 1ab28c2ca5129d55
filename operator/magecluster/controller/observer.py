"""From what is seen to what has to be done: feeds the watch cache and adds keys to the queue."""

from collections.abc import Callable
from time import monotonic

import structlog

from magecluster.api.labels import MANAGED
from magecluster.api.model import Manifest
from magecluster.kube.cache import Cache, Key, key_of
from magecluster.kube.connection import Connection, list_all
from magecluster.kube.kinds import MAGE_CLUSTERS, Kind

logger = structlog.stdlib.get_logger(__name__)


class Observer:
    """Knows how fresh the cache is.

    Watches can lose events or die silently (kopf does not tell of objects that vanished while a watch was down), so
    everything is listed anew now and then. A difference that the watch has not told of by the next comparison means
    that the watch is dead; the operator then reports that it is not ready.
    """

    def __init__(
        self, connection: Connection, cache: Cache, add: Callable[[Key], None], namespaces: tuple[str, ...]
    ) -> None:
        self._connection, self._cache, self._add = connection, cache, add
        self._namespaces = namespaces
        self.listed_at: float | None = None
        """monotonic() of the last complete comparison."""
        self.silent: set[Kind] = set()
        """Kinds whose watch missed something that a list showed."""

    def saw(self, kind: Kind, event: str | None, live: Manifest) -> None:
        """Take in one event of a watch."""
        changed = self._cache.remove(kind, live) if event == "DELETED" else self._cache.put(kind, live)
        if changed:
            self.silent.discard(kind)
            self._add(key_of(kind, live))

    async def relist(self, kinds: tuple[Kind, ...]) -> None:
        """List every kind and set the cache right. Raises `KubeError`."""
        first = self.listed_at is None
        for kind in kinds:
            before = {_identity(live) for live in self._cache.all(kind)}
            live = await self._list(kind)
            missed = self._take(kind, live, before)
            if missed and not first:
                self.silent.add(kind)
                logger.warning("The watch of %s missed %d changes; they were found by a list", kind.plural, missed)
            else:
                self.silent.discard(kind)
        self.listed_at = monotonic()

    async def _list(self, kind: Kind) -> list[Manifest]:
        selector = {} if kind == MAGE_CLUSTERS else {"labelSelector": MANAGED}
        found: list[Manifest] = []
        for namespace in self._namespaces or (None,):
            found += await list_all(self._connection, kind.path(namespace), **selector)
        return found

    def _take(self, kind: Kind, found: list[Manifest], before: set[tuple[str, str, str]]) -> int:
        """Put in what is new, remove what is gone since `before`; returns how much of it nobody had told."""
        listed = {_identity(live) for live in found}
        gone = [live for live in self._cache.all(kind) if _identity(live) in before - listed]
        for live in gone:
            self._cache.remove(kind, live)
            self._add(key_of(kind, live))
        new = [live for live in found if self._cache.put(kind, live)]
        for live in new:
            self._add(key_of(kind, live))
        return len(gone) + len(new)


def _identity(live: Manifest) -> tuple[str, str, str]:
    metadata = live["metadata"]
    return metadata["namespace"], metadata["name"], metadata["uid"]
