"""The table of routes: everything that is known of a route stands in its entry.

The router, the documentation (OpenAPI), the metrics and the test of all rights are made from it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from aiohttp import web

from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.web.wire.base import Wire

API = "/api/v1"


class Access(Enum):
    """Who may use a route that belongs to no team."""

    PUBLIC = "everybody"
    LOGIN = "whoever is logged in, by session or service token"
    SESSION = "people, by a session; no service token"
    PLATFORM = "administrators of the installation, by a session"
    CLUSTER = "gateways of clusters, by the token of their pod"


Handler = Callable[..., Awaitable[web.StreamResponse]]
"""Takes a `Call`, which knows its route."""


class Parameter(NamedTuple):
    """One parameter of the query or one header that a route reads."""

    name: str
    where: str
    """`query` or `header`."""
    text: str
    schema: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    """As aiohttp writes it, with `{team}` and so on."""
    name: str
    """Unique; the operationId, and the action in the audit."""
    summary: str
    """One line; Markdown."""
    access: Access | frozenset[Permission]
    """Permissions: a member of `{team}` who has one of them."""
    handler: Handler
    takes: type[Wire] | None = None
    """The body."""
    optional: bool = False
    """The body may be left out."""
    gives: type[Wire] | None = None
    success: int = 200
    also: dict[int, str] = field(default_factory=dict)
    """Further statuses, and when they are given."""
    parameters: tuple[Parameter, ...] = ()
    media: str = "application/json"
    """Of the answer."""
    tag: str = "clusters"
    logs_in: bool = False
    """A GET that opens a session."""

    @property
    def writes(self) -> bool:
        """Whether it knows `dryRun`."""
        return self.method != "GET"

    @property
    def audited(self) -> bool:
        """Whether each request is a line of audit."""
        return self.writes or self.logs_in

    @property
    def of_team(self) -> bool:
        """Whether it belongs to a team."""
        return isinstance(self.access, frozenset)

    @property
    def of_clusters(self) -> bool:
        """Whether it is about clusters of a team."""
        return self.of_team and "/clusters" in self.path


def may(*permissions: Permission) -> frozenset[Permission]:
    """Access for members who have one of these."""
    return frozenset(permissions)


DRY_RUN = Parameter(
    "dryRun", "query", "Answer what would change, and change nothing", {"type": "boolean", "default": False}
)
FORCE = Parameter(
    "force", "query", "Take over fields that a GitOps controller holds (Admins)", {"type": "boolean", "default": False}
)
PREFER = Parameter(
    "Prefer", "header", "`wait=N`: answer when the wish is reached, after N seconds at the latest", {"type": "string"}
)
IF_MATCH = Parameter(
    "If-Match", "header", "`ETag` of the version that is meant to be changed; 412 if it is older", {"type": "string"}
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "The same key with the same body does the same thing once, however often it is sent",
    {"type": "string", "minLength": 1, "maxLength": 255},
)
LIMIT = Parameter(
    "limit", "query", "How many at the most", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
)
CURSOR = Parameter("cursor", "query", "`metadata.next_cursor` of the page before", {"type": "string"})
