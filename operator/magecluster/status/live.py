"""Reading live objects: what the API server leaves out counts as empty, and texts become stable."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from magecluster.api.model import Manifest
from magecluster.status.observation import Observation

FINISHED = ("Succeeded", "Failed")
"""Phases of a pod that holds no resources any more."""

TEXT_LIMIT = 500
"""Characters of a foreign text that a message quotes."""

_POD_HASH = "pod-template-hash"

_NOISE = (
    re.compile(r"(?<=back-off )\d\w* "),
    re.compile(r"\d[\d.]*:\d+->|\[[0-9a-fA-F:]+\]:\d+->"),  # the local port of a connection
    re.compile(r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z| ?[+-]\d\d:?\d\d| UTC)?\s*"),
    re.compile(r"(?i)request ?id: ?[-\w]+[,.]?\s*"),
    re.compile(r'\s*"?(?<!sha256:)\b[0-9a-f]{64}\b"?'),  # the id of a container that is made anew at each attempt
)


class Waiting(NamedTuple):
    """A container that does not run, with the kubelet's words for it."""

    container: str
    image: str
    reason: str
    message: str


def stable(text: str) -> str:
    """A foreign text on one line, without what differs from attempt to attempt: each change would be written."""
    for noise in _NOISE:
        text = noise.sub("", text)
    text = " ".join(text.split()).rstrip(" .;:,")
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def condition(live: Manifest | None, type_: str) -> Manifest:
    """The condition of that type, empty when it is not there."""
    conditions: list[Manifest] = ((live or {}).get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == type_), {})


def up_to_date(deployment: Manifest | None) -> bool:
    """The Deployment's status tells of its newest spec."""
    if deployment is None:
        return False
    seen = (deployment.get("status") or {}).get("observedGeneration") or 0
    return bool(seen >= deployment["metadata"].get("generation", 0))


def count(deployment: Manifest | None, field: str) -> int:
    """A number of the Deployment's status, such as `availableReplicas`; the API server leaves out a zero."""
    return ((deployment or {}).get("status") or {}).get(field) or 0


def phase(live: Manifest) -> str:
    """Of a pod or a claim, empty when nobody has told yet."""
    return (live.get("status") or {}).get("phase") or ""


def terminating(pod: Manifest) -> bool:
    """On its way out."""
    return "deletionTimestamp" in pod["metadata"]


def current_pods(observation: Observation) -> list[Manifest]:
    """Pods of the newest ReplicaSet, newest first, finished ones too, terminating ones not.

    Empty until the Deployment controller has acted on the last change: older pods say nothing about it.
    """
    if not up_to_date(observation.deployment) or not count(observation.deployment, "updatedReplicas"):
        return []
    pods = sorted(
        (pod for pod in observation.pods if not terminating(pod)),
        key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"]),
        reverse=True,
    )
    return [pod for pod in pods if _hash(pod) == _hash(pods[0])]


def unfinished_pods(observation: Observation) -> list[Manifest]:
    """As `current_pods`, without those that were evicted or have ended."""
    return [pod for pod in current_pods(observation) if phase(pod) not in FINISHED]


def containers(pod: Manifest) -> list[Manifest]:
    """Status of every container, in the order of their start."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def waiting(pod: Manifest) -> Iterator[Waiting]:
    """The containers that wait."""
    for container in containers(pod):
        if state := (container.get("state") or {}).get("waiting"):
            reason, message = state.get("reason", ""), state.get("message", "")
            yield Waiting(container["name"], container.get("image", ""), reason, message)


def last_end(container: Manifest) -> Manifest:
    """How a container ended last: `exitCode`, `reason`, `message`, `startedAt`, `finishedAt`; empty if it never did."""
    for state in (container.get("state"), container.get("lastState")):
        if end := (state or {}).get("terminated"):
            return dict(end)
    return {}


def instant(text: str) -> datetime:
    """A time of the API server."""
    return datetime.fromisoformat(text)


def age(pod: Manifest, now: datetime) -> timedelta:
    """Since the kubelet took the pod up, or since it was made while no node has it."""
    since = (pod.get("status") or {}).get("startTime") or pod["metadata"].get("creationTimestamp")
    return now - instant(since) if since else timedelta(0)


def event_text(events: Sequence[Manifest], about: Manifest, *reasons: str, but: str | None = None) -> str | None:
    """The newest message about an object with one of the reasons; one that begins with `but` only if there is no other.

    Events are kept for about an hour and come again while a cause lasts.
    """
    uid = about["metadata"].get("uid")
    found = [e for e in events if e["reason"] in reasons and e["involvedObject"].get("uid") == uid]
    best = max(
        found, default=None, key=lambda e: (but is None or not _message(e).startswith(but), _last_seen(e), _message(e))
    )
    return None if best is None else _message(best)


def _message(event: Manifest) -> str:
    return event.get("message") or ""


def _last_seen(event: Manifest) -> datetime:
    series = (event.get("series") or {}).get("lastObservedTime")
    text = series or event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    return instant(text) if text else datetime.min.replace(tzinfo=UTC)


def _hash(pod: Manifest) -> str | None:
    value: str | None = (pod["metadata"].get("labels") or {}).get(_POD_HASH)
    return value
