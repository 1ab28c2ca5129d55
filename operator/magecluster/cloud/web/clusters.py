"""Clusters: read."""

import asyncio

import orjson
from aiohttp import web

from magecluster.api.model import Manifest
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.errors import NotOursError
from magecluster.cloud.web import change, paging
from magecluster.cloud.web.call import Call, raw
from magecluster.cloud.web.present import presented
from magecluster.cloud.web.route import API, CURSOR, LIMIT, Route, may
from magecluster.cloud.web.wire.clusters import ClusterAnswer, ClusterList

CLUSTERS = API + "/teams/{team}/clusters"
CLUSTER = CLUSTERS + "/{cluster}"


async def get(call: Call) -> web.Response:
    """One cluster, from the cache."""
    team, name = call.of(), call.path("cluster")
    entry = call.services.clusters.entry(team.spec.namespace, name)
    if entry is None:
        raise change.missing(team, name)
    body, tag = call.services.presenter.answer(entry, team.metadata.name, reveal=Permission.REVEAL in call.rights)
    headers = {"ETag": tag, "Age": f"{call.age:.0f}"}
    known = {one.strip().removeprefix("W/") for one in call.request.headers.get("If-None-Match", "").split(",")}
    if known & {tag, "*"}:
        return web.Response(status=304, headers=headers)
    return raw(body, headers=headers)


async def list_(call: Call) -> web.Response:
    """A page of the clusters of a team."""
    count, team = paging.size(call), call.of()
    found = call.services.clusters.page(team.spec.namespace, paging.after(call), count + 1)
    items: list[bytes] = []
    for entry in found[:count]:
        items.append(call.services.presenter.item(entry, team.metadata.name, reveal=Permission.REVEAL in call.rights))
        await asyncio.sleep(0)  # two hundred that nobody has read yet would keep others waiting
    metadata = paging.metadata(found[count - 1].name if len(found) > count else None)
    body = b'{"clusters":[%s],"metadata":%s}' % (b",".join(items), orjson.dumps(metadata))
    return raw(body, headers={"Age": f"{call.age:.0f}"})


async def logs(call: Call) -> web.Response:
    """Not offered: the Cloud API never touches pods."""
    live = change.found(call)["metadata"]
    raise NotOursError(
        "the Cloud API never touches pods, and reads no logs: read them in Mage, or by "
        f"kubectl logs -n {live['namespace']} deploy/{live['name']}"
    )


def shown(call: Call, live: Manifest) -> Manifest:
    """`Cluster` of the wire, as this caller may see it."""
    reveal = Permission.REVEAL in call.rights
    return presented(live, call.of().metadata.name, call.services.key, reveal=reveal)


ROUTES = (
    Route(
        method="GET",
        path=CLUSTER,
        name="getCluster",
        summary="Read a cluster",
        access=may(Permission.READ),
        handler=get,
        gives=ClusterAnswer,
        also={304: "`If-None-Match` names the newest version"},
    ),
    Route(
        method="GET",
        path=CLUSTERS,
        name="listClusters",
        summary="Read the clusters of a team, by name",
        access=may(Permission.READ),
        handler=list_,
        gives=ClusterList,
        parameters=(LIMIT, CURSOR),
    ),
    Route(
        method="GET",
        path=CLUSTER + "/logs",
        name="getClusterLogs",
        summary="Not offered: says who has the logs",
        access=may(Permission.READ),
        handler=logs,
        success=501,
    ),
)
