"""Logging in, and who is logged in."""

from typing import Annotated

from pydantic import Field

from magecluster.api.mageteam import Role
from magecluster.cloud.web.wire.base import Answer, DryRun, PageMetadata, Timestamp, Wire

Password = Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]


class Credentials(Wire):
    """E-mail and password."""

    email: Annotated[str, Field(min_length=1, max_length=254)]
    password: Password = Field(repr=False)


class SessionPost(Wire):
    """Body of `POST /sessions`."""

    session: Credentials


class User(Answer):
    """An account."""

    email: str
    name: str | None = None
    admin: bool = False
    """Whether it administers this installation."""


class Session(Answer):
    """A session that was just opened."""

    token: str | None
    """Send it as `Authorization: Bearer`, as `OAUTH-TOKEN`, or as cookie `oauth_token`. It is not shown again.
    `null` with `?dryRun=true`, which opens no session."""
    expires: Timestamp
    """When it ends at the latest."""
    user: User


class SessionAnswer(Answer):
    """A login that succeeded."""

    session: Session
    dry_run: DryRun | None = None


class OpenSession(Answer):
    """A session of the account."""

    id: str
    created_at: Timestamp
    expires: Timestamp
    last_used_at: Timestamp
    """To within some minutes."""
    address: str
    current: bool


class SessionList(Answer):
    """Where the account is logged in, oldest first."""

    sessions: list[OpenSession]
    metadata: PageMetadata


class Membership(Answer):
    """A team, and what one is in it."""

    team: str
    role: Role


class Me(User):
    """The account that is logged in."""

    teams: list[Membership]


class MeAnswer(Answer):
    """Who is logged in."""

    user: Me


class PasswordChange(Wire):
    """The old and the new one."""

    current_password: Password = Field(repr=False)
    password: Password = Field(repr=False)


class PasswordPut(Wire):
    """Body of `PUT /user/password`."""

    user: PasswordChange


class Planned(Answer):
    """What a write with `?dryRun=true` would do, where there is no more to say."""

    dry_run: DryRun
