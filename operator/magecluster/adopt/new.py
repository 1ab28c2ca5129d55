"""Steps that make what is new: the record of the takeover, Secrets, volume and MageCluster."""

import base64
import json
import secrets
from dataclasses import asdict

from magecluster.adopt.cluster import ADOPTED_FROM
from magecluster.adopt.context import AnotherError, Context, StepError
from magecluster.adopt.facts import Takeover, record_name
from magecluster.adopt.plan import secret_names
from magecluster.api.labels import labels
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection, list_all
from magecluster.kube.kinds import MAGE_CLUSTERS, SECRETS, VOLUMES
from magecluster.resources.secret import new_secret

STATE = "magecluster.io/adoption"
"""Annotation of what a takeover has made: how far it is."""
NEW, COPIED, USED, UNDER_WAY, DONE = "new", "copied", "used", "under-way", "done"
"""`used` is what Mage may have written to or learned: it is never deleted."""

OBSERVED_SECONDS = 60.0
"""How long the operator may take to see a new MageCluster."""

_TAKEOVER = "takeover"


async def find_record(connection: Connection, release: str, namespace: str) -> tuple[Takeover, str] | None:
    """A takeover of the release that was begun, and its state."""
    found = await list_all(connection, SECRETS.path(namespace), labelSelector=f"{ADOPTED_FROM}={release}")
    for each in found:
        state: str = (each["metadata"].get("annotations") or {}).get(STATE, UNDER_WAY)
        try:
            return _written(each), state
        except (KeyError, TypeError, ValueError) as error:
            name = each["metadata"]["name"]
            raise StepError(
                f"Secret {name} is not of this version of magecluster: use the one that wrote it"
            ) from error
    return None


async def record(context: Context) -> None:
    """First of all, so that a run that is killed can be continued, and undone."""
    takeover = context.takeover
    metadata = {
        "name": record_name(context.name),
        "namespace": context.namespace,
        "labels": {ADOPTED_FROM: takeover.release},
        "annotations": {STATE: UNDER_WAY},
    }
    text = json.dumps(asdict(takeover), separators=(",", ":"))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {_TAKEOVER: text}}
    await context.create(SECRETS, secret)
    live = await context.connection.get(context.path(SECRETS, record_name(context.name)))
    if _written(live) != takeover:
        raise AnotherError(f"somebody else takes over {context.name}: see Secret {record_name(context.name)}")


def _written(secret: Manifest) -> Takeover:
    return Takeover(**json.loads(base64.b64decode(secret["data"][_TAKEOVER])))


async def forget_record(context: Context) -> None:
    """Last of all."""
    await context.remove(SECRETS, await context.find(SECRETS, record_name(context.name)))


async def finish(context: Context) -> None:
    """From now on there is nothing to continue."""
    await mark(context, SECRETS.path(context.namespace, record_name(context.name)), DONE)


async def unfinish(context: Context) -> None:
    """While it is undone."""
    if await context.find(SECRETS, record_name(context.name)):
        await mark(context, SECRETS.path(context.namespace, record_name(context.name)), UNDER_WAY)


async def mark(context: Context, path: str, state: str) -> None:
    """Write down a state in an annotation."""
    await context.connection.merge(path, {"metadata": {"annotations": {STATE: state}}})


def state_of(live: Manifest) -> str | None:
    """What `mark` wrote; `None` for what no takeover has made."""
    state: str | None = (live["metadata"].get("annotations") or {}).get(STATE)
    return state


async def make_secrets(context: Context) -> None:
    """Values of variables and credentials; what is not given is random, as the operator makes it."""
    texts, credentials = secret_names(context.takeover)
    cluster = MageCluster.parse(context.takeover.cluster)
    created = new_secret(cluster, lambda: secrets.token_urlsafe(24))
    created["metadata"]["annotations"] = {STATE: NEW}
    created["stringData"] |= context.takeover.credentials
    await context.create(SECRETS, created | {"metadata": {**created["metadata"], "name": credentials}})
    if context.takeover.texts:
        metadata = {"name": texts, "namespace": context.namespace, "labels": labels(context.name)}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": context.takeover.texts}
        await context.create(SECRETS, secret)


async def remove_secrets(context: Context) -> None:
    """Except a password that Mage has learned."""
    texts, credentials = secret_names(context.takeover)
    if (live := await context.find(SECRETS, credentials)) and state_of(live) == NEW:
        await context.remove(SECRETS, live)
    if (live := await context.find(SECRETS, texts)) and context.is_ours(live):
        await context.remove(SECRETS, live)


async def make_volume(context: Context) -> None:
    """As a volume that a cluster of that name has left, which the operator takes up."""
    claim = context.takeover.claim or {}
    live = await context.find(VOLUMES, claim["metadata"]["name"])
    if live is None:
        annotations = {STATE: NEW}
        await context.create(VOLUMES, {**claim, "metadata": {**claim["metadata"], "annotations": annotations}})
    elif state_of(live) not in (NEW, COPIED):
        raise StepError(claim_taken(claim["metadata"]["name"]))


def claim_taken(name: str) -> str:
    """What is said of a volume with files that are not known to be this takeover's."""
    return f"claim {name} is there, and its files could be overwritten: delete it, or choose --name"


async def remove_volume(context: Context) -> None:
    """Unless Mage has worked on it."""
    if context.takeover.claim:
        live = await context.find(VOLUMES, context.takeover.claim["metadata"]["name"])
        if live and state_of(live) in (NEW, COPIED):
            await context.remove(VOLUMES, live)


async def make_cluster(context: Context) -> None:
    """Stopped, while the release runs: shows that the operator is there and accepts it."""
    wanted = context.takeover.cluster
    await context.create(MAGE_CLUSTERS, {**wanted, "spec": {**wanted["spec"], "status": "Stopped"}})

    async def observed() -> Manifest | None:
        live = await context.cluster()
        seen = ((live or {}).get("status") or {}).get("observedGeneration")
        return live if live and seen == live["metadata"]["generation"] else None

    await context.until(
        observed,
        OBSERVED_SECONDS,
        lambda: f"no operator looks after namespace {context.namespace}: install it, or see its log",
    )


async def remove_cluster(context: Context) -> None:
    """It has nothing of the release any more."""
    await context.remove(MAGE_CLUSTERS, await context.cluster())

    async def gone() -> bool:
        return await context.cluster() is None

    await context.until(
        gone, OBSERVED_SECONDS, lambda: f"MageCluster {context.name} is not removed: see kubectl get mc"
    )
