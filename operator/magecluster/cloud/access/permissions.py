"""Roles of a team, and what each of them may do."""

from enum import StrEnum

from magecluster.api.mageteam import Role


class Permission(StrEnum):
    """One right within a team; also the scopes of service tokens."""

    READ = "clusters:read"
    """See clusters, their state and their config; values that look secret are masked."""
    REVEAL = "clusters:reveal"
    """See values of variables that look secret. What stands in a Secret is never shown to anybody."""
    POWER = "clusters:power"
    """Start, stop, restart."""
    CHANGE = "clusters:change"
    """Change the config, but for what `clusters:environment` is for; Mage's version, too."""
    ENVIRONMENT = "clusters:environment"
    """Change environment variables, and what sees them: the Kubernetes executor, the images' repositories."""
    CREATE = "clusters:create"
    DELETE = "clusters:delete"
    FORCE = "clusters:force"
    """Take over fields that a GitOps controller holds."""
    TEAM = "team:read"
    """See the team, its limits and members."""
    MEMBERS = "team:members"
    """Change members, invite, see and revoke the service tokens of all members."""


_VIEWER = frozenset({Permission.READ, Permission.TEAM})
_EDITOR = _VIEWER | {Permission.REVEAL, Permission.POWER, Permission.CHANGE}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.EDITOR: _EDITOR,
    Role.ADMIN: frozenset(Permission),
}
"""As Mage's own portal has it: Admins create, delete, change the environment and members; Editors change, start and
stop; Viewers read."""

NOTHING: frozenset[Permission] = frozenset()
