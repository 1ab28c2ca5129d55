"""Steps in which Mage moves: its files, its start, and a look at whether it is the same."""

import time

from magecluster.adopt.context import Context, StepError
from magecluster.adopt.copyjob import job_name, progress, result
from magecluster.adopt.facts import runs_in
from magecluster.adopt.new import COPIED, NEW, USED, mark, state_of
from magecluster.adopt.plan import identity_of, secret_names
from magecluster.adopt.read import ask
from magecluster.api.magecluster import InvalidClusterError, MageCluster
from magecluster.api.model import Manifest
from magecluster.api.status import ConditionType, MageClusterStatus, State
from magecluster.kube.errors import KubeError
from magecluster.kube.kinds import JOBS, MAGE_CLUSTERS, PODS, SECRETS, VOLUMES
from magecluster.resources.environment import base_path
from magecluster.resources.metadata import volume_name

PATIENCE_SECONDS = 120.0
"""How long a cluster may be Degraded before it counts as one that will not start: causes often heal themselves."""


async def copy(context: Context) -> None:
    """Once: what was copied and compared is not copied again."""
    takeover = context.takeover
    claim, job = takeover.claim or {}, takeover.job or {}
    path = context.path(VOLUMES, claim["metadata"]["name"])
    if state_of(await context.connection.get(path)) != NEW:
        return
    await end_copy(context)  # that of an earlier attempt
    await context.create(JOBS, job)
    last, told = time.monotonic(), ""

    async def over() -> Manifest | None:
        nonlocal last, told
        live = await context.connection.get(context.path(JOBS, job_name(context.name)))
        line = await _line(context)
        if line and line != told:
            last, told = time.monotonic(), line
            context.tell(line)
        if time.monotonic() - last > context.timeout:
            raise StepError(f"the copy makes no progress: see kubectl describe job {job_name(context.name)}")
        conditions = (live.get("status") or {}).get("conditions") or ()
        return next((c for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"), None)

    end = await context.until(over, float("inf"), str)
    message = await _last_word(context)
    if end["type"] == "Failed":
        raise StepError(f"the files could not be copied: {message or end.get('message') or 'no cause given'}")
    context.tell(result(message))
    await mark(context, path, COPIED)
    await end_copy(context)


async def end_copy(context: Context) -> None:
    """Remove the Job and wait for its pod, which has the volumes."""
    await context.remove(JOBS, await context.find(JOBS, job_name(context.name)))
    await context.wait_for_end(f"job={job_name(context.name)}")

    async def gone() -> bool:
        return await context.find(JOBS, job_name(context.name)) is None

    await context.until(gone, PATIENCE_SECONDS, lambda: f"Job {job_name(context.name)} is not removed")


async def start(context: Context) -> None:
    """As the plan says, which may be Stopped. Raises `StepError` when Mage does not answer in time."""
    takeover = context.takeover
    wanted = takeover.cluster["spec"].get("status", "Active")
    # Also of a stopped cluster: it can be started later, and nobody writes it down then.
    if takeover.claim:
        await mark(context, context.path(VOLUMES, takeover.claim["metadata"]["name"]), USED)
    _, credentials = secret_names(takeover)
    await mark(context, context.path(SECRETS, credentials), USED)
    await context.connection.merge(context.path(MAGE_CLUSTERS, context.name), {"spec": {"status": wanted}})
    degraded: float | None = None
    text = "nothing is known yet"

    async def reached() -> bool:
        nonlocal degraded, text
        live = await context.connection.get(context.path(MAGE_CLUSTERS, context.name))
        status = MageClusterStatus.parse(live.get("status"))
        if status.observed_generation != live["metadata"]["generation"]:
            return False
        told = status.condition(ConditionType.READY)
        text = (told.message if told else "") or text
        context.tell(f"{status.state}: {text}")
        bad = status.condition(ConditionType.DEGRADED)
        if bad is None or bad.status != "True":
            degraded = None
            return status.state == State(wanted)
        degraded = degraded or time.monotonic()
        if time.monotonic() - degraded > PATIENCE_SECONDS:
            raise StepError(f"MageCluster {context.name} does not start: {bad.message}")
        return False

    await context.until(
        reached,
        context.timeout,
        lambda: f"Mage does not answer after {context.timeout:g} s: {text}; more time is given by --timeout",
    )


async def runs_at(context: Context) -> int:
    """Pipeline runs that are under way at the MageCluster; 0 also if it does not say."""
    live = await context.cluster()
    try:
        cluster = MageCluster.parse(live) if live else None
    except InvalidClusterError:  # written for another version of ours: the way back does not depend on it
        return 0
    if cluster is None or not cluster.wants_to_run:
        return 0
    return runs_in(await _status(context, cluster))


async def _status(context: Context, cluster: MageCluster) -> Manifest | None:
    port, base = cluster.spec.service.port, base_path(cluster)
    return await ask(context.connection, context.namespace, context.name, port, base)


async def stop_new(context: Context) -> None:
    """Before the release starts again."""
    if await context.cluster() is None:
        return
    await context.connection.merge(context.path(MAGE_CLUSTERS, context.name), {"spec": {"status": "Stopped"}})
    await context.wait_for_end(context.our_pods)


async def compare(context: Context) -> None:
    """Whether it is the same project. Raises `StepError` if it says that it is another one."""
    takeover = context.takeover
    cluster = MageCluster.parse(takeover.cluster)
    if not cluster.wants_to_run or not takeover.identity:
        context.tell("the release did not say which project it has: look for yourself")
        return
    found = identity_of(await _status(context, cluster))
    if not found:
        context.tell("Mage does not say through the API server which project it has: look for yourself")
        return
    if found != takeover.identity:
        raise StepError(
            f"Mage has another project than before ({found}, and not {takeover.identity}), in {volume_name(cluster)}: "
            "look where the release has its files"
        )
    context.tell(f"project {found.get('project_uuid')} at {found.get('repo_path')}, as before")


async def nothing(_: Context) -> None:
    """There is nothing to undo."""


async def _line(context: Context) -> str | None:
    """The last thing that the program told; while there is none, what its pod waits for."""
    pods = (await context.connection.get(context.path(PODS), labelSelector=f"job={job_name(context.name)}"))["items"]
    if not pods:
        return None
    pod = pods[0]
    if pod["status"].get("phase") == "Pending":
        return _waits_for(pod)
    try:
        # A log is no object: the connection gives a text as a message.
        log = await context.connection.get(f"{context.path(PODS, pod['metadata']['name'])}/log", tailLines="1")
    except KubeError:
        return None
    return progress(str(log.get("message") or ""))


def _waits_for(pod: Manifest) -> str:
    status = pod["status"]
    unscheduled = next(
        (c.get("message") for c in status.get("conditions") or () if c.get("reason") == "Unschedulable"), None
    )
    waiting = (c["state"].get("waiting") or {} for c in status.get("containerStatuses") or ())
    reason = next((w.get("message") or w.get("reason") for w in waiting if w), None)
    return f"waiting for its pod: {unscheduled or reason or 'not yet placed'}"


async def _last_word(context: Context) -> str:
    pods = (await context.connection.get(context.path(PODS), labelSelector=f"job={job_name(context.name)}"))["items"]
    for pod in pods:
        for container in pod["status"].get("containerStatuses") or ():
            if ended := container["state"].get("terminated"):
                return str(ended.get("message") or "").strip()
    return ""
