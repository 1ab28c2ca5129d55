"""What can be checked while Mage runs at the release: names that are free, rights, and what admission says."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

from magecluster.adopt.facts import Plan, Takeover, record_name
from magecluster.adopt.helm import HELM, OWNER
from magecluster.adopt.new import COPIED, NEW, state_of
from magecluster.adopt.plan import secret_names
from magecluster.adopt.read import get, records
from magecluster.api.labels import INSTANCE, MANAGED_BY, MANAGER
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.apply import NameTakenError, PredecessorError, check_owner
from magecluster.kube.connection import Connection
from magecluster.kube.errors import KubeError, NotFoundError, RefusedError
from magecluster.kube.kinds import DEPLOYMENTS, JOBS, MAGE_CLUSTERS, SCALERS, SECRETS, SERVICES, VOLUMES, kind_of
from magecluster.resources import desired_objects
from magecluster.resources.platform import Platform


async def rehearse(connection: Connection, plan: Plan) -> list[str]:
    """What stands in the way, each with its remedy. Writes nothing. Raises `KubeError` for trouble with the server."""
    takeover = plan.takeover
    cluster = MageCluster.parse(takeover.cluster)
    found = [problem async for problem in _taken(connection, takeover, cluster)]
    return [*found, *[problem async for problem in _refused(connection, takeover)]]


async def _taken(connection: Connection, takeover: Takeover, cluster: MageCluster) -> AsyncIterator[str]:
    namespace, name = takeover.namespace, takeover.name
    if await _found(connection, MAGE_CLUSTERS.path(namespace, name)):
        yield f"there is a MageCluster {name} already: delete it, or choose another name with --name"
    texts, credentials = secret_names(takeover)
    if takeover.texts and (live := await get(connection, SECRETS.path(namespace, texts))) and not _ours(live, name):
        yield f"Secret {texts} is there and somebody else's: rename it, or choose another name with --name"
    live = await get(connection, SECRETS.path(namespace, credentials))
    if live and takeover.credentials and state_of(live) is None:
        keys = ", ".join(takeover.credentials)
        yield f"Secret {credentials} is there, and would not get {keys} of the release: delete it, or choose --name"
    if takeover.claim:
        volume = takeover.claim["metadata"]["name"]
        live = await get(connection, VOLUMES.path(namespace, volume))
        if live and state_of(live) not in (NEW, COPIED):
            yield f"claim {volume} is there, and its files could be overwritten: delete it, or choose --name"
    for desired in desired_objects(cluster, "", Platform(gateway_image="none")):
        if problem := await _owned_by_others(connection, desired, takeover):
            yield problem


async def _owned_by_others(connection: Connection, desired: Manifest, takeover: Takeover) -> str | None:
    kind, name = kind_of(desired), desired["metadata"]["name"]
    leaving = {(DEPLOYMENTS, each["metadata"]["name"]) for each in takeover.deployments}
    if takeover.service:
        leaving.add((SERVICES, takeover.name))
    live = await get(connection, kind.path(takeover.namespace, name))
    if live is None or (kind, name) in leaving:
        return None
    try:
        check_owner(desired, {"kind": desired["kind"], **live})
    except (NameTakenError, PredecessorError) as error:
        return str(error)
    return None


async def _refused(connection: Connection, takeover: Takeover) -> AsyncIterator[str]:
    """Every write of the steps, as a dry run of the API server."""
    namespace = takeover.namespace
    if problem := await _refusal("MageCluster", _accepted(connection, takeover)):
        yield problem
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": record_name(takeover.name)}}
    writes: list[tuple[str, Awaitable[Any]]] = [
        ("a Secret", connection.create(SECRETS.path(namespace), secret, dry_run=True))
    ]
    if takeover.claim:
        writes.append(("the new volume", connection.create(VOLUMES.path(namespace), takeover.claim, dry_run=True)))
    if takeover.job:
        writes.append(("the Job that copies", connection.create(JOBS.path(namespace), takeover.job, dry_run=True)))
    for kind, objects in ((DEPLOYMENTS, takeover.deployments), (SCALERS, takeover.scalers)):
        for each in objects:
            path, uid = kind.path(namespace, each["metadata"]["name"]), each["metadata"]["uid"]
            told = f"{each['metadata']['name']} of {kind.plural}"
            writes.append((told, connection.merge(path, {"metadata": {"labels": {}}}, dry_run=True)))
            writes.append((told, connection.delete(path, uid=uid, resource_version=None, dry_run=True)))
    if takeover.service:
        path = SERVICES.path(namespace, takeover.name)
        writes.append(("the Service", connection.merge(path, {"metadata": {"labels": {}}}, dry_run=True)))
    for record in await records(connection, takeover.release, namespace, HELM):
        path = SECRETS.path(namespace, record["metadata"]["name"])
        patch = {"metadata": {"labels": {OWNER: HELM}}}
        writes.append(("the record of the release", connection.merge(path, patch, dry_run=True)))
    for told, write in writes:
        if problem := await _refusal(told, write):
            yield problem


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


async def _refusal(what: str, write: Awaitable[Any]) -> str | None:
    try:
        await write
    except RefusedError as error:
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


async def _found(connection: Connection, path: str) -> bool:
    return await get(connection, path) is not None


def _ours(live: Manifest, name: str) -> bool:
    found = live["metadata"].get("labels") or {}
    return found.get(MANAGED_BY) == MANAGER and found.get(INSTANCE) == name
