"""Server-Sent Events of one cluster: its state as it changes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from aiohttp import web

from magecluster.api.model import Manifest
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.config.power import wish_of
from magecluster.cloud.errors import CloudError, TooManyRequestsError
from magecluster.cloud.store.clusters import Entry
from magecluster.cloud.web import change
from magecluster.cloud.web.call import Call
from magecluster.cloud.web.clusters import CLUSTER
from magecluster.cloud.web.present import observed
from magecluster.cloud.web.route import Parameter, Route, may
from magecluster.cloud.web.wire.clusters import ClusterEvent

KEEP_ALIVE_SECONDS = 10.0
"""A comment comes so often, so that proxies do not cut the stream; and it is seen whether the token has expired, or the
cache is too old."""
MOST_STREAMS = 20
"""Of one session or token."""
RETRY_MS = 3000


async def events(call: Call) -> web.StreamResponse:
    """Send the state now and at each change, until the cluster is deleted or the client is gone."""
    live = change.found(call)
    with _counted(call):
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # nginx would wait until it has some kilobytes
            }
        )
        await response.prepare(call.request)
        try:
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            await _follow(call, response, live)
        except ConnectionError:
            pass  # the client is gone: that is how streams end
    return response


async def _follow(call: Call, response: web.StreamResponse, live: Manifest) -> None:
    services, clock = call.services, call.services.clock
    namespace, name, uid = (live["metadata"][key] for key in ("namespace", "name", "uid"))
    seen, beat = _last_seen(call), clock() + KEEP_ALIVE_SECONDS
    last = services.clusters.at(namespace, name, seen)
    told = _event(last) if last else None
    with services.ending() as ending:
        while not ending.done():
            # Asked for before anything is looked at, so that nothing happens unnoticed while something is sent.
            news = services.clusters.next(namespace, name), services.accounts.news.next(), services.teams.news.next()
            waited: list[asyncio.Future[Any]] = [*news, ending]
            if services.age() > services.settings.stale_seconds:
                return  # what is known may be no longer true: whoever comes back is told so
            if end := _last_word(call, services.clusters.entry(namespace, name), uid):
                await response.write(end)
                return
            for version in services.clusters.since(namespace, name, seen):
                event = _event(version)
                seen = version.version
                if event != told:
                    await response.write(_message(version, event))
                    told = event
            if clock() >= beat:
                await response.write(b": keep-alive\n\n")
                beat = clock() + KEEP_ALIVE_SECONDS
            left = max(0.0, beat - clock())
            await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _last_word(call: Call, entry: Entry | None, uid: str) -> bytes | None:
    """What ends the stream, if something does."""
    if not _still_allowed(call):
        return b"event: revoked\ndata: {}\n\n"
    if entry is None or entry.uid != uid:
        return b"event: deleted\ndata: {}\n\n"
    return None


def _last_seen(call: Call) -> int:
    text = call.request.headers.get("Last-Event-ID", "")
    return int(text) if text.isdecimal() and len(text) < 20 else 0  # noqa: PLR2004  as long as an id can be


def _event(entry: Entry) -> dict[str, Any]:
    live = entry.manifest()
    wish = wish_of(live["spec"]).value
    return {"status": wish, **observed(live, wish)}


def _message(entry: Entry, event: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: state\ndata: %s\n\n" % (entry.version, orjson.dumps(event))


def _still_allowed(call: Call) -> bool:
    """Whether the session or token still exists and still has the right; two look-ups in memory."""
    try:
        team = call.services.teams.find(call.of().metadata.name)
    except CloudError:
        return False
    caller = call.services.sessions.again(call.who())
    return bool(team and caller and Permission.READ in caller.rights(team))


@contextmanager
def _counted(call: Call) -> Iterator[None]:
    streams, key = call.services.streams, call.who().id
    if streams[key] >= MOST_STREAMS:
        raise TooManyRequestsError(f"this token has {MOST_STREAMS} event streams open: close one", retry_after=10)
    streams[key] += 1
    try:
        yield
    finally:
        streams[key] -= 1
        if not streams[key]:
            del streams[key]


LAST_EVENT_ID = Parameter(
    "Last-Event-ID",
    "header",
    "`id` of the last event that was read: what came after it is sent again",
    {"type": "string"},
)

ROUTES = (
    Route(
        method="GET",
        path=CLUSTER + "/events",
        name="getClusterEvents",
        summary="Follow the state of a cluster (Server-Sent Events)",
        access=may(Permission.READ),
        handler=events,
        gives=ClusterEvent,
        media="text/event-stream",
        parameters=(LAST_EVENT_ID,),
    ),
)
