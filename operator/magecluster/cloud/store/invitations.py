"""Invitations: a Secret for each team in our own namespace, read when it is asked for."""

from collections.abc import Callable

from magecluster.api.model import Manifest
from magecluster.cloud.access import invitation as kept
from magecluster.cloud.access.invitation import Invitation
from magecluster.cloud.errors import ConflictError
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import NotFoundError
from magecluster.kube.kinds import SECRETS

ATTEMPTS = 10
MOST = 500
"""Open invitations of a team: a Secret has at most 1 MiB."""


class Invitations:
    """Every write names the version that it was made of."""

    def __init__(self, connection: Connection, namespace: str, clock: Callable[[], float]) -> None:
        self._connection, self._namespace, self._clock = connection, namespace, clock

    async def of(self, team: str, team_uid: str) -> dict[str, Invitation]:
        """Those that can be accepted, by id. Raises `KubeError`."""
        live = await self._read(team)
        now = self._clock()
        return {id_: one for id_, one in kept.read(live or {}).items() if one.lives(now, team_uid)}

    async def add(self, team: str, invitation: Invitation, *, dry_run: bool = False) -> None:
        """Raises `ConflictError`, `KubeError`."""
        for _ in range(ATTEMPTS):
            live = await self._read(team)
            try:
                if live is None:
                    made = kept.secret(self._namespace, team, [invitation])
                    await self._connection.create(SECRETS.path(self._namespace), made, dry_run=dry_run)
                    return
                now = self._clock()
                ended = [id_ for id_, one in kept.read(live).items() if not one.lives(now, invitation.team_uid)]
                if len(live.get("data") or {}) - len(ended) >= MOST:
                    raise ConflictError(f"the team has {MOST} open invitations: withdraw some")
                change = {**dict.fromkeys(ended), invitation.id: kept.written(invitation)}
                await self._patch(team, live, change, dry_run=dry_run)
            except KubeConflictError:
                continue
            return
        raise ConflictError("the invitations of the team change again and again: try again")

    async def remove(self, team: str, id_: str, *, dry_run: bool = False) -> bool:
        """Whether it was there; of several that try at once, one is told so. Raises `ConflictError`, `KubeError`."""
        for _ in range(ATTEMPTS):
            live = await self._read(team)
            if live is None or id_ not in (live.get("data") or {}):
                return False
            try:
                await self._patch(team, live, {id_: None}, dry_run=dry_run)
            except KubeConflictError:
                continue
            return True
        raise ConflictError("the invitations of the team change again and again: try again")

    async def _read(self, team: str) -> Manifest | None:
        try:
            return await self._connection.get(self._path(team))
        except NotFoundError:
            return None

    async def _patch(self, team: str, live: Manifest, data: dict[str, str | None], *, dry_run: bool) -> None:
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        await self._connection.merge(self._path(team), {"metadata": version, "data": data}, dry_run=dry_run)

    def _path(self, team: str) -> str:
        return SECRETS.path(self._namespace, kept.secret_name(team))
