"""Kubernetes Events, as `kubectl describe` shows them."""

import secrets
from datetime import datetime
from typing import Literal, NamedTuple

import structlog

from magecluster.api.labels import MANAGER
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import EndingError, KubeError
from magecluster.kube.kinds import EVENTS

MESSAGE_LIMIT = 1024
"""core/v1 Events refuse longer messages."""


class Event(NamedTuple):
    """What is told."""

    type: Literal["Normal", "Warning"]
    reason: str
    """One word for programs."""
    message: str


logger = structlog.stdlib.get_logger(__name__)


async def record(
    connection: Connection, about: Manifest, event: Event, now: datetime, component: str = MANAGER
) -> None:
    """Create one Event about an object; one that cannot be told is logged, because it must not hold up what it tells.

    `about` has apiVersion, kind and metadata; `component` is who tells.
    """
    metadata = about["metadata"]
    when = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{secrets.token_hex(8)}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:MESSAGE_LIMIT],
        "source": {"component": component},
        "reportingComponent": component,
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }
    try:
        await connection.create(EVENTS.path(metadata["namespace"]), manifest)
    except EndingError:
        return
    except KubeError as error:
        logger.warning("Could not record Event %s: %s", event.reason, error)
