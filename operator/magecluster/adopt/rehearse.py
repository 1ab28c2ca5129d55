"""What can be checked while Mage runs at the release: names that are free, rights, and what admission says."""

from collections.abc import AsyncIterator, Mapping

from magecluster.adopt.dryrun import refused
from magecluster.adopt.facts import Plan, Takeover
from magecluster.adopt.new import NEW, claim_taken, state_of
from magecluster.adopt.plan import secret_names
from magecluster.adopt.read import get
from magecluster.adopt.rights import missing
from magecluster.adopt.variables import decoded
from magecluster.api.labels import INSTANCE, MANAGED_BY, MANAGER
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.apply import NameTakenError, PredecessorError, check_owner
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import DEPLOYMENTS, MAGE_CLUSTERS, SECRETS, SERVICES, VOLUMES, kind_of
from magecluster.resources import desired_objects
from magecluster.resources.platform import Platform


async def rehearse(connection: Connection, plan: Plan) -> list[str]:
    """What stands in the way, each with its remedy. Writes nothing. Raises `KubeError` for trouble with the server."""
    takeover = plan.takeover
    cluster = MageCluster.parse(takeover.cluster)
    found = [problem async for problem in _taken(connection, takeover, cluster)]
    if lacks := await missing(connection, takeover):
        rights = f"you may not {', '.join(lacks)} in namespace {takeover.namespace}"
        return [*found, f"{rights}, which this or its way back needs: ask whoever gives rights there"]
    return [*found, *[problem async for problem in refused(connection, takeover)]]


async def _taken(connection: Connection, takeover: Takeover, cluster: MageCluster) -> AsyncIterator[str]:
    namespace, name = takeover.namespace, takeover.name
    if await get(connection, MAGE_CLUSTERS.path(namespace, name)):
        yield f"there is a MageCluster {name} already: delete it, or choose another name with --name"
    texts, credentials = secret_names(takeover)
    if takeover.texts and (live := await get(connection, SECRETS.path(namespace, texts))):
        if not _ours(live, name):
            yield f"Secret {texts} is there and somebody else's: rename it, or choose another name with --name"
        elif other := _other(live, takeover.texts):
            yield f"Secret {texts} is there, with {other}: kubectl delete secret {texts} -n {namespace}"
    live = await get(connection, SECRETS.path(namespace, credentials))
    if live and (other := _other(live, takeover.credentials)):
        yield (
            f"Secret {credentials} is there, with {other}: note its owner-password, which Mage may know, and kubectl "
            f"delete secret {credentials} -n {namespace}; or choose --name"
        )
    if takeover.claim:
        volume = takeover.claim["metadata"]["name"]
        live = await get(connection, VOLUMES.path(namespace, volume))
        if live and state_of(live) != NEW:
            yield claim_taken(volume)
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


def _ours(live: Manifest, name: str) -> bool:
    found = live["metadata"].get("labels") or {}
    return found.get(MANAGED_BY) == MANAGER and found.get(INSTANCE) == name


def _other(live: Manifest, wanted: Mapping[str, str]) -> str:
    """Names the keys that a Secret which is kept would give other values than the release; never the values."""
    data = live.get("data") or {}
    other = [key for key, value in wanted.items() if decoded(data.get(key)) != value]
    return f"other values of {', '.join(other)} than the release" if other else ""
