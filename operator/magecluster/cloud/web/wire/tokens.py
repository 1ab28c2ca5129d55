"""Service tokens on the wire."""

from typing import Annotated

from pydantic import Field

from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.web.wire.base import Answer, DryRun, PageMetadata, Scope, Timestamp, Wire


class NewToken(Wire):
    """A token to be made."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """For people."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]
    """What it may do; never more than whoever makes it."""
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = 90
    """`null`: never."""


class TokenPost(Wire):
    """Body of `POST /teams/{team}/tokens`."""

    token: NewToken


class Token(Answer):
    """A service token."""

    id: str
    name: str
    owner: str
    """E-mail of the account in whose name it works."""
    scopes: list[Permission]
    created_at: Timestamp
    expires: Timestamp | None = None
    last_used_at: Timestamp | None = None
    """To within some minutes."""
    revoked_at: Timestamp | None = None
    token: str | None = None
    """The token itself: given only when it is made."""


class TokenAnswer(Answer):
    """One token."""

    token: Token
    dry_run: DryRun | None = None


class TokenList(Answer):
    """Service tokens of a team: one's own, and for Admins all; oldest first."""

    tokens: list[Token]
    metadata: PageMetadata
