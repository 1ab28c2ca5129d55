"""Clusters: change, make, delete."""

import asyncio
from dataclasses import replace

import structlog
from aiohttp import web

from magecluster.api.model import Manifest
from magecluster.api.spec import PowerState
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.config.environment import secret_name
from magecluster.cloud.config.merge import Change, merge
from magecluster.cloud.config.power import RESTARTED_AT, Request, wish_of
from magecluster.cloud.errors import ConflictError, InvalidRequestError
from magecluster.cloud.web import change, idempotency
from magecluster.cloud.web.call import Call, answer, planned, raw
from magecluster.cloud.web.change import Done
from magecluster.cloud.web.clusters import CLUSTER, CLUSTERS, shown
from magecluster.cloud.web.events import report
from magecluster.cloud.web.present import etag, reached
from magecluster.cloud.web.route import DRY_RUN, FORCE, IDEMPOTENCY_KEY, IF_MATCH, PREFER, Route, may
from magecluster.cloud.web.services import rfc3339
from magecluster.cloud.web.wire.clusters import ClusterAnswer, ClusterPost, ClusterPut, Restart
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import KubeError
from magecluster.kube.errors import NotFoundError as KubeNotFoundError

WRITE = may(Permission.POWER, Permission.CHANGE, Permission.ENVIRONMENT)

logger = structlog.stdlib.get_logger(__name__)


async def put(call: Call) -> web.Response:
    """Change config, status or both."""
    sent = call.sent(ClusterPut).cluster
    return await finish(call, await change.change(call, sent.config, sent.status))


async def restart(call: Call) -> web.Response:
    """Restart once."""
    idempotency.key_of(call)  # a wrong one is refused also where the body has the time

    def config(live: Manifest) -> Manifest:
        if wish_of(live["spec"]) is PowerState.STOPPED:
            raise ConflictError("the cluster is stopped and cannot restart: send status Active to start it")
        sent = call.body
        return {RESTARTED_AT: sent.restartedAt if isinstance(sent, Restart) else idempotency.restart_time(call, live)}

    return await finish(call, await change.change(call, config, None))


async def post(call: Call) -> web.Response:
    """Make a cluster."""
    async with idempotency.turn(call), change.turn(call, call.sent(ClusterPost).cluster.name):
        wish, metadata = _planned(call)
        done = _made_before(call, metadata, wish) or await _make(call, metadata, wish)
    return await finish(call, done, status=201)


async def delete(call: Call) -> web.Response:
    """Delete a cluster; its volume and credentials are kept unless it says otherwise."""
    live = change.found(call)
    if "If-Match" in call.request.headers:
        live = await change.fresh(call, call.of().spec.namespace, call.path("cluster"))
    change.check_match(call, live)
    try:
        await call.services.clusters.delete(live, dry_run=call.dry_run)
    except KubeNotFoundError:
        raise change.missing(call.of(), call.path("cluster")) from None
    if call.dry_run:
        body = {"cluster": shown(call, live), "dry_run": planned("cluster")}
        return answer(body)
    report(call, live, "Deleted", "deleted the cluster")
    return web.Response(status=204)


async def finish(call: Call, done: Done, status: int = 200) -> web.Response:
    """Report a change, wait if that is asked for, and answer with the newest state."""
    live, more, headers = done.live, {}, {}
    if call.dry_run:
        more["dry_run"], status = planned(*done.change.changed, restarts=done.restarts), 200
    else:
        if done.change.patch:
            report(call, live, "Changed", f"changed {', '.join(done.change.changed)}")
        if call.patience is not None:
            live = await _wait(call, live, call.patience)
            headers["Preference-Applied"] = f"wait={call.patience:.0f}"
            status = status if reached(live, wish_of(live["spec"])) else 202
    if status == 201:  # noqa: PLR2004  Created says where
        headers["Location"] = CLUSTER.format(team=call.of().metadata.name, cluster=live["metadata"]["name"])
    reveal = Permission.REVEAL in call.rights
    body = call.services.presenter.body(live, call.of().metadata.name, reveal=reveal, **more)
    return raw(body, status, {**headers, "ETag": etag(live)})


async def _wait(call: Call, live: Manifest, seconds: float) -> Manifest:
    """The newest state when the wish is reached, when time is up, or when the server ends."""
    services, clock = call.services, call.services.clock
    namespace, name = live["metadata"]["namespace"], live["metadata"]["name"]
    deadline = clock() + seconds
    with services.ending() as ending:
        while True:
            # Asked for before it is looked: what was written may have been overtaken already.
            news = services.clusters.next(namespace, name)
            newest = services.clusters.find(namespace, name)
            if newest is None:
                raise change.missing(call.of(), name)
            left = deadline - clock()
            if reached(newest, wish_of(newest["spec"])) or left <= 0 or services.stopping.is_set():
                return newest
            await asyncio.wait([news, ending], timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _planned(call: Call) -> tuple[Change, Manifest]:
    """What is to be made. Raises `CloudError`."""
    sent, team = call.sent(ClusterPost).cluster, call.of()
    if sent.status == Request.RESTARTING:
        raise InvalidRequestError({"cluster.status": f"is one of {Request.ACTIVE}, {Request.STOPPED}"})
    metadata = {"name": sent.name, "namespace": team.spec.namespace}
    services = call.services
    wish = merge(
        {"metadata": metadata},
        sent.config,
        sent.status,
        key=services.key,
        now=rfc3339(services.clock()),
        secrets=team.spec.secrets,
    )
    call.audit |= {"cluster": sent.name, "changes": change.audited(wish)}
    call.require(frozenset({Permission.CREATE}) | (change.needed(wish) & {Permission.ENVIRONMENT}))
    annotations = idempotency.annotations(call)
    return wish, {**metadata, **({"annotations": annotations} if annotations else {})}


def _made_before(call: Call, metadata: Manifest, wish: Change) -> Done | None:
    """By the same key. Raises `InvalidRequestError` if that was with another body, under whatever name."""
    mark = idempotency.mark(call)
    found = call.services.clusters.holding(metadata["namespace"], mark) if mark else ()
    done = [_repeated(call, there, metadata["name"], wish) for there in found]
    return next(filter(None, done), None)


def _repeated(call: Call, there: Manifest, name: str, wish: Change) -> Done | None:
    """What comes of a request that was sent before; `None` if the cluster was made by another one, or is a copy."""
    kept = there["metadata"].get("annotations", {})
    repeated = idempotency.is_repeated(call, kept) and there["metadata"]["name"] == name
    return Done(there, there, replace(wish, patch={})) if repeated else None


async def _make(call: Call, metadata: Manifest, wish: Change) -> Done:
    services, namespace, name = call.services, metadata["namespace"], metadata["name"]
    change.check_limits(call, call.of(), name, None, wish.after)
    try:
        live = await _created(call, metadata, wish)
    except KubeConflictError:
        # Another replica may have made it by this very request.
        if done := _repeated(call, await change.fresh(call, namespace, name), name, wish):
            return done
        raise ConflictError(f"there is a cluster {name} already: choose another name, or change that one") from None
    except KubeNotFoundError:
        raise ConflictError(
            f"the namespace {namespace} of the team does not exist: an administrator makes it"
        ) from None
    if wish.texts and not call.dry_run:
        try:
            await services.vaults.adopt(live, secret_name(name))
        except KubeError as error:
            logger.warning("Secret %s/%s will outlive its cluster: %s", namespace, secret_name(name), error)
    return Done(None, live, wish)


async def _created(call: Call, metadata: Manifest, wish: Change) -> Manifest:
    clusters, spec = call.services.clusters, wish.patch.get("spec", {})
    if wish.texts and not call.dry_run:
        # Texts are written first; so it has to be known before that the cluster can be made.
        await clusters.create(metadata, spec, dry_run=True)
        namespace, name = metadata["namespace"], metadata["name"]
        await call.services.vaults.put(namespace, secret_name(name), name, wish.texts, owner=None)
    return await clusters.create(metadata, spec, dry_run=call.dry_run)


_CHANGE = (DRY_RUN, FORCE, PREFER, IF_MATCH)
_LATER = "The wish is accepted and not reached yet (`Prefer: wait`)"
_OLDER = "`If-Match` names an older version"
_CHANGED = {
    202: _LATER,
    409: "Somebody else changed the same field, GitOps holds it, or a limit of the team would be exceeded",
    412: _OLDER,
}

ROUTES = (
    Route(
        method="PUT",
        path=CLUSTER,
        name="putCluster",
        summary="Change, start, stop or restart a cluster",
        access=WRITE,
        handler=put,
        takes=ClusterPut,
        gives=ClusterAnswer,
        also=_CHANGED,
        parameters=_CHANGE,
    ),
    Route(
        method="PATCH",
        path=CLUSTER,
        name="patchCluster",
        summary="The same as a JSON merge patch",
        access=WRITE,
        handler=put,
        takes=ClusterPut,
        gives=ClusterAnswer,
        also=_CHANGED,
        parameters=_CHANGE,
    ),
    Route(
        method="POST",
        path=CLUSTER + "/restart",
        name="restartCluster",
        summary="Restart a cluster once",
        access=may(Permission.POWER),
        handler=restart,
        takes=Restart,
        optional=True,
        gives=ClusterAnswer,
        also={**_CHANGED, 409: "The cluster is stopped, or GitOps holds the field"},
        parameters=(*_CHANGE, IDEMPOTENCY_KEY),
    ),
    Route(
        method="POST",
        path=CLUSTERS,
        name="createCluster",
        summary="Make a cluster",
        access=may(Permission.CREATE),
        handler=post,
        takes=ClusterPost,
        gives=ClusterAnswer,
        success=201,
        also={200: "With `dryRun`", 202: _LATER, 409: "The name is taken, or a limit of the team would be exceeded"},
        parameters=(DRY_RUN, PREFER, IDEMPOTENCY_KEY),
    ),
    Route(
        method="DELETE",
        path=CLUSTER,
        name="deleteCluster",
        summary="Delete a cluster; its volume stays unless `storage.retention` is `Delete`",
        access=may(Permission.DELETE),
        handler=delete,
        gives=ClusterAnswer,
        success=204,
        also={200: "With `dryRun`", 412: _OLDER},
        parameters=(DRY_RUN, IF_MATCH),
    ),
)
