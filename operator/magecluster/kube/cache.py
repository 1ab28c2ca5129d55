"""The watch cache: the newest state that is known of every object that matters."""

from typing import Any, NamedTuple

import orjson

from magecluster.api.labels import INSTANCE, MANAGER
from magecluster.api.model import Manifest
from magecluster.kube.kinds import MAGE_CLUSTERS, PODS, Identity, Kind

Key = tuple[str, str]
"""Namespace and name of a MageCluster."""


class Entry(NamedTuple):
    """One object, packed: every reader gets a copy of its own, and thousands are few Python objects."""

    uid: str
    version: int
    packed: bytes
    """JSON."""


class Cache:
    """Objects by kind, cluster and name. Never older than what was put in: older versions are ignored."""

    def __init__(self) -> None:
        self._entries: dict[Kind, dict[Key, dict[str, Entry]]] = {}

    def put(self, kind: Kind, live: Manifest) -> bool:
        """Take in an object as the API server gave it; tells whether it was news."""
        metadata = live["metadata"]
        # Versions of one resource can be compared as numbers: said since Kubernetes 1.35, true of etcd ever since.
        version = int(metadata["resourceVersion"])
        entries = self._entries.setdefault(kind, {}).setdefault(key_of(kind, live), {})
        known = entries.get(metadata["name"])
        if known and known.version >= version:
            return False
        entries[metadata["name"]] = Entry(metadata["uid"], version, orjson.dumps(_slim(kind, live)))
        return True

    def remove(self, kind: Kind, key: Key, name: str, uid: str) -> bool:
        """Forget a deleted object, unless one of the same name has taken its place; tells whether it was there."""
        entries = self._entries.get(kind, {}).get(key, {})
        if name not in entries or entries[name].uid != uid:
            return False
        del entries[name]
        if not entries:
            del self._entries[kind][key]
        return True

    def cluster(self, key: Key) -> Manifest | None:
        """The MageCluster itself."""
        return self.find(MAGE_CLUSTERS, key, key[1])

    def find(self, kind: Kind, key: Key, name: str) -> Manifest | None:
        """One object of a cluster."""
        entry = self._entries.get(kind, {}).get(key, {}).get(name)
        return orjson.loads(entry.packed) if entry else None

    def of(self, kind: Kind, key: Key) -> list[Manifest]:
        """The objects of that kind that belong to a cluster by their labels."""
        return [orjson.loads(entry.packed) for entry in self._entries.get(kind, {}).get(key, {}).values()]

    def identities(self, kind: Kind) -> dict[Identity, Key]:
        """Every object of that kind, and the cluster that it belongs to."""
        return {
            (key[0], name, entry.uid): key
            for key, entries in self._entries.get(kind, {}).items()
            for name, entry in entries.items()
        }

    def clusters(self) -> list[Key]:
        """Every cluster."""
        return list(self._entries.get(MAGE_CLUSTERS, {}))


def key_of(kind: Kind, live: Manifest) -> Key:
    """The cluster that an object belongs to."""
    metadata = live["metadata"]
    name = metadata["name"] if kind == MAGE_CLUSTERS else metadata.get("labels", {}).get(INSTANCE, "")
    return metadata["namespace"], name


def _slim(kind: Kind, live: Manifest) -> Manifest:
    """Without what nobody reads."""
    metadata: dict[str, Any] = dict(live["metadata"])
    ours = [entry for entry in metadata.pop("managedFields", ()) if entry["manager"] == MANAGER]
    if ours and kind != MAGE_CLUSTERS:
        metadata["managedFields"] = ours
    slim = {**live, "metadata": metadata}
    if kind == PODS:
        del slim["spec"]
    return slim
