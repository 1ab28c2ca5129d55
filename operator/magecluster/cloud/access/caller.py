"""Who sent a request, and what that allows."""

from dataclasses import dataclass

from magecluster.api.mageteam import MageTeam, Role
from magecluster.cloud.access.account import Account
from magecluster.cloud.access.credentials import ServiceToken, Session
from magecluster.cloud.access.email import canonical
from magecluster.cloud.access.permissions import NOTHING, ROLE_PERMISSIONS, Permission


@dataclass(frozen=True, slots=True)
class Caller:
    """An account and that by which it came: a session or a service token, exactly one of them."""

    account: Account
    session: Session | None = None
    token: ServiceToken | None = None

    def __post_init__(self) -> None:
        if (self.session is None) == (self.token is None):
            raise ValueError("a caller comes by a session or by a service token")

    @property
    def id(self) -> str:
        """Of the session or token."""
        return self._key.id

    @property
    def digest(self) -> str:
        """The same, of which nobody can make the token."""
        return self._key.digest

    @property
    def platform_admin(self) -> bool:
        """Whether accounts and all teams are theirs. A service token is never more than its team."""
        return self.account.admin and self.token is None

    def role(self, team: MageTeam) -> Role | None:
        """The strongest role of the account in a team."""
        if self.account.admin:
            return Role.ADMIN
        spec = team.spec
        roles = {member.role for member in spec.members if canonical(member.email) == self.account.email}
        roles |= {group.role for group in spec.groups if group.name in self.account.groups}
        # Roles are declared strongest first.
        return next((role for role in Role if role in roles), None)

    def rights(self, team: MageTeam) -> frozenset[Permission]:
        """What this request may do in a team: what the role allows now, and of that what the token is for."""
        role = self.role(team)
        allowed = ROLE_PERMISSIONS[role] if role else NOTHING
        if self.token is None:
            return allowed
        return allowed & self.token.scopes if self.token.team == team.metadata.name else NOTHING

    @property
    def _key(self) -> Session | ServiceToken:
        key = self.session or self.token
        assert key is not None  # noqa: S101  see __post_init__
        return key
