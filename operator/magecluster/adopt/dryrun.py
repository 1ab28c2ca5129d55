"""Every write of the steps as a dry run of the API server: what admission, schemas and quotas say of it."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from magecluster.adopt.context import plain
from magecluster.adopt.facts import Takeover, record_name
from magecluster.adopt.helm import HELM, OWNER
from magecluster.adopt.read import records
from magecluster.adopt.rights import may
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import KubeError, NotFoundError, QuotaError, RefusedError
from magecluster.kube.kinds import (
    CRON_JOBS,
    DEPLOYMENTS,
    JOBS,
    MAGE_CLUSTERS,
    PODS,
    SCALERS,
    SECRETS,
    SERVICES,
    VOLUMES,
    Kind,
)
from magecluster.resources.deployment import deployment
from magecluster.resources.platform import Platform

_UNTRIED = "does not support dry run"
"""What the API server says of a webhook that is not asked then: nothing is known of the write itself."""


class _Write(NamedTuple):
    """One write."""

    what: str
    answer: Awaitable[Any]
    again: bool = False
    """It is done when something as large is gone, so a quota that is used up says nothing."""


async def refused(connection: Connection, takeover: Takeover) -> AsyncIterator[str]:
    """What would be refused, and why. Raises `KubeError` for trouble with the server."""
    for write in chain(_new(connection, takeover), _old(connection, takeover)):
        if problem := await _refusal(write):
            yield problem
    for record in await records(connection, takeover.release, takeover.namespace, HELM):
        path = SECRETS.path(takeover.namespace, record["metadata"]["name"])
        patch = {"metadata": {"labels": {OWNER: HELM}}}
        if problem := await _refusal(_Write("the record of the release", connection.merge(path, patch, dry_run=True))):
            yield problem
    if await may(connection, takeover.namespace, "create", PODS):
        for what, pod in _pods(takeover):
            answer = connection.create(PODS.path(takeover.namespace), pod, dry_run=True)
            if problem := await _refusal(_Write(what, answer, again=True)):
                yield f"{problem}: change that rule, or the release by helm upgrade"


def _new(connection: Connection, takeover: Takeover) -> Iterator[_Write]:
    def created(what: str, kind: Kind, manifest: Manifest) -> _Write:
        return _Write(what, connection.create(kind.path(takeover.namespace), manifest, dry_run=True))

    yield _Write("MageCluster", _accepted(connection, takeover))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": record_name(takeover.name)}}
    yield created("a Secret", SECRETS, secret)
    if takeover.claim:
        yield created("the new volume", VOLUMES, takeover.claim)
    if takeover.job:
        yield created("the Job that copies", JOBS, takeover.job)


def _old(connection: Connection, takeover: Takeover) -> Iterator[_Write]:
    def patched(kind: Kind, each: Manifest) -> _Write:
        path = kind.path(takeover.namespace, each["metadata"]["name"])
        patch: Manifest = {"metadata": {"labels": {}}}
        return _Write(_name(kind, each), connection.merge(path, patch, dry_run=True))

    for kind, objects in ((DEPLOYMENTS, takeover.deployments), (SCALERS, takeover.scalers)):
        for each in objects:
            path, uid = kind.path(takeover.namespace, each["metadata"]["name"]), each["metadata"]["uid"]
            if kind is DEPLOYMENTS:
                yield patched(kind, each)
            yield _Write(_name(kind, each), connection.delete(path, uid=uid, resource_version=None, dry_run=True))
            # Admission is asked before the name that is taken, and may have changed since this one was made.
            again = connection.create(kind.path(takeover.namespace), plain(each), dry_run=True)
            yield _Write(f"{_name(kind, each)} on the way back", again, again=True)
    for each in takeover.cron_jobs:
        yield patched(CRON_JOBS, each)
    if service := takeover.service or takeover.left:
        yield patched(SERVICES, service)


def _name(kind: Kind, live: Manifest) -> str:
    return f"{live['metadata']['name']} of {kind.plural}"


def _pods(takeover: Takeover) -> Iterator[tuple[str, Manifest]]:
    """What the controllers of Jobs and Deployments would make; they tell nobody that it is refused."""
    cluster = MageCluster.parse(takeover.cluster)
    mage = deployment(cluster, "", Platform(gateway_image="none"))["spec"]["template"]
    yield "Mage's pod", _pod({**mage, "spec": {**mage["spec"], "serviceAccountName": "default"}}, takeover)
    if takeover.job:
        yield "the pod that copies", _pod(takeover.job["spec"]["template"], takeover)


def _pod(template: Manifest, takeover: Takeover) -> Manifest:
    metadata = {**template["metadata"], "generateName": f"{takeover.name}-"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


class _LostError(RefusedError):
    """The API server drops what no MageCluster has a place for, and says so only in a header."""


async def _accepted(connection: Connection, takeover: Takeover) -> None:
    made = await connection.create(MAGE_CLUSTERS.path(takeover.namespace), takeover.cluster, dry_run=True)
    if lost := list(_lost(takeover.cluster["spec"], made["spec"], "spec")):
        raise _LostError(f"it has no place for {', '.join(lost)}; change that with helm upgrade")


def _lost(sent: Any, kept: Any, path: str) -> Iterator[str]:
    match sent, kept:
        case dict(), dict():
            for key, value in sent.items():
                yield from _lost(value, kept.get(key), f"{path}.{key}")
        case list(), list() if len(sent) == len(kept):
            for index, (value, other) in enumerate(zip(sent, kept, strict=True)):
                yield from _lost(value, other, f"{path}[{index}]")
        case _, None if sent not in (None, {}, []):
            yield path
        case _:
            pass


async def _refusal(write: _Write) -> str | None:
    what = write.what
    try:
        await write.answer
    except QuotaError as error:
        return None if write.again and "exceeded quota" in str(error) else f"{what} would be refused: {error}"
    except RefusedError as error:
        if _UNTRIED in str(error):
            return None
        causes = "; ".join(f"{cause.field}: {cause.message}" for cause in error.causes)
        return f"{what} would be refused: {causes or error}"
    except NotFoundError as error:
        if what == "MageCluster":
            return (
                "there are no MageClusters here: install the operator, or at least its definitions (magecluster crds | "
                "kubectl apply --server-side -f -)"
            )
        return f"{what} would not be found: {error}"
    except KubeError as error:
        if error.status == 409:  # noqa: PLR2004  HTTP: a name that is taken is told by its own check
            return None
        raise
    return None
