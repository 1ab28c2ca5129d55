"""List and watch: keeps a sink up to date with one kind of objects, and knows how old what is there may be."""

import asyncio
import random
from collections.abc import Callable
from contextlib import aclosing
from time import monotonic
from typing import Protocol

import structlog

from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ExpiredError, KubeError, UnavailableError
from magecluster.kube.kinds import Identity, Kind, identity_of

WATCH_SECONDS = 15.0
"""Each watch that is opened shows that the API server still answers, so `age` stays below this at rest."""
PAGE = 500
BACKOFF, MOST_BACKOFF = 0.2, 10.0
SHORTEST = 1.0
"""Seconds; a watch that ends earlier without an event has failed, whatever it says."""

logger = structlog.stdlib.get_logger(__name__)


class Sink(Protocol):
    """Takes in objects. Older versions than what it knows may come, and deletions of what it does not know."""

    def put(self, live: Manifest) -> None:
        """Take in what is newer than what is known."""

    def remove(self, live: Manifest) -> None:
        """Forget what was deleted."""

    def retain(self, identities: set[Identity], namespace: str | None, /) -> None:
        """Forget everything else of that namespace, or of all: a complete list of it was read."""


class Reflector:
    """Never ends by itself: it lists and watches again, whatever happens."""

    def __init__(
        self,
        connection: Connection,
        kind: Kind,
        sink: Sink,
        *,
        namespace: str | None = None,
        selector: str = "",
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._connection, self._kind, self._sink, self._clock = connection, kind, sink, clock
        self._name = f"{kind.plural} in {namespace}" if namespace else kind.plural
        self._path, self._namespace = kind.path(namespace), namespace
        self._params = {"labelSelector": selector} if selector else {}
        self._proven: float | None = None
        self._version: str | None = None
        self._failures = self._expired = 0
        self.synced = asyncio.Event()
        """Set when the first list is complete."""

    def age(self) -> float:
        """Seconds since the API server last showed that the sink is up to date; infinite before the first list."""
        return float("inf") if self._proven is None else self._clock() - self._proven

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                if self._version is None:
                    await self._list()
                await self._watch()
            except ExpiredError:
                self._version = None
                self._expired += 1
                # Also when nothing is wrong: an API server that starts anew sends everybody here at once.
                await asyncio.sleep(backoff(self._expired - 1))
            except KubeError as error:
                if not self._failures:
                    logger.warning("Could not read %s, trying again: %s", self._name, error)
                self._failures += 1
                await asyncio.sleep(max(backoff(self._failures), error.retry_after or 0))

    async def _list(self) -> None:
        found: set[Identity] = set()
        more: dict[str, str] = {}
        while True:
            answer = await self._connection.get(self._path, limit=str(PAGE), **self._params, **more)
            # The items of a list do not say what they are; the list does.
            kind = {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List")}
            for item in answer["items"]:
                found.add(identity_of(item))
                self._sink.put(kind | item)
            if not (mark := answer["metadata"].get("continue")):
                break
            more = {"continue": mark}
            await asyncio.sleep(0)
        self._sink.retain(found, self._namespace)
        self._version = answer["metadata"]["resourceVersion"]
        self._prove()
        self._recover()
        self.synced.set()

    async def _watch(self) -> None:
        """Follow changes for a while."""
        seconds = WATCH_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311  no secret
        version, proven, began, quiet = self._version or "", self._proven, self._clock(), True
        watch = self._connection.watch(self._path, resource_version=version, seconds=seconds, **self._params)
        try:
            async with aclosing(watch) as events:
                async for event in events:
                    if event is not None:
                        self._take(event)
                        self._recover()
                        self._expired, quiet = 0, False
                    self._prove()
        except ExpiredError:
            # The API server opens a watch of a forgotten version like any other, and then says so.
            self._proven = proven
            raise
        if quiet and self._clock() - began < SHORTEST:
            raise UnavailableError(f"watch of {self._path}: ended at once")
        self._recover()
        self._expired = 0

    def _take(self, event: Manifest) -> None:
        live = event["object"]
        if event["type"] == "DELETED":
            self._sink.remove(live)
        elif event["type"] != "BOOKMARK":
            self._sink.put(live)
        self._version = live["metadata"]["resourceVersion"]

    def _prove(self) -> None:
        self._proven = self._clock()

    def _recover(self) -> None:
        """An open watch is not enough: it can end at once, again and again."""
        if self._failures:
            logger.info("Reading %s again", self._name)
        self._failures = 0


def backoff(failures: int) -> float:
    """Seconds to wait after so many in a row."""
    most = min(BACKOFF * 2 ** min(failures, 10), MOST_BACKOFF)
    return float(most) * random.uniform(0.8, 1.2)  # noqa: S311  no secret
