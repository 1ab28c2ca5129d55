"""Workspaces: what gateways of clusters ask for. Not in the document of the API, as nobody else can use it."""

import asyncio
from collections.abc import Iterator
from typing import Any

from aiohttp import web
from pydantic.alias_generators import to_camel

from magecluster.api.labels import INHERITED
from magecluster.api.model import Manifest
from magecluster.api.status import ConditionType, MageClusterStatus
from magecluster.api.workspaces import cluster_name
from magecluster.cloud.config.fields import completed, merge_patch
from magecluster.cloud.config.power import STATUS, wish_of
from magecluster.cloud.config.workspaces import (
    Wish,
    changed,
    is_workspace,
    manifest_of,
    model,
    name_within,
    workspace_of,
)
from magecluster.cloud.errors import ConflictError, ForbiddenError, InvalidRequestError, NotFoundError
from magecluster.cloud.web import change
from magecluster.cloud.web.call import Call, answer
from magecluster.cloud.web.events import report
from magecluster.cloud.web.present import state_of
from magecluster.cloud.web.route import API, Access, Route
from magecluster.cloud.web.wire.workspaces import (
    PERSON_LENGTH,
    WorkspaceAnswer,
    WorkspaceChange,
    WorkspaceList,
    WorkspacePost,
)
from magecluster.cloud.web.wire.workspaces import WorkspacePut as Put
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import NotFoundError as KubeNotFoundError
from magecluster.resources.environment import base_path

WORKSPACES = API + "/workspaces"
WORKSPACE = WORKSPACES + "/{workspace}"


async def list_(call: Call) -> web.Response:
    """All of the cluster, by name."""
    return answer({"workspaces": [shown(live) for live in sorted(_all(call), key=name_within)]})


async def get(call: Call) -> web.Response:
    """One of them."""
    return answer({"workspace": shown(_found(call))})


async def post(call: Call) -> web.Response:
    """Make one."""
    sent = call.sent(WorkspacePost).workspace
    parent = _checked(call, sent)
    call.audit |= {"cluster": cluster_name(parent["metadata"]["name"], sent.name), "for": sent.for_}
    storage = sent.storage.model_dump(exclude_none=True)
    wish = _wish(sent, parent)._replace(storage={to_camel(key): value for key, value in storage.items()})
    made = manifest_of(parent, sent.name, wish)
    name = made["metadata"]["name"]
    async with change.turn(call, name):
        change.check_limits(call, call.of(), name, None, made["spec"])
        try:
            live = await call.services.clusters.create(made["metadata"], made["spec"])
        except KubeConflictError:
            raise ConflictError(f"there is a cluster {name} already: choose another name") from None
    report(call, live, "Created", f"made the workspace{_for(sent.for_)}")
    return answer({"workspace": shown(live)}, 201)


async def put(call: Call) -> web.Response:
    """Change, start or stop one."""
    sent = call.sent(Put).workspace
    parent, known = _checked(call, sent), _found(call)
    call.audit |= {"cluster": known["metadata"]["name"], "for": sent.for_}
    async with change.turn(call, known["metadata"]["name"]):
        for attempt in range(change.ATTEMPTS):
            live = await change.fresh(call, known["metadata"]["namespace"], known["metadata"]["name"])
            after = await _changed(call, parent, live, sent)
            if after is not None:
                return answer({"workspace": shown(after)})
            await asyncio.sleep(change.BACKOFF_SECONDS * attempt)
    raise ConflictError("the workspace changes again and again: try again")


async def delete(call: Call) -> web.Response:
    """Delete one; its volume is kept unless it was asked for otherwise when it was made."""
    live, person = _found(call), call.request.query.get("for", "")[:PERSON_LENGTH]
    call.audit |= {"cluster": live["metadata"]["name"], "for": person}
    try:
        await call.services.clusters.delete(live)
    except KubeNotFoundError:
        raise _missing(call) from None
    report(call, live, "Deleted", f"deleted the workspace{_for(person)}")
    return answer({"workspace": shown(live)})


def shown(live: Manifest) -> dict[str, Any]:
    """`Workspace` of the wire."""
    metadata, spec, status = live["metadata"], completed(live["spec"]), MageClusterStatus.parse(live["status"])
    cluster, wish, storage = model(live), wish_of(spec).value, spec["storage"]
    worst = status.condition(ConditionType.DEGRADED)
    reason = worst if worst and worst.status == "True" else status.condition(ConditionType.READY)
    return {
        "name": name_within(live),
        "cluster": metadata["name"],
        "namespace": metadata["namespace"],
        "path": base_path(cluster),
        "address": f"http://{metadata['name']}.{metadata['namespace']}:{spec['service']['port']}",
        "status": wish,
        "state": state_of(live, status, wish),
        "message": reason.message if reason else "",
        "image": cluster.spec.image.reference,
        "resources": spec["resources"],
        "storage": {
            "size": storage["size"],
            "storage_class_name": storage.get("storageClassName"),
            "access_mode": storage["accessMode"],
            "retention": storage["retention"],
        },
        "ingress": spec["ingress"]["enabled"],
        "uuid": metadata["uid"],
        "created_at": metadata.get("creationTimestamp"),
    }


async def _changed(call: Call, parent: Manifest, live: Manifest, sent: WorkspaceChange) -> Manifest | None:
    """`None` if somebody else was faster."""
    before = completed(live["spec"])
    after, inherited = changed(parent, {**live, "spec": before}, _wish(sent, live))
    if sent.status:
        after = {**after, STATUS: sent.status}
    patch = merge_patch(before, after)
    noted = (live["metadata"].get("annotations") or {}).get(INHERITED, "") == inherited
    if not patch and noted:
        return live
    change.check_limits(call, call.of(), live["metadata"]["name"], before, after)
    metadata = {"resourceVersion": live["metadata"]["resourceVersion"], "annotations": {INHERITED: inherited}}
    try:
        written = await call.services.clusters.patch(live, {"metadata": metadata, "spec": patch})
    except KubeConflictError:
        return None
    report(call, written, "Changed", f"changed {', '.join(sorted(patch)) or 'nothing'}{_for(sent.for_)}")
    return written


def _wish(sent: WorkspaceChange, live: Manifest) -> Wish:
    """`live` has the image whose tag alone changes."""
    image = sent.image.model_dump(exclude_none=True) if sent.image else {}
    if sent.image_tag is not None:
        there = image or completed(live["spec"])["image"]
        image = {"repository": there["repository"], "tag": sent.image_tag}
    return Wish(
        image=image,
        resources=sent.resources.manifest() if sent.resources else None,
        variables=sent.variables,
        renew=sent.renew,
        ingress=sent.ingress,
    )


def _checked(call: Call, sent: WorkspaceChange) -> Manifest:
    """The cluster, if nothing else is asked for than what can be. Raises `InvalidRequestError`."""
    parent = _parent(call)
    metadata, problems = parent["metadata"], {}
    if sent.namespace not in (None, metadata["namespace"]):
        problems["namespace"] = f"a workspace is in the namespace of its cluster: it is {metadata['namespace']}"
    if sent.ingress_name not in (None, metadata["name"]):
        problems["ingress_name"] = f"a workspace shares the Ingress of its cluster: it is {metadata['name']}"
    if problems:
        raise InvalidRequestError(problems)
    return parent


def _parent(call: Call) -> Manifest:
    parent = call.speaks_for()
    if workspace_of(parent):
        raise ForbiddenError("this cluster is a workspace itself: ask at the cluster that it belongs to")
    return parent


def _all(call: Call) -> Iterator[Manifest]:
    metadata = _parent(call)["metadata"]
    found = call.services.clusters.holding(metadata["namespace"], f'"workspaceOf":{{"name":"{metadata["name"]}"}}')
    return (live for live in found if is_workspace(live, metadata["name"]))


def _found(call: Call) -> Manifest:
    metadata, name = _parent(call)["metadata"], call.path("workspace")
    live = call.services.clusters.find(metadata["namespace"], cluster_name(metadata["name"], name))
    if live is None or not is_workspace(live, metadata["name"]):
        raise _missing(call)
    return live


def _missing(call: Call) -> NotFoundError:
    return NotFoundError(f"there is no workspace {call.path('workspace')}")


def _for(person: str) -> str:
    return f" for {person}" if person else ""


ROUTES = (
    Route(
        method="GET",
        path=WORKSPACES,
        name="listWorkspaces",
        summary="Read the workspaces of the cluster",
        access=Access.CLUSTER,
        handler=list_,
        gives=WorkspaceList,
    ),
    Route(
        method="POST",
        path=WORKSPACES,
        name="createWorkspace",
        summary="Make a workspace",
        access=Access.CLUSTER,
        handler=post,
        takes=WorkspacePost,
        gives=WorkspaceAnswer,
        success=201,
    ),
    Route(
        method="GET",
        path=WORKSPACE,
        name="getWorkspace",
        summary="Read a workspace",
        access=Access.CLUSTER,
        handler=get,
        gives=WorkspaceAnswer,
    ),
    Route(
        method="PUT",
        path=WORKSPACE,
        name="putWorkspace",
        summary="Change, start or stop a workspace",
        access=Access.CLUSTER,
        handler=put,
        takes=Put,
        gives=WorkspaceAnswer,
    ),
    Route(
        method="DELETE",
        path=WORKSPACE,
        name="deleteWorkspace",
        summary="Delete a workspace",
        access=Access.CLUSTER,
        handler=delete,
        gives=WorkspaceAnswer,
    ),
)
