"""One request that was let in, as handlers see it."""

import re
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from aiohttp import web

from magecluster.api.mageteam import MageTeam
from magecluster.api.model import Manifest
from magecluster.cloud.access.caller import Caller
from magecluster.cloud.access.permissions import NOTHING, Permission
from magecluster.cloud.errors import BadRequestError, ConflictError, ForbiddenError
from magecluster.cloud.web.route import Route
from magecluster.cloud.web.services import Services
from magecluster.cloud.web.wire.base import Wire

MOST_SECONDS = 600
"""How long `Prefer: wait` may wait."""
SERVER = "magecluster"
"""Tells no version."""
TRUE, FALSE = ("true", "1"), ("false", "0")

W = TypeVar("W", bound=Wire)


@dataclass(slots=True)
class Call:
    """The request, who sent it, and what he may."""

    request: web.Request
    services: Services
    route: Route
    address: str
    """Of the client, behind proxies that are trusted."""
    age: float = 0.0
    """Of the cache, in seconds."""
    caller: Caller | None = None
    team: MageTeam | None = None
    cluster: Manifest | None = None
    """The one for which a gateway speaks."""
    rights: frozenset[Permission] = NOTHING
    body: Wire | None = None
    audit: dict[str, Any] = field(default_factory=dict)
    """What the audit tells beside who, where and the outcome."""

    def who(self) -> Caller:
        """The account that is logged in; the door has seen to it that there is one."""
        if self.caller is None:
            raise RuntimeError(f"route {self.route.name} is open to everybody")
        return self.caller

    def speaks_for(self) -> Manifest:
        """The cluster whose gateway it is; the door has seen to it that there is one."""
        if self.cluster is None:
            raise RuntimeError(f"route {self.route.name} is not for gateways")
        return self.cluster

    @property
    def actor(self) -> str:
        """Who it is, for people."""
        return f"the gateway of {self.cluster['metadata']['name']}" if self.cluster else self.who().account.email

    def of(self) -> MageTeam:
        """The team of the path; the door has seen to it that there is one."""
        if self.team is None:
            raise RuntimeError(f"route {self.route.name} belongs to no team")
        return self.team

    def sent(self, kind: type[W]) -> W:
        """The body."""
        if not isinstance(self.body, kind):
            raise TypeError(f"route {self.route.name} takes no {kind.__name__}")
        return self.body

    def path(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    @property
    def dry_run(self) -> bool:
        """Whether nothing shall be written."""
        return self.flag("dryRun")

    @property
    def force(self) -> bool:
        """Whether fields of others are taken over. Raises `ForbiddenError`."""
        wish = self.flag("force")
        if wish and Permission.FORCE not in self.rights:
            raise ForbiddenError("only Admins of the team may use force: ask one, or change the manifest in Git")
        return wish

    @property
    def patience(self) -> float | None:
        """Seconds of `Prefer: wait=N`, `None` when it is not asked for."""
        found = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?", self.request.headers.get("Prefer", ""))
        return min(float(found[1]), MOST_SECONDS) if found else None

    def number(self, name: str, default: int, most: int) -> int:
        """A parameter of the query that is a whole number from 1 on."""
        text = self.request.query.get(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
            raise BadRequestError(f"{name} is a whole number from 1 to {most}")
        return int(text)

    def require(self, needed: frozenset[Permission]) -> None:
        """Raises `ForbiddenError` unless all of these are there."""
        if missing := sorted(needed - self.rights):
            raise ForbiddenError(f"this needs {', '.join(missing)}, which your role or your token does not have")

    def require_served(self, team: str, namespace: str) -> None:
        """Raises `ConflictError` unless the clusters of a team's namespace are watched here."""
        if not self.services.clusters.serves(namespace):
            raise ConflictError(
                f"the namespace {namespace} of team {team} is not served here: "
                f"an administrator adds --namespace {namespace} to the options of the Cloud API"
            )

    def flag(self, name: str) -> bool:
        """A parameter of the query that is true or false, false where it is absent. Raises `BadRequestError`."""
        text = self.request.query.get(name, "false").lower()
        if text not in (*TRUE, *FALSE):
            raise BadRequestError(f"{name} is {text!r}; it is to be true or false")
        return text in TRUE


def done(call: Call, what: str) -> web.Response:
    """The answer to a write that leaves nothing to show: 204, or with `dryRun` what would have changed."""
    if call.dry_run:
        return answer({"dry_run": planned(what)})
    return web.Response(status=204, headers={"Server": SERVER})


def planned(*changed: str, restarts: bool = False) -> dict[str, object]:
    """`DryRun` of the wire."""
    return {"changed": list(changed), "restarts": restarts}


def answer(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON that no cache keeps."""
    return raw(body if isinstance(body, bytes) else orjson.dumps(body), status, headers)


def raw(text: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """The same, of bytes that are JSON already."""
    given = {"Content-Type": "application/json", "Cache-Control": "no-store", "Server": SERVER, **(headers or {})}
    return web.Response(body=text, status=status, headers=given)
