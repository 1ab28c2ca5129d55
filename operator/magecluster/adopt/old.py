"""Steps that take from the release: its pods, its Deployments, its Service, and Helm's power over all of it."""

import asyncio

from magecluster.adopt.context import GONE_SECONDS, Context, StepError, plain
from magecluster.adopt.facts import runs_in
from magecluster.adopt.helm import HELM, HIDDEN, OWNER
from magecluster.adopt.new import OBSERVED_SECONDS, remove_cluster
from magecluster.adopt.read import ask, records, selector_of
from magecluster.api.labels import INSTANCE, MANAGED_BY, MANAGER, labels, selector
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.apply import controller_of
from magecluster.kube.errors import ConflictError
from magecluster.kube.kinds import CRON_JOBS, DEPLOYMENTS, SCALERS, SECRETS, SERVICES, Kind
from magecluster.resources.environment import base_path

_HELM_ANNOTATIONS = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
_SETTLED_SECONDS = 1.0
_ATTEMPTS = 10


async def stop(context: Context) -> None:
    """Two Mages on the same files or database would run every trigger twice."""
    await _check_runs(context)
    for job in context.takeover.cron_jobs:
        await _suspend(context, job["metadata"]["name"], suspended=True)
    for saved in context.takeover.deployments:
        live = await context.find(DEPLOYMENTS, saved["metadata"]["name"])
        if live and not context.is_ours(live):
            await context.connection.merge(context.path(DEPLOYMENTS, live["metadata"]["name"]), _replicas(0))
            await context.wait_for_end(selector_of(saved))
    await context.until(
        lambda: _no_clean_up(context), GONE_SECONDS, lambda: "a Job of the clean-up does not end: see kubectl get jobs"
    )


async def _check_runs(context: Context) -> None:
    """Once more: triggers may have begun some since the plan. Whoever did not answer then is not waited for now."""
    takeover = context.takeover
    service, live = takeover.service or takeover.left, await _running(context)
    if context.interrupt_runs or not (takeover.identity and service and live):
        return
    port, base = service["spec"]["ports"][0]["port"], base_path(MageCluster.parse(takeover.cluster))
    status = await ask(context.connection, context.namespace, service["metadata"]["name"], port, base)
    if runs := runs_in(status):
        raise StepError(
            f"{runs} pipeline runs have begun, and Mage would begin their blocks anew: wait for them, or say "
            "--interrupt-runs"
        )


async def _running(context: Context) -> bool:
    """Whether Mage runs at the release."""
    found = [await context.find(DEPLOYMENTS, saved["metadata"]["name"]) for saved in context.takeover.deployments]
    return any(live["spec"].get("replicas", 1) for live in found if live and not context.is_ours(live))


async def start_again(context: Context) -> None:
    """With as many pods as before."""
    for saved in context.takeover.deployments:
        name, replicas = saved["metadata"]["name"], saved["spec"].get("replicas", 1)
        live = await context.find(DEPLOYMENTS, name)
        if live is not None and not context.is_ours(live):
            await context.connection.merge(context.path(DEPLOYMENTS, name), _replicas(replicas))
            context.tell(f"Deployment {name} has {replicas} replicas again")
            await _give_fields_back(context, DEPLOYMENTS, saved)
    for job in context.takeover.cron_jobs:
        await _resume(context, job)


async def retire(context: Context) -> None:
    """The operator's Deployment has the name of the old one; what is removed stands in the record."""
    for saved in context.takeover.scalers:
        await context.remove(SCALERS, await context.find(SCALERS, saved["metadata"]["name"]))
    for saved in context.takeover.deployments:
        live = await context.find(DEPLOYMENTS, saved["metadata"]["name"])
        if live and not context.is_ours(live):
            await context.remove(DEPLOYMENTS, live)


async def make_again(context: Context) -> None:
    """Scaled to 0 first: `start_again` comes after it. The operator may have put its own into the place meanwhile."""
    await hand_back(context)
    for saved in context.takeover.deployments:
        if await context.find(DEPLOYMENTS, saved["metadata"]["name"]) is None:
            await context.create(DEPLOYMENTS, plain({**saved, "spec": {**saved["spec"], "replicas": 0}}))
    for saved in context.takeover.scalers:
        if await context.find(SCALERS, saved["metadata"]["name"]) is None:
            await context.create(SCALERS, plain(saved))
            await _give_fields_back(context, SCALERS, saved)


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
        await _give_fields_back(context, SERVICES, saved)


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
        await _give_fields_back(context, SERVICES, context.takeover.left)
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


async def _give_fields_back(context: Context, kind: Kind, saved: Manifest) -> None:
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


async def _resume(context: Context, saved: Manifest) -> None:
    """Only what was changed: whoever may not change CronJobs has failed before, and needs the rest of the way back."""
    name, suspended = saved["metadata"]["name"], saved["spec"].get("suspend", False)
    live = await context.find(CRON_JOBS, name)
    if live is None:
        return
    managers = {each.get("manager") for each in live["metadata"].get("managedFields") or ()}
    if live["spec"].get("suspend", False) != suspended or HIDDEN in managers:
        await _suspend(context, name, suspended=suspended)
        await _give_fields_back(context, CRON_JOBS, saved)


async def _suspend(context: Context, name: str, *, suspended: bool) -> None:
    if await context.find(CRON_JOBS, name):
        await context.connection.merge(context.path(CRON_JOBS, name), {"spec": {"suspend": suspended}})


async def _no_clean_up(context: Context) -> bool:
    live = [await context.find(CRON_JOBS, job["metadata"]["name"]) for job in context.takeover.cron_jobs]
    return not any(((each or {}).get("status") or {}).get("active") for each in live)


def _replicas(count: int) -> Manifest:
    return {"spec": {"replicas": count}}
