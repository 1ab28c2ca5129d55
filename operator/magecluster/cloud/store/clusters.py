"""MageClusters: a watch cache that is read, and the writes, which are patches of the resource and nothing else."""

import asyncio
import bisect
from collections import deque
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import orjson

from magecluster.api.magecluster import API_VERSION, KIND
from magecluster.api.model import Manifest
from magecluster.cloud.config.owners import LAST_APPLIED
from magecluster.cloud.store.signal import Signal
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import MAGE_CLUSTERS, Identity

Key = tuple[str, str]
"""Namespace and name of a cluster."""

HISTORY = 2000
"""Replaced versions of all clusters together that are remembered, for streams that come back."""

_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
)


class Entry(NamedTuple):
    """One cluster, packed: thousands are few Python objects."""

    name: str
    uid: str
    version: int
    """metadata.resourceVersion: grows with every change."""
    packed: bytes
    """JSON."""

    def manifest(self) -> Manifest:
        """A copy of the reader's own."""
        live: Manifest = orjson.loads(self.packed)
        return live


class Clusters:
    """A sink of a reflector."""

    def __init__(
        self, connection: Connection, *, namespaces: Collection[str] = (), gitops_managers: Collection[str] = ()
    ) -> None:
        self._connection, self._managers = connection, frozenset(gitops_managers)
        self._served = frozenset(namespaces)
        self._spaces: dict[str, dict[str, Entry]] = {}
        self._names: dict[str, list[str]] = {}
        self._signals: dict[Key, Signal] = {}
        self._history: deque[tuple[Key, Entry]] = deque(maxlen=HISTORY)

    def serves(self, namespace: str) -> bool:
        """Whether the clusters of a namespace are watched: all are, unless some are named."""
        return not self._served or namespace in self._served

    def put(self, live: Manifest) -> None:
        """Take in what is newer than what is known."""
        metadata = live["metadata"]
        namespace, name, version = metadata["namespace"], metadata["name"], int(metadata["resourceVersion"])
        if not self.serves(namespace):
            return  # nobody would ever tell that it has changed or is gone
        space = self._spaces.setdefault(namespace, {})
        known = space.get(name)
        if known and known.version >= version:
            return
        if known is None:
            bisect.insort(self._names.setdefault(namespace, []), name)
        space[name] = Entry(name, metadata["uid"], version, orjson.dumps(self._slim(live)))
        if known:
            self._history.append(((namespace, name), known))
        self._tell((namespace, name))

    def remove(self, live: Manifest) -> None:
        """Forget a deleted cluster, unless another one of the same name has taken its place."""
        metadata = live["metadata"]
        self._forget(metadata["namespace"], metadata["name"], metadata["uid"])

    def retain(self, identities: set[Identity], namespace: str | None, /) -> None:
        """Forget everything else of that namespace, or of all: a complete list of it was read."""
        gone = [
            (here, name, entry.uid)
            for here, space in self._spaces.items()
            for name, entry in space.items()
            if namespace in (None, here) and (here, name, entry.uid) not in identities
        ]
        for identity in gone:
            self._forget(*identity)

    def entry(self, namespace: str, name: str) -> Entry | None:
        """The newest known state of one cluster."""
        space = self._spaces.get(namespace)
        return space.get(name) if space else None

    def find(self, namespace: str, name: str) -> Manifest | None:
        """The same, unpacked."""
        entry = self.entry(namespace, name)
        return entry.manifest() if entry else None

    def page(self, namespace: str, after: str, count: int) -> list[Entry]:
        """At most so many clusters by name, beginning behind `after`."""
        names = self._names.get(namespace, [])
        start = bisect.bisect_right(names, after)
        space = self._spaces.get(namespace, {})
        return [space[name] for name in names[start : start + count]]

    def all(self, namespace: str) -> Iterator[Manifest]:
        """Every cluster of a namespace."""
        return (entry.manifest() for entry in self._spaces.get(namespace, {}).values())

    def holding(self, namespace: str, text: str) -> Iterator[Manifest]:
        """Clusters with this text anywhere in them: it is looked for in what is packed, without unpacking thousands."""
        wanted = text.encode()
        return (entry.manifest() for entry in self._spaces.get(namespace, {}).values() if wanted in entry.packed)

    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self._spaces.values()))

    def since(self, namespace: str, name: str, version: int) -> list[Entry]:
        """The versions of a cluster after that one, oldest first; only the newest if the others are forgotten.

        None when that one is newer than what is known: another replica was faster.
        """
        entry = self.entry(namespace, name)
        if entry is None or entry.version <= version:
            return []
        key = (namespace, name)
        known = [old for at, old in self._history if at == key and old.uid == entry.uid]
        if version not in (old.version for old in known):
            return [entry]
        return [*(old for old in known if old.version > version), entry]

    def at(self, namespace: str, name: str, version: int) -> Entry | None:
        """That very version, if it is remembered."""
        entry = self.entry(namespace, name)
        if entry is None or entry.version == version:
            return entry
        known = (old for key, old in self._history if key == (namespace, name) and old.uid == entry.uid)
        return next((old for old in known if old.version == version), None)

    def next(self, namespace: str, name: str) -> asyncio.Future[None]:
        """Done at the next change of one cluster, see `Signal.next`."""
        return self._signals.setdefault((namespace, name), Signal()).next()

    async def fresh(self, namespace: str, name: str) -> Manifest:
        """From the API server itself. Raises `KubeError`."""
        live = await self._connection.get(MAGE_CLUSTERS.path(namespace, name))
        self.put(live)
        return self._slim(live)

    async def patch(self, live: Manifest, patch: Manifest, *, dry_run: bool = False) -> Manifest:
        """Send a merge patch. Raises `KubeError`."""
        metadata = live["metadata"]
        path = MAGE_CLUSTERS.path(metadata["namespace"], metadata["name"])
        return self._written(await self._connection.merge(path, patch, dry_run=dry_run), dry_run=dry_run)

    async def create(self, metadata: Manifest, spec: Manifest, *, dry_run: bool = False) -> Manifest:
        """Make a cluster. Raises `KubeError`."""
        manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
        path = MAGE_CLUSTERS.path(metadata["namespace"])
        return self._written(await self._connection.create(path, manifest, dry_run=dry_run), dry_run=dry_run)

    async def delete(self, live: Manifest, *, dry_run: bool = False) -> None:
        """Delete exactly this cluster, whichever version of it. Raises `KubeError`."""
        metadata = live["metadata"]
        path = MAGE_CLUSTERS.path(metadata["namespace"], metadata["name"])
        await self._connection.delete(path, uid=metadata["uid"], resource_version=None, dry_run=dry_run)
        if not dry_run:
            # Known at once, so that it counts for no limit any more; what a finalizer holds comes back by the watch.
            self.remove(live)

    def _written(self, live: Manifest, *, dry_run: bool) -> Manifest:
        if not dry_run:
            self.put(live)
        return self._slim(live)

    def _forget(self, namespace: str, name: str, uid: str) -> None:
        space = self._spaces.get(namespace, {})
        if name not in space or space[name].uid != uid:
            return
        del space[name]
        self._names[namespace].remove(name)
        self._tell((namespace, name))

    def _tell(self, key: Key) -> None:
        if signal := self._signals.pop(key, None):
            signal.fire()

    def _slim(self, live: Manifest) -> Manifest:
        """Without what nobody reads; of a GitOps controller, what it owns and the manifest that it applied."""
        metadata: dict[str, Any] = {key: live["metadata"][key] for key in _METADATA if key in live["metadata"]}
        annotations = dict(live["metadata"].get("annotations") or {})
        held = [entry for entry in live["metadata"].get("managedFields", ()) if entry["manager"] in self._managers]
        if held:
            metadata["managedFields"] = held
        else:
            annotations.pop(LAST_APPLIED, None)
        if annotations:
            metadata["annotations"] = annotations
        return {"metadata": metadata, "spec": live.get("spec") or {}, "status": live.get("status") or {}}
