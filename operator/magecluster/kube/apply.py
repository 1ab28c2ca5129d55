"""Bringing single objects to their desired state."""

from enum import StrEnum

from magecluster.api.labels import INSTANCE, MANAGED_BY, MANAGER
from magecluster.api.magecluster import KIND
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.difference import is_applied
from magecluster.kube.errors import ConflictError, NotFoundError
from magecluster.kube.kinds import Kind, kind_of

_NEVER = "1"
"""A resource version that no object has: with it an apply creates, or answers 409 when there is an object of that name.

Seen on Kubernetes 1.36; it spares the read that would otherwise have to precede each creation.
"""


class Outcome(StrEnum):
    """What an apply did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class NameTakenError(Exception):
    """An object of that name belongs to somebody else; the text says what to do."""


class PredecessorError(Exception):
    """The object belongs to a deleted cluster of the same name and will soon be gone."""


async def apply(connection: Connection, desired: Manifest, live: Manifest | None) -> tuple[Outcome, Manifest]:
    """Apply `desired` where it differs from `live`, the newest known state (`None`: not there).

    Raises `KubeError`, `NameTakenError`, `PredecessorError`.
    """
    path = _path(kind_of(desired), desired)
    if live is None:
        try:
            created = {**desired, "metadata": {**desired["metadata"], "resourceVersion": _NEVER}}
            return Outcome.CREATED, await connection.apply(path, created)
        except ConflictError:
            try:
                live = await connection.get(path)
            except NotFoundError as error:
                raise ConflictError(f"{path} came and went") from error
    check_owner(desired, live)
    if is_applied(desired, live):
        return Outcome.UNCHANGED, live
    return Outcome.CHANGED, await connection.apply(path, desired)


async def prune(connection: Connection, kind: Kind, live: Manifest) -> None:
    """Delete exactly this object; one that is gone or another by now is left alone until it is seen."""
    metadata = live["metadata"]
    try:
        await connection.delete(
            kind.path(metadata["namespace"], metadata["name"]),
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
        )
    except (ConflictError, NotFoundError):
        return


def controller_of(live: Manifest) -> Manifest | None:
    """The owner reference that controls an object."""
    return next((o for o in live["metadata"].get("ownerReferences", ()) if o.get("controller")), None)


def check_owner(desired: Manifest, live: Manifest) -> None:
    """Raise unless the live object is ours: controlled by this cluster, or by nobody and labelled as its own."""
    labels, wanted = live["metadata"].get("labels") or {}, desired["metadata"]["labels"]
    owner, ours = controller_of(live), controller_of(desired)
    name = f"{desired['kind']} {desired['metadata']['name']}"
    if owner and ours and owner["uid"] == ours["uid"]:
        return
    if owner and ours and (owner["kind"], owner["name"]) == (KIND, ours["name"]):
        raise PredecessorError(f"{name} belongs to a deleted cluster of the same name")
    if labels.get(MANAGED_BY) != MANAGER or labels.get(INSTANCE) != wanted[INSTANCE]:
        raise NameTakenError(f"{name} exists and is not this operator's: rename it, or give the cluster another name")
    if owner and ours:
        raise NameTakenError(
            f"{name} belongs to {owner['kind']} {owner['name']}: rename it, or give the cluster another name"
        )


def _path(kind: Kind, manifest: Manifest) -> str:
    return kind.path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
