"""Who sent a request, and what that allows."""

from dataclasses import dataclass

from magecluster.api.mageteam import MageTeam, Role
from magecluster.cloud.access.account import Account
from magecluster.cloud.access.credentials import ServiceToken, Session
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
        mine = team.roles.get(self.account.email)
        groups = self.account.groups
        if not groups:
            return mine
        roles = {mine, *(group.role for group in team.spec.groups if group.name in groups)}
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
