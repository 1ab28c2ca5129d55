"""Steps that take the Service from the release, and with it Helm's power over all that it made."""

import asyncio

from magecluster.adopt.context import GONE_SECONDS, Context, plain
from magecluster.adopt.helm import HELM, HIDDEN, OWNER
from magecluster.adopt.new import OBSERVED_SECONDS, remove_cluster
from magecluster.adopt.read import records
from magecluster.api.labels import INSTANCE, MANAGED_BY, MANAGER, labels, selector
from magecluster.api.model import Manifest
from magecluster.kube.apply import controller_of
from magecluster.kube.errors import ConflictError
from magecluster.kube.kinds import DEPLOYMENTS, SECRETS, SERVICES, Kind

_HELM_ANNOTATIONS = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
_SETTLED_SECONDS = 1.0
_ATTEMPTS = 10


async def hand_over(context: Context) -> None:
    """By its labels the operator takes the Service for its own, and keeps its addresses and ports."""
    if context.takeover.service is None:
        return
    path = context.path(SERVICES, context.name)
    live = await context.connection.get(path)
    if not context.is_ours(live):
        gone = dict.fromkeys(_HELM_ANNOTATIONS)
        ours = {**labels(context.name), "helm.sh/chart": None}
        await context.connection.merge(path, {"metadata": {"labels": ours, "annotations": gone}})
    wanted = selector(context.name)

    async def taken() -> bool:
        found = await context.connection.get(path)
        return controller_of(found) is not None and found["spec"].get("selector") == wanted

    await context.until(
        taken, OBSERVED_SECONDS, lambda: f"the operator does not take over Service {context.name}: see its log"
    )


async def hand_back(context: Context) -> None:
    """First the Service, then the cluster, whose end would remove what it owns."""
    saved, cluster = context.takeover.service, await context.cluster()
    if saved is not None:
        await _restore(context, saved)
    await remove_cluster(context)
    for name in {context.name, *(each["metadata"]["name"] for each in context.takeover.deployments)}:
        await _clear(context, name)
    await context.wait_for_end(context.our_pods)
    if saved is not None and cluster is not None and await context.find(SERVICES, context.name) is None:
        await context.create(SERVICES, plain(saved))
    if saved is not None:
        await give_fields_back(context, SERVICES, saved)


async def hide_release(context: Context) -> None:
    """Helm finds a release by this label: without it, `helm uninstall` and `helm upgrade` cannot touch what was taken.

    Its records stay, so that the way back is the same label. A Service that stays where it was is no longer Helm's
    either: else `helm upgrade --install` would make a second Mage behind it.
    """
    await _relabel(context, HELM, HIDDEN)
    if context.takeover.left:
        await _annotate(context, context.takeover.left, helms=False)


async def show_release(context: Context) -> None:
    """Helm's again."""
    if context.takeover.left:
        await _annotate(context, context.takeover.left, helms=True)
        await give_fields_back(context, SERVICES, context.takeover.left)
    await _relabel(context, HIDDEN, HELM)


async def _relabel(context: Context, old: str, new: str) -> None:
    for each in await records(context.connection, context.takeover.release, context.namespace, old):
        patch = {"metadata": {"labels": {OWNER: new}}}
        await context.connection.merge(context.path(SECRETS, each["metadata"]["name"]), patch)


async def _annotate(context: Context, saved: Manifest, *, helms: bool) -> None:
    name, before = saved["metadata"]["name"], saved["metadata"].get("annotations") or {}
    if await context.find(SERVICES, name):
        annotations = {key: before.get(key) if helms else None for key in _HELM_ANNOTATIONS}
        await context.connection.merge(context.path(SERVICES, name), {"metadata": {"annotations": annotations}})


async def _restore(context: Context, saved: Manifest) -> None:
    """An apply of the operator may be on its way: looked at again until it stays as it was."""
    path = context.path(SERVICES, context.name)
    for _ in range(_ATTEMPTS):
        live = await context.find(SERVICES, context.name)
        if live is None:
            await context.create(SERVICES, plain(saved))
        elif controller_of(live) or _belongs_to_operator(live):
            await _replace(context, path, saved, live["metadata"]["resourceVersion"])
        else:
            return
        await asyncio.sleep(_SETTLED_SECONDS)


async def _replace(context: Context, path: str, saved: Manifest, version: str) -> None:
    again = plain(saved)
    try:
        await context.connection.replace(path, {**again, "metadata": {**again["metadata"], "resourceVersion": version}})
    except ConflictError:
        context.tell(f"Service {context.name} has just been changed: looking again")


async def give_fields_back(context: Context, kind: Kind, saved: Manifest) -> None:
    """Whoever wrote a field before manages it again: else Helm's next upgrade would meet a conflict with us.

    That cannot be told with the change itself, because whoever changes a field becomes its manager.
    """
    managers = saved["metadata"].get("managedFields")
    for _ in range(_ATTEMPTS):
        live = await context.find(kind, saved["metadata"]["name"])
        if live is None or not managers:
            return
        again = {**live, "metadata": {**live["metadata"], "managedFields": managers}}
        try:
            await context.connection.replace(context.path(kind, saved["metadata"]["name"]), again)
        except ConflictError:
            continue
        return


def _belongs_to_operator(live: Manifest) -> bool:
    found = live["metadata"].get("labels") or {}
    return found.get(MANAGED_BY) == MANAGER and INSTANCE in found


async def _clear(context: Context, name: str) -> None:
    """What the operator had in the place of the old Deployment; the garbage collector may take its time."""
    live = await context.find(DEPLOYMENTS, name)
    if live is None or not context.is_ours(live):
        return
    await context.remove(DEPLOYMENTS, live)

    async def gone() -> bool:
        found = await context.find(DEPLOYMENTS, name)
        return found is None or not context.is_ours(found)

    await context.until(gone, GONE_SECONDS, lambda: f"Deployment {name} of the MageCluster is not removed")
