"""Steps that take from the release: its pods and its Deployments."""

from magecluster.adopt.context import GONE_SECONDS, Context, StepError, plain
from magecluster.adopt.facts import RUNS_REMEDY, runs_in
from magecluster.adopt.helm import HIDDEN
from magecluster.adopt.read import ask, port_of, selector_of
from magecluster.adopt.service import give_fields_back, hand_back
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.kinds import CRON_JOBS, DEPLOYMENTS, SCALERS
from magecluster.resources.environment import base_path


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
    port, base = port_of(service), base_path(MageCluster.parse(takeover.cluster))
    status = await ask(context.connection, context.namespace, service["metadata"]["name"], port, base)
    if runs := runs_in(status):
        raise StepError(f"{runs} pipeline runs have begun, {RUNS_REMEDY}")


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
            await give_fields_back(context, DEPLOYMENTS, saved)
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
            await give_fields_back(context, SCALERS, saved)


async def _resume(context: Context, saved: Manifest) -> None:
    """Only what was changed: whoever may not change CronJobs has failed before, and needs the rest of the way back."""
    name, suspended = saved["metadata"]["name"], saved["spec"].get("suspend", False)
    live = await context.find(CRON_JOBS, name)
    if live is None:
        return
    managers = {each.get("manager") for each in live["metadata"].get("managedFields") or ()}
    if live["spec"].get("suspend", False) != suspended or HIDDEN in managers:
        await _suspend(context, name, suspended=suspended)
        await give_fields_back(context, CRON_JOBS, saved)


async def _suspend(context: Context, name: str, *, suspended: bool) -> None:
    if await context.find(CRON_JOBS, name):
        await context.connection.merge(context.path(CRON_JOBS, name), {"spec": {"suspend": suspended}})


async def _no_clean_up(context: Context) -> bool:
    live = [await context.find(CRON_JOBS, job["metadata"]["name"]) for job in context.takeover.cron_jobs]
    return not any(((each or {}).get("status") or {}).get("active") for each in live)


def _replicas(count: int) -> Manifest:
    return {"spec": {"replicas": count}}
