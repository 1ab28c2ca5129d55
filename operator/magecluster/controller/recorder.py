"""Kubernetes Events about clusters, as `kubectl describe mc` shows them."""

import secrets
from datetime import datetime

import structlog

from magecluster.api.labels import MANAGER
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import EndingError, KubeError
from magecluster.kube.kinds import EVENTS
from magecluster.status import StateChange

MESSAGE_LIMIT = 1024
"""core/v1 Events refuse longer messages."""

logger = structlog.stdlib.get_logger(__name__)


class Recorder:
    """Tells of changes; a change that cannot be told is logged, it must not hold up the cluster."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def record(self, cluster: Manifest, change: StateChange, now: datetime) -> None:
        """Create one Event about the cluster."""
        metadata = cluster["metadata"]
        when = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{secrets.token_hex(8)}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": cluster["apiVersion"],
                "kind": cluster["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "type": change.type,
            "reason": change.reason,
            "message": change.message[:MESSAGE_LIMIT],
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
        }
        try:
            await self._connection.create(EVENTS.path(metadata["namespace"]), event)
        except EndingError:
            return
        except KubeError as error:
            logger.warning("Could not record Event %s: %s", change.reason, error)
