"""The watch cache: the newest state that is known of every object that matters."""

from collections.abc import Collection, Iterator
from typing import Any

from magecluster.api.labels import INSTANCE, MANAGER
from magecluster.api.model import Manifest
from magecluster.kube.kinds import MAGE_CLUSTERS, PODS, Kind

Key = tuple[str, str]
"""Namespace and name of a MageCluster."""


class Cache:
    """Objects by kind, cluster and name. Never older than what was put in: older versions are ignored."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[Key, dict[str, Manifest]]] = {}

    def put(self, kind: Kind, live: Manifest) -> bool:
        """Take in an object as the API server gave it; tells whether it was news."""
        objects = self._objects.setdefault(kind, {}).setdefault(key_of(kind, live), {})
        name = live["metadata"]["name"]
        known = objects.get(name)
        if known is not None and _version(known) >= _version(live):
            return False
        objects[name] = _slim(kind, live)
        return True

    def remove(self, kind: Kind, live: Manifest) -> bool:
        """Forget a deleted object, unless one of the same name has taken its place; tells whether it was there."""
        objects = self._objects.get(kind, {}).get(key_of(kind, live), {})
        known = objects.get(live["metadata"]["name"])
        if known is None or known["metadata"]["uid"] != live["metadata"]["uid"]:
            return False
        del objects[live["metadata"]["name"]]
        if not objects:
            self._objects[kind].pop(key_of(kind, live), None)
        return True

    def cluster(self, key: Key) -> Manifest | None:
        """The MageCluster itself."""
        return self._objects.get(MAGE_CLUSTERS, {}).get(key, {}).get(key[1])

    def of(self, kind: Kind, key: Key) -> Collection[Manifest]:
        """The objects of that kind that belong to a cluster by their labels."""
        return self._objects.get(kind, {}).get(key, {}).values()

    def find(self, kind: Kind, key: Key, name: str) -> Manifest | None:
        """One object of a cluster."""
        return self._objects.get(kind, {}).get(key, {}).get(name)

    def all(self, kind: Kind) -> Iterator[Manifest]:
        """Every object of that kind."""
        for objects in self._objects.get(kind, {}).values():
            yield from objects.values()

    def versions(self, key: Key) -> dict[tuple[Kind, str], str]:
        """The resource version of everything that belongs to a cluster, itself included."""
        return {
            (kind, name): live["metadata"]["resourceVersion"]
            for kind, clusters in self._objects.items()
            for name, live in clusters.get(key, {}).items()
        }

    def clusters(self) -> list[Key]:
        """Every cluster."""
        return list(self._objects.get(MAGE_CLUSTERS, {}))


def key_of(kind: Kind, live: Manifest) -> Key:
    """The cluster that an object belongs to."""
    metadata = live["metadata"]
    name = metadata["name"] if kind == MAGE_CLUSTERS else metadata.get("labels", {}).get(INSTANCE, "")
    return metadata["namespace"], name


def _version(live: Manifest) -> int:
    """Resource versions of one resource can be compared as numbers (Kubernetes 1.35; true of etcd ever since)."""
    return int(live["metadata"]["resourceVersion"])


def _slim(kind: Kind, live: Manifest) -> Manifest:
    """Without what nobody reads: thousands of objects are held in memory."""
    metadata: dict[str, Any] = dict(live["metadata"])
    ours = [entry for entry in metadata.pop("managedFields", ()) if entry["manager"] == MANAGER]
    if ours and kind != MAGE_CLUSTERS:
        metadata["managedFields"] = ours
    slim = {**live, "metadata": metadata}
    if kind == PODS:
        del slim["spec"]
    return slim
