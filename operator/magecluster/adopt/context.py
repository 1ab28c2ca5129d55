"""What every step works with."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from magecluster.adopt.facts import Takeover
from magecluster.adopt.read import get
from magecluster.api.labels import INSTANCE, MANAGED_BY, MANAGER, selector
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError, NotFoundError, UnavailableError
from magecluster.kube.kinds import MAGE_CLUSTERS, PODS, Kind

T = TypeVar("T")

POLL_SECONDS = 0.5
GONE_SECONDS = 180.0
"""How long pods may take to end: longer than their grace period, as somebody may have raised it."""


class StepError(Exception):
    """A step did not succeed; the message says why, and what to do before another attempt."""


class AnotherError(Exception):
    """Somebody else is at it: nothing was done that would have to be undone."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One takeover against one API server."""

    connection: Connection
    takeover: Takeover
    tell: Callable[[str], None]
    """How far the step is."""
    timeout: float
    """Seconds that Mage may take to answer, and that a copy may make no progress."""
    interrupt_runs: bool = False
    """Go on although pipelines run."""

    @property
    def namespace(self) -> str:
        """That of the release and of the cluster."""
        return self.takeover.namespace

    @property
    def name(self) -> str:
        """Of the cluster."""
        return self.takeover.name

    def path(self, kind: Kind, name: str | None = None) -> str:
        """In the namespace of the release."""
        return kind.path(self.namespace, name)

    async def find(self, kind: Kind, name: str) -> Manifest | None:
        """`None` if it is not there."""
        return await get(self.connection, self.path(kind, name))

    async def cluster(self) -> Manifest | None:
        """The MageCluster."""
        return await self.find(MAGE_CLUSTERS, self.name)

    async def create(self, kind: Kind, manifest: Manifest) -> None:
        """Create it unless it is there."""
        try:
            await self.connection.create(self.path(kind), manifest)
        except ConflictError:
            self.tell(f"{manifest['kind']} {manifest['metadata']['name']} is there already")

    async def remove(self, kind: Kind, live: Manifest | None) -> None:
        """Delete exactly this one, if there is one."""
        if live is None:
            return
        try:
            path = self.path(kind, live["metadata"]["name"])
            await self.connection.delete(path, uid=live["metadata"]["uid"], resource_version=None)
        except NotFoundError:
            return

    async def until(
        self, question: Callable[[], Awaitable[T | None]], within: float, otherwise: Callable[[], str]
    ) -> T:
        """The first answer that is true; `StepError` if there is none in time."""
        deadline = time.monotonic() + within
        while True:
            try:
                if answer := await question():
                    return answer
            except UnavailableError as error:
                self.tell(str(error))
            if time.monotonic() > deadline:
                raise StepError(otherwise())
            await asyncio.sleep(POLL_SECONDS)

    async def pods(self, labels: str) -> list[str]:
        """Names of the pods that have not finished."""
        found = await self.connection.get(self.path(PODS), labelSelector=labels)
        over = ("Succeeded", "Failed")
        return [pod["metadata"]["name"] for pod in found["items"] if pod.get("status", {}).get("phase") not in over]

    async def wait_for_end(self, labels: str) -> None:
        """Until no pod with these labels is left. Raises `StepError`."""
        left: list[str] = []

        async def none_left() -> bool:
            left[:] = await self.pods(labels)
            if left:
                self.tell(f"waiting for the end of {', '.join(left)}")
            return not left

        await self.until(
            none_left, GONE_SECONDS, lambda: f"pod {', '.join(left)} does not end: see kubectl describe pod, and end it"
        )

    @property
    def our_pods(self) -> str:
        """Selector of the pods of the MageCluster."""
        return ",".join(f"{key}={value}" for key, value in selector(self.name).items())

    def is_ours(self, live: Manifest) -> bool:
        """Whether the operator takes an object for one of this cluster."""
        found = live["metadata"].get("labels") or {}
        return found.get(MANAGED_BY) == MANAGER and found.get(INSTANCE) == self.name


class Step(NamedTuple):
    """Something that is done, and how it is undone. Both can be done again, also after half of it."""

    title: str
    do: Callable[[Context], Awaitable[None]]
    back: str
    """What undoing it does; empty for what nobody needs to be told."""
    undo: Callable[[Context], Awaitable[None]]
    needed: Callable[[Takeover], object] = bool


def plain(live: Manifest) -> Manifest:
    """An object as it can be made again."""
    passing = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
    metadata = {key: value for key, value in live["metadata"].items() if key not in passing}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}
