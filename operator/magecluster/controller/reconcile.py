"""One cluster, brought to its desired state and reported on."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

import structlog

from magecluster.api.magecluster import InvalidClusterError, MageCluster
from magecluster.api.model import Manifest
from magecluster.api.status import Reason
from magecluster.controller.gather import ensure_credentials, read_existing_claim, read_references
from magecluster.controller.kept import keeping
from magecluster.controller.metrics import Metrics
from magecluster.controller.report import Reporter
from magecluster.kube.apply import NameTakenError, Outcome, PredecessorError, apply, controller_of, prune
from magecluster.kube.cache import Cache, Key
from magecluster.kube.connection import Connection
from magecluster.kube.errors import EndingError, ForbiddenError, NotFoundError, QuotaError, RefusedError
from magecluster.kube.kinds import (
    DEPLOYMENTS,
    INGRESSES,
    NETWORK_POLICIES,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SERVICES,
    Kind,
    kind_of,
)
from magecluster.resources import desired_objects
from magecluster.resources.metadata import workload_name
from magecluster.resources.platform import Platform
from magecluster.resources.references import checksum
from magecluster.status import Problem, recheck_after

OPTIONAL_KINDS = (INGRESSES, ROLE_BINDINGS, ROLES)
"""Kinds that a cluster can cease to want."""

LAST = (DEPLOYMENTS, ROLE_BINDINGS)

PREDECESSOR_SECONDS = 1.0
"""How soon to look again while the garbage collector removes the objects of a deleted cluster of the same name."""

NO_GATEWAY_IMAGE = Problem(
    Reason.INVALID,
    "spec.gateway is enabled, but nobody named an image for it; give one in spec.gateway.image, "
    "or start the operator with --gateway-image",
)

logger = structlog.stdlib.get_logger(__name__)


class Reconciler:
    """Compares, then applies: what is as it should be is not written."""

    def __init__(
        self,
        connection: Connection,
        cache: Cache,
        *,
        clock: Callable[[], datetime],
        metrics: Metrics,
        resync_seconds: float,
        platform: Platform,
    ) -> None:
        self._connection, self._cache, self._clock, self._metrics = connection, cache, clock, metrics
        self._reporter = Reporter(connection, cache, clock, metrics)
        self._resync_seconds, self._platform = resync_seconds, platform

    async def reconcile(self, key: Key) -> float | None:
        """Seconds after which to look again, `None` for not before something changes. Raises `KubeError`."""
        manifest = self._cache.cluster(key)
        if manifest is None or manifest["metadata"].get("deletionTimestamp"):
            self._metrics.reported(key, None)
            return None  # the garbage collector deletes what the cluster owns
        with structlog.contextvars.bound_contextvars(cluster="/".join(key)):
            try:
                cluster = MageCluster.parse(manifest)
            except InvalidClusterError as error:
                await self._reporter.report_invalid(manifest, str(error))
                return None
            try:
                return await self._bring_up_to_date(cluster, key)
            except PredecessorError as error:
                logger.info("Waiting for the garbage collector: %s", error)
                return PREDECESSOR_SECONDS
            except EndingError:
                return None  # its deletion is on the way
            except NotFoundError:
                if not self._cache.cluster(key):
                    return None  # deleted meanwhile
                raise

    async def _bring_up_to_date(self, cluster: MageCluster, key: Key) -> float | None:
        values, missing = await read_references(self._connection, cluster)
        claim, unusable = await read_existing_claim(self._connection, cluster)
        problems, held_back = _obstacles(cluster, self._platform, [*missing, *unusable])
        references = checksum(values)
        live = self._cache.find(DEPLOYMENTS, key, workload_name(cluster))
        wanted = desired_objects(cluster, references, keeping(self._platform, cluster, references, live))
        desired = [manifest for manifest in wanted if kind_of(manifest) not in held_back]
        problems += await self._apply_all(cluster, desired, key)
        problems += await self._prune(cluster, wanted, key)
        status = await self._reporter.report(cluster, key, problems, claim)
        waits = [recheck_after(cluster, status, self._clock())]
        if values or unusable:
            waits.append(self._resync_seconds * random.uniform(0.8, 1.2))  # noqa: S311  no secret depends on it
        return min((wait for wait in waits if wait is not None), default=None)

    async def _apply_all(self, cluster: MageCluster, desired: list[Manifest], key: Key) -> list[Problem]:
        """Apply all objects at once, but last what needs another: the pod its network policy, a binding its role."""
        problems: list[Problem] = []
        for last in (False, True):
            batch = [manifest for manifest in desired if (kind_of(manifest) in LAST) == last]
            applies = [self._apply(cluster, manifest, key) for manifest in batch]
            for outcome in await asyncio.gather(*applies, return_exceptions=True):
                # Raised only when all have ended, so that none of them goes on into the next run.
                if isinstance(outcome, BaseException):
                    raise outcome
                if outcome:
                    problems.append(outcome)
        return problems

    async def _apply(self, cluster: MageCluster, desired: Manifest, key: Key) -> Problem | None:
        """Apply one object; a refusal is a problem to report, other trouble is raised and tried again."""
        kind, name = kind_of(desired), desired["metadata"]["name"]
        what = f"{desired['kind']} {name}"
        made, live = Outcome.UNCHANGED, self._cache.find(kind, key, name)
        try:
            if kind == SECRETS:
                made, live = await ensure_credentials(self._connection, cluster)
            applied, live = await apply(self._connection, desired, live)
        except NameTakenError as error:
            return Problem(Reason.NAME_CONFLICT, str(error))
        except RefusedError as error:
            self._metrics.applied(desired["kind"], "refused")
            logger.warning("Could not apply %s: %s", what, error)
            return _refusal(error, what)
        if kind != SECRETS:
            self._cache.put(kind, live)
        outcome = applied if made == Outcome.UNCHANGED else made
        self._metrics.applied(desired["kind"], outcome)
        if outcome != Outcome.UNCHANGED:
            logger.info("Applied %s (%s)", what, outcome)
        return None

    async def _prune(self, cluster: MageCluster, wanted: list[Manifest], key: Key) -> list[Problem]:
        """Delete what is ours and no longer wanted."""
        kept = {(kind_of(manifest), manifest["metadata"]["name"]) for manifest in wanted}
        problems: list[Problem] = []
        for kind in OPTIONAL_KINDS:
            for live in self._cache.of(kind, key):
                name, owner = live["metadata"]["name"], controller_of(live)
                if owner is None or owner["uid"] != cluster.metadata.uid or (kind, name) in kept:
                    continue
                logger.info("Deleting %s %s, which is no longer wanted", kind.plural, name)
                try:
                    await prune(self._connection, kind, live)
                except RefusedError as error:
                    problems.append(_refusal(error, f"The deletion of {live['kind']} {name}"))
        return problems


def _obstacles(
    cluster: MageCluster, platform: Platform, missing: list[Problem]
) -> tuple[list[Problem], tuple[Kind, ...]]:
    """Why a pod made now could not start, and the kinds that wait until it can: what runs keeps running as it is."""
    if not cluster.wants_to_run:
        return [], ()
    if cluster.spec.gateway.enabled and platform.gateway_image_of(cluster) is None:
        # Service and NetworkPolicy name a port that only a pod with the gateway has.
        return [NO_GATEWAY_IMAGE, *missing], (DEPLOYMENTS, NETWORK_POLICIES, SERVICES)
    return missing, (DEPLOYMENTS,) if missing else ()


def _refusal(error: RefusedError, what: str) -> Problem:
    match error:
        case QuotaError():
            return Problem(Reason.QUOTA_EXCEEDED, f"{what} was refused: {error}; raise the quota or ask for less")
        case ForbiddenError():
            return Problem(Reason.FORBIDDEN, f"{what} was refused: {error}; grant the right or change the rule")
        case _:
            return Problem(Reason.INVALID, f"{what} was refused: {error}; correct the spec")
