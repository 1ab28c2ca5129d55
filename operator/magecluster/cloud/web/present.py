"""A cluster as clients see it: pure."""

from typing import Any

import orjson

from magecluster.api.model import Manifest
from magecluster.api.status import MageClusterStatus, State
from magecluster.cloud.config.view import REVISION, view
from magecluster.cloud.store.clusters import Entry


def presented(live: Manifest, team: str, key: bytes, *, reveal: bool) -> dict[str, Any]:
    """`Cluster` of the wire."""
    metadata = live["metadata"]
    seen = view(live, key, reveal=reveal)
    return {
        "id": metadata["name"],
        "name": metadata["name"],
        "team": team,
        "uuid": metadata["uid"],
        **seen,
        **observed(live, seen["status"]),
        "revision": seen["config"][REVISION],
        "created_at": metadata.get("creationTimestamp"),
    }


def observed(live: Manifest, wish: str) -> dict[str, Any]:
    """What changes by itself: `ClusterEvent` of the wire without the wish."""
    status = MageClusterStatus.parse(live["status"])
    return {
        "state": state_of(live, status, wish),
        "conditions": [
            {
                "type": found.type,
                "status": found.status,
                "reason": found.reason,
                "message": found.message,
                "last_transition_time": found.last_transition_time,
            }
            for found in status.conditions
        ],
        "url": status.url,
        "version": status.version,
        "generation": live["metadata"]["generation"],
        "observed_generation": status.observed_generation,
    }


def state_of(live: Manifest, status: MageClusterStatus, wish: str) -> State:
    """As the operator observed it; where it has not seen the newest wish yet, what it is about to do."""
    if status.state and status.observed_generation == live["metadata"]["generation"]:
        return status.state
    if wish == "Active":
        return State.STARTING if status.state in (None, State.STOPPED, State.STOPPING) else status.state
    return State.STOPPED if status.state in (None, State.STOPPED) else State.STOPPING


def reached(live: Manifest, wish: str) -> bool:
    """Whether the newest wish is what is observed."""
    status = MageClusterStatus.parse(live["status"])
    return status.observed_generation == live["metadata"]["generation"] and status.state == wish


class Presenter:
    """Keeps the bytes of clusters, because most are read more often than they change."""

    def __init__(self, key: bytes, most: int = 2048) -> None:
        self._key, self._most = key, most
        self._kept: dict[tuple[str, int, str, bool], tuple[bytes, str]] = {}

    def count(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def answer(self, entry: Entry, team: str, *, reveal: bool) -> tuple[bytes, str]:
        """Body of `GET`, `ClusterAnswer` of the wire, and its ETag."""
        place = (entry.uid, entry.version, team, reveal)
        kept = self._kept.get(place)
        if kept is None:
            live = entry.manifest()
            kept = (self.body(live, team, reveal=reveal), etag(live))
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[place] = kept
        return kept

    def item(self, entry: Entry, team: str, *, reveal: bool) -> bytes:
        """`Cluster` of the wire."""
        body, _ = self.answer(entry, team, reveal=reveal)
        return body[len(_BEFORE) : -len(_BEHIND)]

    def body(self, live: Manifest, team: str, *, reveal: bool, **more: Any) -> bytes:
        """`ClusterAnswer` of the wire."""
        return orjson.dumps({"cluster": presented(live, team, self._key, reveal=reveal), **more})


_BEFORE, _BEHIND = b'{"cluster":', b"}"


def etag(live: Manifest) -> str:
    """Version of config and of state: `"UID-GENERATION-RESOURCEVERSION"`; what was not made has no version."""
    metadata = live["metadata"]
    return f'"{metadata["uid"]}-{metadata["generation"]}-{metadata.get("resourceVersion", "")}"'
