"""MageTeams of our own namespace: watched into memory, written by patches of exactly one version."""

import asyncio
import bisect
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple
from weakref import WeakValueDictionary

import structlog

from magecluster.api.magecluster import API_VERSION, InvalidClusterError
from magecluster.api.mageteam import TEAM_KIND, MageTeam, MageTeamSpec
from magecluster.api.model import Manifest
from magecluster.cloud.access.caller import Caller
from magecluster.cloud.config.fields import merge_patch
from magecluster.cloud.errors import CloudError, ConflictError, NotFoundError
from magecluster.cloud.store.signal import Signal
from magecluster.kube.connection import Connection, list_all
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import NotFoundError as KubeNotFoundError
from magecluster.kube.kinds import MAGE_TEAMS, Identity

NOTHING: Mapping[str, str] = MappingProxyType({})
ATTEMPTS = 20
BACKOFF_SECONDS = 0.02

Edit = Callable[[MageTeamSpec], MageTeamSpec]
"""Called again for each version that it meets. Raises `CloudError` where it is not to be made."""

logger = structlog.stdlib.get_logger(__name__)


class Born(NamedTuple):
    """Of two teams with one namespace, the older has it."""

    created: str
    name: str


class Entry(NamedTuple):
    """One MageTeam."""

    uid: str
    version: int
    born: Born
    namespace: str
    """As it is written: a team that cannot be read loses its namespace to nobody."""
    team: MageTeam | None
    problem: str
    """Why the team cannot be read."""


class Teams:
    """A sink of a reflector of MageTeams in our own namespace."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self._connection, self._namespace = connection, namespace
        self._entries: dict[str, Entry] = {}
        self._claims: dict[str, list[Born]] = {}
        """Namespace → the teams that name it, oldest first."""
        self._gone: set[str] = set()
        """UIDs that were seen to go while requests were under way: their answers come too late."""
        self._asking = self._lists = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.news = Signal()
        """Fired at each change of any team."""

    def put(self, live: Manifest) -> None:
        """Take in what is newer than what is known."""
        entry = _entry(live)
        known = self._entries.get(entry.born.name)
        if (known and known.version >= entry.version) or entry.uid in self._gone:
            return
        self._index(entry.born.name, entry)
        if entry.problem:
            logger.warning("MageTeam %s cannot be read: %s", entry.born.name, entry.problem)
        if entry.namespace and (known is None or known.namespace != entry.namespace):
            for other in self._claims[entry.namespace][1:]:
                logger.warning("MageTeam %s has a namespace of an older one: %s", other.name, entry.namespace)

    def remove(self, live: Manifest) -> None:
        """Forget a deleted team, unless another one of the same name has taken its place."""
        self._forget(live["metadata"]["name"], live["metadata"]["uid"])

    def retain(self, identities: set[Identity], _: str | None = None, /) -> None:
        """Forget everything else: a complete list was read; there is one namespace only."""
        self._lists += 1
        for name, entry in list(self._entries.items()):
            if (self._namespace, name, entry.uid) not in identities:
                self._index(name, None)

    def find(self, name: str) -> MageTeam | None:
        """A team that can be used. Raises `ConflictError` for one that cannot, which says why."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        problem = self._problem(entry)
        if entry.team is None or problem:
            raise ConflictError(f"team {name} cannot be used: {problem}; an administrator has to correct its MageTeam")
        return entry.team

    def owning(self, namespace: str) -> MageTeam | None:
        """The team whose clusters are in that namespace, if there is one that can be used."""
        claims = self._claims.get(namespace)
        entry = self._entries.get(claims[0].name) if claims else None
        return entry.team if entry and not self._problem(entry) else None

    def all(self) -> list[MageTeam]:
        """Those that can be used, by name."""
        return [entry.team for _, entry in sorted(self._entries.items()) if entry.team and not self._problem(entry)]

    def of(self, caller: Caller) -> list[MageTeam]:
        """Those that somebody belongs to."""
        return [team for team in self.all() if caller.role(team)]

    async def naming(self, email: str) -> set[str]:
        """The teams, usable or not, that have this address among their members now: as the API server says.

        Raises `KubeError`.
        """
        found = await list_all(self._connection, MAGE_TEAMS.path(self._namespace))
        return {live["metadata"]["name"] for live in found if email in _emails(live)}

    async def fresh(self, name: str) -> MageTeam | None:
        """From the API server itself; `None` if it is not there or cannot be read. Raises `KubeError`."""
        try:
            return (await self._read(name)).team
        except NotFoundError:
            return None

    async def add(
        self, name: str, spec: MageTeamSpec, *, annotations: Mapping[str, str] = NOTHING, dry_run: bool = False
    ) -> MageTeam:
        """Make a team. Raises `ConflictError` of the Cloud API, `KubeError`."""
        self._check_namespace(name, spec.namespace)
        metadata = {"name": name, "namespace": self._namespace, "annotations": dict(annotations)}
        manifest = {"apiVersion": API_VERSION, "kind": TEAM_KIND, "metadata": metadata, "spec": spec.manifest()}
        path = MAGE_TEAMS.path(self._namespace)
        try:
            live = await self._learn(
                name, lambda: self._connection.create(path, manifest, dry_run=dry_run), dry_run=dry_run
            )
        except KubeConflictError as error:
            raise ConflictError(f"there is a team {name} already: choose another id, or change that one") from error
        return MageTeam.parse(live)

    async def change(self, name: str, edit: Edit, *, dry_run: bool = False) -> MageTeam:
        """Make an edit of whatever version is the newest when it is written; also of a team that cannot be used.

        Raises `NotFoundError` and `ConflictError` of the Cloud API, what the edit raises, `KubeError`.
        """
        # Our own requests queue up here, instead of all but one being refused by the API server.
        async with self._locks.setdefault(name, asyncio.Lock()):
            entry = self._entries.get(name)
            for attempt in range(ATTEMPTS):
                newest = entry is None
                entry = entry or await self._read(name)
                done = await self._attempt(entry, edit, newest=newest, dry_run=dry_run)
                if done is not None:
                    return done
                entry = None
                await asyncio.sleep(BACKOFF_SECONDS * attempt)
        raise ConflictError("the team is changed by others again and again: try again")

    async def delete(self, name: str, *, dry_run: bool = False) -> MageTeam | None:
        """Delete a team, and tell what it was, if it could be read. Its namespace stays. Raises like `change`."""
        entry = await self._read(name)
        uid = entry.uid
        path = MAGE_TEAMS.path(self._namespace, name)
        try:
            await self._connection.delete(path, uid=uid, resource_version=None, dry_run=dry_run)
        except KubeNotFoundError as error:
            raise _nobody(name) from error
        except KubeConflictError as error:
            raise ConflictError(f"team {name} was made anew meanwhile: look at it, and try again") from error
        if not dry_run:
            self._forget(name, uid)
        return entry.team

    async def _attempt(self, entry: Entry, edit: Edit, *, newest: bool, dry_run: bool) -> MageTeam | None:
        """`None` when it has to be made of a newer version: what is known may be behind, so it refuses nothing."""
        team, name = entry.team, entry.born.name
        try:
            if team is None:
                raise ConflictError(f"team {name} cannot be read ({entry.problem}): correct its MageTeam first")
            after = edit(team.spec)
            if after.namespace != team.spec.namespace:
                self._check_namespace(name, after.namespace)
        except CloudError:
            if newest:
                raise
            return None
        if after == team.spec:
            return team if newest else None
        changes = merge_patch(team.spec.manifest(), after.manifest())
        patch = {"metadata": {"resourceVersion": str(entry.version)}, "spec": changes}
        path = MAGE_TEAMS.path(self._namespace, name)
        try:
            live = await self._learn(
                name, lambda: self._connection.merge(path, patch, dry_run=dry_run), dry_run=dry_run
            )
        except (KubeConflictError, KubeNotFoundError):
            return None
        return MageTeam.parse(live)

    async def _read(self, name: str) -> Entry:
        path = MAGE_TEAMS.path(self._namespace, name)
        try:
            return _entry(await self._learn(name, lambda: self._connection.get(path)))
        except KubeNotFoundError as error:
            raise _nobody(name) from error

    async def _learn(self, name: str, ask: Callable[[], Awaitable[Manifest]], *, dry_run: bool = False) -> Manifest:
        """Ask, and take in the answer."""
        lists = self._lists
        self._asking += 1
        try:
            live = await ask()
            # After a complete list without it, an answer can be from before its deletion, which no watch tells any
            # more. The watch that follows the list tells everything else.
            if not dry_run and (lists == self._lists or name in self._entries):
                self.put(live)
            return live
        finally:
            self._asking -= 1
            if not self._asking:
                self._gone.clear()

    def _forget(self, name: str, uid: str) -> None:
        known = self._entries.get(name)
        if known and known.uid == uid:
            self._index(name, None)
        if self._asking:
            self._gone.add(uid)

    def _index(self, name: str, entry: Entry | None) -> None:
        if before := self._entries.pop(name, None):
            self._claims[before.namespace].remove(before.born)
        if entry:
            self._entries[name] = entry
            bisect.insort(self._claims.setdefault(entry.namespace, []), entry.born)
        self.news.fire()

    def _problem(self, entry: Entry) -> str:
        """Why a team cannot be used; without names, because anybody who is logged in may ask."""
        if entry.problem:
            return entry.problem
        if entry.namespace == self._namespace:
            return "its namespace is that of the Cloud API itself"
        return "" if self._claims[entry.namespace][0] == entry.born else "an older team has its namespace"

    def _check_namespace(self, name: str, namespace: str) -> None:
        """Raises `ConflictError`."""
        if namespace == self._namespace:
            raise ConflictError(f"team {name} cannot work in {namespace}, where the accounts are: choose another one")
        holder = next((born.name for born in self._claims.get(namespace, ())), name)
        if holder != name:
            raise ConflictError(f"team {name} cannot work in {namespace}, which team {holder} has: choose another one")


def _entry(live: Manifest) -> Entry:
    metadata = live["metadata"]
    team, problem = None, ""
    try:
        team = MageTeam.parse(live)
    except InvalidClusterError as error:
        problem = str(error)
    born = Born(metadata.get("creationTimestamp", ""), metadata["name"])
    namespace = str((live.get("spec") or {}).get("namespace", ""))
    return Entry(metadata["uid"], int(metadata["resourceVersion"]), born, namespace, team, problem)


def _emails(live: Manifest) -> set[str]:
    return {str(member.get("email")).lower() for member in (live.get("spec") or {}).get("members") or ()}


def _nobody(name: str) -> NotFoundError:
    return NotFoundError(f"there is no team {name}: make it, or look for it in the list")
