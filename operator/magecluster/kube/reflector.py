"""List and watch: keeps a sink up to date with one kind of objects, and knows how old what is there may be."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Protocol

import structlog

from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ExpiredError, KubeError
from magecluster.kube.kinds import Kind

Identity = tuple[str, str, str]
"""Namespace, name and UID of an object."""

WATCH_SECONDS = 15.0
"""Each watch that is opened shows that the API server still answers, so `age` stays below this at rest."""
PAGE = 500
BACKOFF, MOST_BACKOFF = 0.2, 10.0

logger = structlog.stdlib.get_logger(__name__)


class Sink(Protocol):
    """Takes in objects. Older versions than what it knows may come, and deletions of what it does not know."""

    def put(self, live: Manifest) -> None:
        """Take in what is newer than what is known."""

    def remove(self, live: Manifest) -> None:
        """Forget what was deleted."""

    def retain(self, identities: set[Identity]) -> None:
        """Forget everything else: a complete list was read."""


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
        self._path = kind.path(namespace)
        self._params = {"labelSelector": selector} if selector else {}
        self._proven: float | None = None
        self._version: str | None = None
        self.synced = asyncio.Event()
        """Set when the first list is complete."""

    def age(self) -> float:
        """Seconds since the API server last showed that the sink is up to date; infinite before the first list."""
        return float("inf") if self._proven is None else self._clock() - self._proven

    async def run(self) -> None:
        """For ever."""
        failures = 0
        while True:
            try:
                if self._version is None:
                    await self._list()
                async for _ in self._watch():
                    if failures:
                        logger.info("Reading %s again", self._kind.plural)
                    failures = 0
            except ExpiredError:
                self._version = None
            except KubeError as error:
                if not failures:
                    logger.warning("Could not read %s, trying again: %s", self._kind.plural, error)
                failures += 1
                wait = min(BACKOFF * 2**failures, MOST_BACKOFF) * random.uniform(0.8, 1.2)  # noqa: S311  no secret
                await asyncio.sleep(max(wait, error.retry_after or 0))

    async def _list(self) -> None:
        found: set[Identity] = set()
        more: dict[str, str] = {}
        while True:
            answer = await self._connection.get(self._path, limit=str(PAGE), **self._params, **more)
            # The items of a list do not say what they are; the list does.
            kind = {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List")}
            for item in answer["items"]:
                found.add(_identity(item))
                self._sink.put(kind | item)
            if not (mark := answer["metadata"].get("continue")):
                break
            more = {"continue": mark}
            await asyncio.sleep(0)
        self._sink.retain(found)
        self._version = answer["metadata"]["resourceVersion"]
        self._prove()
        self.synced.set()

    async def _watch(self) -> AsyncIterator[None]:
        """Follow changes for a while; yields at each sign of life."""
        seconds = WATCH_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311  no secret
        events = self._connection.watch(
            self._path, resource_version=self._version or "", seconds=seconds, **self._params
        )
        async for event in events:
            if event is not None:
                live = event["object"]
                if event["type"] == "DELETED":
                    self._sink.remove(live)
                elif event["type"] != "BOOKMARK":
                    self._sink.put(live)
                self._version = live["metadata"]["resourceVersion"]
            self._prove()
            yield

    def _prove(self) -> None:
        self._proven = self._clock()


def _identity(live: Manifest) -> Identity:
    metadata = live["metadata"]
    return metadata["namespace"], metadata["name"], metadata["uid"]
