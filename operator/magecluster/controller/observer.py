"""From what is seen to what has to be done: feeds the watch cache and adds keys to the queue."""

from collections.abc import Callable
from time import monotonic

from magecluster.api.labels import MANAGED
from magecluster.api.model import Manifest
from magecluster.kube.cache import Cache, Key, key_of
from magecluster.kube.connection import Connection, list_all
from magecluster.kube.kinds import MAGE_CLUSTERS, Identity, Kind, identity_of

WATCH_GRACE = 30.0
"""Seconds within which a watch has to tell of a change; it does so in milliseconds while the operator keeps up."""


class Observer:
    """Knows how fresh the cache is.

    Watches can lose events or die silently (kopf does not tell of objects that vanished while a watch was down), so
    everything is listed anew now and then. What a list shows first is expected from the watch within a moment: a watch
    that does not tell of it is dead, and the operator reports that it is not ready.
    """

    def __init__(
        self, connection: Connection, cache: Cache, add: Callable[[Key], None], namespaces: tuple[str, ...]
    ) -> None:
        self._connection, self._cache, self._add = connection, cache, add
        self._namespaces = namespaces
        self._expected: dict[Kind, dict[Identity, float]] = {}
        self.listed_at: float | None = None
        """monotonic() of the last complete list."""

    def saw(self, kind: Kind, event: str | None, live: Manifest) -> None:
        """Take in one event of a watch."""
        identity, key = identity_of(live), key_of(kind, live)
        self._expected.get(kind, {}).pop(identity, None)
        if self._cache.remove(kind, key, *identity[1:]) if event == "DELETED" else self._cache.put(kind, live):
            self._add(key)

    def silent(self, grace: float = WATCH_GRACE) -> list[Kind]:
        """Kinds whose watch has not told for `grace` seconds of something that a list showed."""
        oldest = monotonic() - grace
        return [kind for kind, expected in self._expected.items() if any(since < oldest for since in expected.values())]

    async def relist(self, kinds: tuple[Kind, ...]) -> None:
        """List every kind and set the cache right. Raises `KubeError`."""
        first = self.listed_at is None
        for kind in kinds:
            before = self._cache.identities(kind)
            news = self._take(kind, await self._list(kind), before)
            self._expected[kind] = {} if first else dict.fromkeys(map(identity_of, news), monotonic())
        self.listed_at = monotonic()

    async def _list(self, kind: Kind) -> list[Manifest]:
        selector = {} if kind == MAGE_CLUSTERS else {"labelSelector": MANAGED}
        found: list[Manifest] = []
        for namespace in self._namespaces or (None,):
            found += await list_all(self._connection, kind.path(namespace), **selector)
        return found

    def _take(self, kind: Kind, found: list[Manifest], before: dict[Identity, Key]) -> list[Manifest]:
        """Put in what is new, remove what is gone since `before`; returns what a living watch will tell of as well."""
        for gone in before.keys() - set(map(identity_of, found)):
            self._cache.remove(kind, before[gone], *gone[1:])
            self._add(before[gone])
        news = [live for live in found if self._cache.put(kind, live)]
        for live in news:
            self._add(key_of(kind, live))
        return news
