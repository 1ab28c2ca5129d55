"""MageTeams of our own namespace: watched into memory, written by patches of exactly one version."""

from collections.abc import Callable
from typing import NamedTuple

import structlog

from magecluster.api.magecluster import API_VERSION, InvalidClusterError
from magecluster.api.mageteam import TEAM_KIND, MageTeam, MageTeamSpec
from magecluster.api.model import Manifest
from magecluster.cloud.access.caller import Caller
from magecluster.cloud.errors import ConflictError, NotFoundError
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import NotFoundError as KubeNotFoundError
from magecluster.kube.kinds import MAGE_TEAMS
from magecluster.kube.reflector import Identity

ATTEMPTS = 10

Edit = Callable[[MageTeamSpec], MageTeamSpec]
"""Called again for each version that it meets. Raises `CloudError` where it is not to be made."""

logger = structlog.stdlib.get_logger(__name__)


class Entry(NamedTuple):
    """One MageTeam."""

    uid: str
    version: int
    born: tuple[str, str]
    """Time and name: of two teams with one namespace, the older has it."""
    team: MageTeam | None
    """`None` when it cannot be read."""
    problem: str = ""
    """Why not."""


class Teams:
    """A sink of a reflector of MageTeams in our own namespace."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self._connection, self._namespace = connection, namespace
        self._entries: dict[str, Entry] = {}
        self._holders: dict[str, str] = {}
        """Namespace → team."""

    def put(self, live: Manifest) -> None:
        """Take in what is newer than what is known."""
        metadata = live["metadata"]
        name, version = metadata["name"], int(metadata["resourceVersion"])
        known = self._entries.get(name)
        if known and known.version >= version:
            return
        team, problem = None, ""
        try:
            team = MageTeam.parse(live)
        except InvalidClusterError as error:
            problem = str(error)
            logger.warning("MageTeam %s cannot be read: %s", name, problem)
        born = (metadata.get("creationTimestamp", ""), name)
        self._entries[name] = Entry(metadata["uid"], version, born, team, problem)
        self._assign()

    def remove(self, live: Manifest) -> None:
        """Forget a deleted team, unless another one of the same name has taken its place."""
        metadata = live["metadata"]
        known = self._entries.get(metadata["name"])
        if known and known.uid == metadata["uid"]:
            del self._entries[metadata["name"]]
            self._assign()

    def retain(self, identities: set[Identity]) -> None:
        """Forget everything else: a complete list was read."""
        self._entries = {
            name: entry for name, entry in self._entries.items() if (self._namespace, name, entry.uid) in identities
        }
        self._assign()

    def find(self, name: str) -> MageTeam | None:
        """A team that can be used. Raises `ConflictError` for one that cannot, which says why."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.team is None:
            raise ConflictError(f"team {name} cannot be used: {entry.problem}; an administrator has to correct it")
        self._check_namespace(name, entry.team.spec.namespace)
        return entry.team

    def all(self) -> list[MageTeam]:
        """Those that can be used, by name."""
        holders = set(self._holders.values())
        found = (entry.team for name, entry in sorted(self._entries.items()) if name in holders)
        return [team for team in found if team]

    def of(self, caller: Caller) -> list[MageTeam]:
        """Those that somebody belongs to."""
        return [team for team in self.all() if caller.role(team)]

    async def add(self, name: str, spec: MageTeamSpec, *, dry_run: bool = False) -> MageTeam:
        """Make a team. Raises `ConflictError`, `KubeError`."""
        self._check_namespace(name, spec.namespace)
        manifest = {
            "apiVersion": API_VERSION,
            "kind": TEAM_KIND,
            "metadata": {"name": name, "namespace": self._namespace},
            "spec": spec.manifest(),
        }
        try:
            live = await self._connection.create(MAGE_TEAMS.path(self._namespace), manifest, dry_run=dry_run)
        except KubeConflictError:
            raise ConflictError(f"there is a team {name} already: choose another id, or change that one") from None
        return self._learnt(live, dry_run=dry_run)

    async def change(self, name: str, edit: Edit, *, dry_run: bool = False) -> MageTeam:
        """Make an edit of whatever version is the newest. Raises what it raises, `NotFoundError`, `KubeError`."""
        path = MAGE_TEAMS.path(self._namespace, name)
        team = self.find(name)
        version = self._entries[name].version if team else None
        for _ in range(ATTEMPTS):
            try:
                if team is None or version is None:
                    live = await self._connection.get(path)
                    team, version = MageTeam.parse(live), int(live["metadata"]["resourceVersion"])
                wanted = edit(team.spec)
                if wanted == team.spec:
                    return team
                patch = {"metadata": {"resourceVersion": str(version)}, "spec": _patch(team.spec, wanted)}
                live = await self._connection.merge(path, patch, dry_run=dry_run)
            except KubeConflictError:
                team = None
                continue
            except KubeNotFoundError:
                raise NotFoundError(f"there is no team {name}") from None
            return self._learnt(live, dry_run=dry_run)
        raise ConflictError("the team changes again and again: try again")

    async def delete(self, name: str, *, dry_run: bool = False) -> None:
        """Delete a team; what is in its namespace stays. Raises `NotFoundError`, `KubeError`."""
        entry = self._entries.get(name)
        if entry is None:
            raise NotFoundError(f"there is no team {name}")
        path = MAGE_TEAMS.path(self._namespace, name)
        try:
            await self._connection.delete(path, uid=entry.uid, resource_version=None, dry_run=dry_run)
        except KubeNotFoundError:
            raise NotFoundError(f"there is no team {name}") from None
        if not dry_run:
            self.remove({"metadata": {"name": name, "uid": entry.uid}})

    def _learnt(self, live: Manifest, *, dry_run: bool) -> MageTeam:
        if not dry_run:
            self.put(live)
        return MageTeam.parse(live)

    def _assign(self) -> None:
        """Give each namespace to its oldest team."""
        self._holders = {}
        for entry in sorted(self._entries.values(), key=lambda entry: entry.born):
            if entry.team and entry.team.spec.namespace != self._namespace:
                self._holders.setdefault(entry.team.spec.namespace, entry.team.metadata.name)

    def _check_namespace(self, name: str, namespace: str) -> None:
        """Raises `ConflictError`."""
        if namespace == self._namespace:
            raise ConflictError(f"team {name} cannot work in {namespace}, where the accounts are: choose another one")
        holder = self._holders.get(namespace, name)
        if holder != name:
            raise ConflictError(f"team {name} cannot work in {namespace}, which is that of team {holder}")


def _patch(before: MageTeamSpec, after: MageTeamSpec) -> Manifest:
    """A merge patch; what ended is named with null."""
    old, new = before.manifest(), after.manifest()
    changed = {key: value for key, value in new.items() if old.get(key) != value}
    gone: Manifest = {key: None for key in old if key not in new}
    if "limits" in changed:
        changed["limits"] = {**dict.fromkeys(old.get("limits", {})), **new["limits"]}
    return {**changed, **gone}
