"""Which state of each cluster has been dealt with, so that the echo of our own writes causes no second run."""

import math
from time import monotonic

from magecluster.api.model import Manifest
from magecluster.kube.cache import Cache, Key
from magecluster.kube.kinds import Kind

Versions = dict[tuple[Kind, str], str]
"""Resource versions by kind and name."""


class Settled:
    """Remembers what each run started from and wrote.

    A watch tells of a write of ours like of any other, often before its answer is here. Without this memory every
    cluster that is made would be reconciled twice or more.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._runs: dict[Key, Versions] = {}
        self._done: dict[Key, tuple[Versions, float]] = {}

    def begin(self, key: Key) -> None:
        """A run starts from what the cache holds now; what comes later is news, but for what the run writes."""
        self._done.pop(key, None)
        self._runs[key] = self._cache.versions(key)

    def dealt_with(self, key: Key, kind: Kind, live: Manifest) -> None:
        """What the run found as it should be, or the answer to its write."""
        self._runs[key][kind, live["metadata"]["name"]] = live["metadata"]["resourceVersion"]

    def end(self, key: Key, wait: float | None) -> None:
        """The run is complete; `wait` is after how many seconds to look again, `None` for not before a change."""
        self._done[key] = self._runs.pop(key), math.inf if wait is None else monotonic() + wait

    def rest(self, key: Key) -> float:
        """Seconds for which nothing has to be done unless something changes; 0 when something has changed."""
        versions, due = self._done.get(key, ({}, 0.0))
        return max(0.0, due - monotonic()) if versions == self._cache.versions(key) else 0.0

    def forget(self, key: Key) -> None:
        """The cluster is gone."""
        self._done.pop(key, None)
        self._runs.pop(key, None)

    def forget_all(self) -> None:
        """Somebody else may have acted meanwhile."""
        self._done.clear()
