"""Teams, members and invitations on the wire."""

from typing import Annotated

from pydantic import Field

from magecluster.api.mageteam import TEAM_NAME, Role
from magecluster.cloud.web.wire.base import Answer, DryRun, PageMetadata, RoleName, Timestamp, Wire
from magecluster.cloud.web.wire.sessions import Password

Email = Annotated[str, Field(min_length=3, max_length=254)]


class Limits(Wire):
    """How much the clusters of a team may use together; what is absent or null is not limited."""

    clusters: Annotated[int, Field(ge=0)] | None = None
    running_clusters: Annotated[int, Field(ge=0)] | None = None
    cpu: str | None = None
    """A quantity of Kubernetes, for example `8` or `500m`."""
    memory: str | None = None
    """For example `32Gi`."""
    storage: str | None = None
    """For example `500Gi`."""


class Group(Wire):
    """Members by what the OpenID Connect provider says of them."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    role: RoleName


class NewTeam(Wire):
    """A team to be made."""

    id: Annotated[str, Field(pattern=TEAM_NAME, max_length=63)]
    namespace: Annotated[str, Field(pattern=TEAM_NAME, max_length=63)]
    """Where its clusters are; has to exist."""
    display_name: Annotated[str, Field(max_length=256)] | None = None
    limits: Limits = Limits()
    groups: Annotated[list[Group], Field(default_factory=list, max_length=100)]
    secrets: Annotated[list[str], Field(default_factory=list, max_length=100)]
    """Secrets of the namespace that clusters may refer to."""


class TeamPost(Wire):
    """Body of `POST /teams`."""

    team: NewTeam


class TeamChange(Wire):
    """What shall be different; what is absent stays, each of the limits, too."""

    display_name: Annotated[str, Field(max_length=256)] | None = None
    limits: Limits | None = None
    groups: list[Group] | None = None
    secrets: list[str] | None = None


class TeamPatch(Wire):
    """Body of `PATCH /teams/{team}`."""

    team: TeamChange


class Team(Answer):
    """A team."""

    id: str
    namespace: str
    display_name: str | None = None
    role: Role | None = None
    """Of whoever asks."""
    limits: Limits
    groups: list[Group]
    secrets: list[str]


class TeamAnswer(Answer):
    """One team."""

    team: Team
    dry_run: DryRun | None = None


class TeamList(Answer):
    """Teams that one belongs to, by id."""

    teams: list[Team]
    metadata: PageMetadata


class MemberChange(Wire):
    """What somebody may do in the team."""

    role: RoleName


class MemberPut(Wire):
    """Body of `PUT /teams/{team}/members/{email}`."""

    member: MemberChange


class Member(Answer):
    """A person of the team."""

    email: str
    role: Role
    has_account: bool
    """Whether there is an account with this e-mail already."""


class MemberAnswer(Answer):
    """One member."""

    member: Member
    dry_run: DryRun | None = None


class MemberList(Answer):
    """Members by e-mail."""

    members: list[Member]
    metadata: PageMetadata


class NewInvitation(Wire):
    """Whom to invite."""

    email: Email
    role: RoleName
    expires_in_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 72


class InvitationPost(Wire):
    """Body of `POST /teams/{team}/invitations`."""

    invitation: NewInvitation


class Invitation(Answer):
    """An invitation that was not accepted yet."""

    id: str
    email: str
    role: Role
    invited_by: str
    created_at: Timestamp
    expires: Timestamp
    link: str | None = None
    """Whoever has it can accept, once. Given only when the invitation is made."""


class InvitationAnswer(Answer):
    """One invitation."""

    invitation: Invitation
    dry_run: DryRun | None = None


class InvitationList(Answer):
    """Open invitations of a team, oldest first."""

    invitations: list[Invitation]
    metadata: PageMetadata


class Offer(Answer):
    """What an invitation offers, told to whoever has the link."""

    team: str
    email: str
    role: Role
    expires: Timestamp
    has_account: bool
    """Whether there is an account with this e-mail: then log in and accept without a password."""


class OfferAnswer(Answer):
    """One offer."""

    invitation: Offer


class Acceptance(Wire):
    """What a new account needs; both are left out by somebody who is logged in."""

    password: Password | None = Field(default=None, repr=False)
    """Of the new account: at least 12 characters."""
    name: Annotated[str, Field(max_length=256)] | None = None


class AcceptancePost(Wire):
    """Body of `POST /invitations/{token}`."""

    invitation: Acceptance = Acceptance()
