"""The Secret of a cluster with the texts that clients asked to keep secret.

A text gets a key of its own (see `config/environment.py`) and is written before the MageCluster refers to it, so that
no pod ever misses it. What nothing refers to any more is removed later: another client may be about to refer to it.
"""

import base64
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import orjson
import structlog

from magecluster.api.labels import CLOUD_API, INSTANCE, MANAGED_BY
from magecluster.api.magecluster import API_VERSION, KIND
from magecluster.api.model import Manifest
from magecluster.cloud.errors import ConflictError
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import KubeError, NotFoundError
from magecluster.kube.kinds import MAGE_CLUSTERS, SECRETS

WRITTEN = "magecluster.io/written"
"""Annotation: key → when it was written, in seconds since 1970."""
GRACE_SECONDS = 600.0
"""No request lives so long: what was written before and is not referred to will not be."""
ATTEMPTS = 10

logger = structlog.stdlib.get_logger(__name__)


class Vaults:
    """Writes with the version that was read as a precondition, so that two writers cannot undo each other's work."""

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection, self._clock = connection, clock

    async def put(
        self, namespace: str, name: str, cluster: str, texts: Mapping[str, str], *, owner: Manifest | None
    ) -> None:
        """Write texts by their keys. Raises `KubeError`, `ConflictError`.

        `owner` is the MageCluster with which the Secret ends; `None` while there is none yet, see `adopt`; then
        `ConflictError` of Kubernetes when somebody else has made the cluster meanwhile. What a deleted cluster of the
        same name left behind is taken over before the garbage collector gets it.
        """
        now = int(self._clock())
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        for _ in range(ATTEMPTS):
            try:
                live = await self._connection.get(SECRETS.path(namespace, name))
            except NotFoundError:
                created = _new(namespace, name, cluster, data, dict.fromkeys(data, now))
                created["metadata"]["ownerReferences"] = _owners(owner)
                if await self._create(SECRETS.path(namespace), created):
                    return
                continue
            _check(live, cluster)
            if owner is None and live["metadata"].get("ownerReferences"):
                await self._check_left_behind(namespace, cluster)
            path, patch = _patch(live, data, _written(live) | dict.fromkeys(data, now))
            patch["metadata"]["ownerReferences"] = _owners(owner)
            if await self._merge(path, patch):
                return
        raise KubeConflictError(f"Secret {name} changes again and again")

    async def adopt(self, cluster: Manifest, name: str) -> None:
        """Let the Secret end with its cluster, which did not exist when it was written. Raises `KubeError`."""
        patch = {"metadata": {"ownerReferences": _owners(cluster)}}
        await self._connection.merge(SECRETS.path(cluster["metadata"]["namespace"], name), patch)

    async def _check_left_behind(self, namespace: str, cluster: str) -> None:
        try:
            await self._connection.get(MAGE_CLUSTERS.path(namespace, cluster))
        except NotFoundError:
            return
        raise KubeConflictError(f"MageCluster {cluster} exists")

    async def tidy(self, namespace: str, name: str, cluster: str, used: AbstractSet[str]) -> None:
        """Remove what is not used and was written long ago; what fails is made good by the next change."""
        try:
            await self._tidy(namespace, name, cluster, used)
        except KubeError as error:
            logger.warning("Could not tidy up Secret %s/%s: %s", namespace, name, error)

    async def _tidy(self, namespace: str, name: str, cluster: str, used: AbstractSet[str]) -> None:
        try:
            live = await self._connection.get(SECRETS.path(namespace, name))
        except NotFoundError:
            return
        if not _is_ours(live, cluster):
            return
        written, oldest = _written(live), self._clock() - GRACE_SECONDS
        unused = [key for key in live.get("data") or {} if key not in used and written.get(key, 0) < oldest]
        if unused:
            left = {key: when for key, when in written.items() if key not in unused}
            # When somebody else has written meanwhile, the next change tidies up.
            await self._merge(*_patch(live, dict.fromkeys(unused), left))

    async def _create(self, path: str, manifest: Manifest) -> bool:
        """Whether nobody else was faster."""
        try:
            await self._connection.create(path, manifest)
        except KubeConflictError:
            return False
        return True

    async def _merge(self, path: str, patch: Manifest) -> bool:
        """Whether it still was what was read: somebody else may have changed it, or the garbage collector taken it."""
        try:
            await self._connection.merge(path, patch)
        except (KubeConflictError, NotFoundError):
            return False
        return True


def _new(namespace: str, name: str, cluster: str, data: Mapping[str, str], written: Mapping[str, int]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {MANAGED_BY: CLOUD_API, INSTANCE: cluster},
            "annotations": {WRITTEN: orjson.dumps(written).decode()},
        },
        "data": dict(data),
    }


def _owners(cluster: Manifest | None) -> list[Manifest]:
    if cluster is None:
        return []
    metadata = cluster["metadata"]
    return [{"apiVersion": API_VERSION, "kind": KIND, "name": metadata["name"], "uid": metadata["uid"]}]


def _patch(live: Manifest, data: Mapping[str, str | None], written: Mapping[str, int]) -> tuple[str, Manifest]:
    metadata = live["metadata"]
    changes = {
        "resourceVersion": metadata["resourceVersion"],
        "annotations": {WRITTEN: orjson.dumps(written).decode()},
    }
    return SECRETS.path(metadata["namespace"], metadata["name"]), {"metadata": changes, "data": dict(data)}


def _written(live: Manifest) -> dict[str, int]:
    """What somebody else made of the annotation counts as nothing: then everything was written long ago."""
    try:
        found: Any = orjson.loads((live["metadata"].get("annotations") or {}).get(WRITTEN, ""))
    except orjson.JSONDecodeError:
        return {}
    return {key: when for key, when in found.items() if isinstance(when, int)} if isinstance(found, dict) else {}


def _is_ours(live: Manifest, cluster: str) -> bool:
    labels = live["metadata"].get("labels") or {}
    return (labels.get(MANAGED_BY), labels.get(INSTANCE)) == (CLOUD_API, cluster)


def _check(live: Manifest, cluster: str) -> None:
    if not _is_ours(live, cluster):
        name = live["metadata"]["name"]
        raise ConflictError(f"a Secret {name} exists that is not the Cloud API's: an administrator has to rename it")
