"""Reading what a cluster refers to, and creating its credentials once."""

import asyncio
import secrets

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.status import Reason
from magecluster.kube.apply import Outcome
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError, NotFoundError, RefusedError
from magecluster.kube.kinds import CONFIG_MAPS, SECRETS, VOLUMES
from magecluster.resources.metadata import credentials_name
from magecluster.resources.references import Reference, references
from magecluster.resources.secret import new_secret
from magecluster.status import Problem

_KINDS = {"Secret": SECRETS, "ConfigMap": CONFIG_MAPS}
_MISSING = {"Secret": Reason.SECRET_MISSING, "ConfigMap": Reason.CONFIG_MAP_MISSING}


async def read_references(
    connection: Connection, cluster: MageCluster
) -> tuple[dict[Reference, str | None], list[Problem]]:
    """What the pod will read at its start, encoded, and what of it is missing. Each object is read once, by name."""
    wanted = references(cluster)
    objects = sorted({(ref.kind, ref.name) for ref in wanted})
    namespace = cluster.metadata.namespace
    reads = (_read(connection, _KINDS[kind].path(namespace, name)) for kind, name in objects)
    try:
        live = dict(zip(objects, await asyncio.gather(*reads), strict=True))
    except RefusedError as error:
        message = f"What the spec refers to cannot be read: {error}; grant the operator the right to get it"
        return {}, [Problem(Reason.FORBIDDEN, message)]
    values: dict[Reference, str | None] = {}
    problems: list[Problem] = []
    for ref in wanted:
        manifest = live[ref.kind, ref.name]
        values[ref] = _value(manifest, ref.key)
        if values[ref] is None and not ref.optional:
            problems.append(_missing(ref, manifest))
    return values, problems


async def read_existing_claim(connection: Connection, cluster: MageCluster) -> tuple[Manifest | None, list[Problem]]:
    """The claim of others that the spec names, and why it cannot be mounted; nothing where the claim is our own.

    The watches do not tell of it, since they are narrowed to what is ours.
    """
    name = cluster.spec.storage.existing_claim
    if name is None:
        return None, []
    try:
        found = await _read(connection, VOLUMES.path(cluster.metadata.namespace, name))
    except RefusedError as error:
        message = f"Claim {name} cannot be read: {error}; grant the operator the right to get it"
        return None, [Problem(Reason.FORBIDDEN, message)]
    if found is None or found["metadata"].get("deletionTimestamp"):
        what = "does not exist" if found is None else "is being deleted"
        message = f"Claim {name}, which spec.storage.existingClaim names, {what}; create it, or use another cluster"
        return found, [Problem(Reason.VOLUME_PENDING, message)]
    return found, []


async def ensure_credentials(connection: Connection, cluster: MageCluster) -> tuple[Outcome, Manifest]:
    """The cluster's own Secret, created with random values when it is not there, and never changed."""
    path = SECRETS.path(cluster.metadata.namespace, credentials_name(cluster))
    new = cluster.status.state is None  # its Secret is seldom there: spare the read
    if not new and (live := await _read(connection, path)):
        return Outcome.UNCHANGED, live
    try:
        created = new_secret(cluster, lambda: secrets.token_urlsafe(24))
        return Outcome.CREATED, await connection.create(SECRETS.path(cluster.metadata.namespace), created)
    except ConflictError:
        return Outcome.UNCHANGED, await connection.get(path)


async def _read(connection: Connection, path: str) -> Manifest | None:
    try:
        return await connection.get(path)
    except NotFoundError:
        return None


def _value(manifest: Manifest | None, key: str) -> str | None:
    manifest = manifest or {}
    value: str | None = (manifest.get("data") or {}).get(key, (manifest.get("binaryData") or {}).get(key))
    return value


def _missing(ref: Reference, manifest: Manifest | None) -> Problem:
    what = f"{ref.kind} {ref.name}" if manifest is None else f"key {ref.key} of {ref.kind} {ref.name}"
    message = f"{what}, which {ref.used_by} names, does not exist; create it, or correct the spec"
    return Problem(_MISSING[ref.kind], message)
