"""What was found, written into the status of a cluster and told as Events; only when it changes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.status import MageClusterStatus, State
from magecluster.controller.metrics import Metrics
from magecluster.kube import events
from magecluster.kube.cache import Cache, Key
from magecluster.kube.connection import Connection
from magecluster.kube.errors import RefusedError
from magecluster.kube.kinds import DEPLOYMENTS, EVENTS, MAGE_CLUSTERS, PODS, VOLUMES
from magecluster.resources.metadata import volume_name, workload_name
from magecluster.status import Observation, Problem, changes, invalid_spec_status, status_of

logger = structlog.stdlib.get_logger(__name__)


class Reporter:
    """Observes one cluster at a time through the watch cache."""

    def __init__(self, connection: Connection, cache: Cache, clock: Callable[[], datetime], metrics: Metrics) -> None:
        self._connection, self._cache, self._clock, self._metrics = connection, cache, clock, metrics

    async def report(
        self, cluster: MageCluster, key: Key, problems: Sequence[Problem], claim: Manifest | None = None
    ) -> MageClusterStatus:
        """Write the status that the live objects and the problems of applying make. Raises `KubeError`.

        `claim` is the one of spec.storage.existingClaim, which is not in the cache.
        """
        observation = Observation(
            deployment=self._cache.find(DEPLOYMENTS, key, workload_name(cluster)),
            volume=claim or self._cache.find(VOLUMES, key, volume_name(cluster)),
            pods=self._cache.of(PODS, key),
            problems=problems,
        )
        status = status_of(cluster, observation, self._clock())
        new = cluster.status.state is None
        if status.state in (State.STARTING, State.DEGRADED) and not problems and not new:
            # Some causes stand only in Events; they are asked for while something is amiss, and never watched. Of a
            # cluster that is being made there are none yet; recheck_after sees to another look.
            told = await self._events(cluster, observation)
            status = status_of(cluster, replace(observation, events=told), self._clock())
        if manifest := self._cache.cluster(key):
            await self._write(manifest, cluster.status, status)
        return status

    async def report_invalid(self, manifest: Manifest, message: str) -> None:
        """Tell that the spec of a MageCluster cannot be read. Raises `KubeError`."""
        previous = MageCluster.parse({**manifest, "spec": {}}).status
        generation = manifest["metadata"]["generation"]
        await self._write(manifest, previous, invalid_spec_status(previous, generation, message, self._clock()))

    async def _events(self, cluster: MageCluster, observation: Observation) -> list[Manifest]:
        path = EVENTS.path(cluster.metadata.namespace)
        found: list[Manifest] = []
        try:
            for live in [observation.volume, *observation.pods]:
                if live:
                    selector = f"involvedObject.uid={live['metadata']['uid']}"
                    found += (await self._connection.get(path, fieldSelector=selector))["items"]
        except RefusedError as error:
            logger.warning("Could not read Events, some causes stay unknown: %s", error)
        return found

    async def _write(self, manifest: Manifest, before: MageClusterStatus, after: MageClusterStatus) -> None:
        metadata = manifest["metadata"]
        self._metrics.reported((metadata["namespace"], metadata["name"]), after.state)
        if after == before:
            return
        # A merge patch leaves absent keys alone, so fields that ended are named with null; the UID keeps a successor of
        # the same name from getting this status.
        gone = {key: None for key in before.manifest() if key not in after.manifest()}
        patch = {"metadata": {"uid": metadata["uid"]}, "status": after.manifest() | gone}
        path = MAGE_CLUSTERS.path(metadata["namespace"], metadata["name"], "status")
        live = await self._connection.merge(path, patch)
        if live["metadata"]["generation"] == metadata["generation"]:
            # Otherwise the answer holds a change of the spec that is still to be seen, by the watch, as news.
            self._cache.put(MAGE_CLUSTERS, live)
        conditions = "; ".join(f"{c.type}={c.status} ({c.reason})" for c in after.conditions)
        logger.info("State %s: %s", after.state, conditions)
        for change in changes(before, after):
            await events.record(self._connection, manifest, events.Event(*change), self._clock())
