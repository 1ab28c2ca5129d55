"""Service tokens, invitations and new accounts, for tests of who may do what."""

from typing import Any

from tests.support.cloud_api import Client, good

SCOPES = frozenset(
    {
        "clusters:read",
        "clusters:reveal",
        "clusters:power",
        "clusters:change",
        "clusters:environment",
        "clusters:create",
        "clusters:delete",
        "clusters:force",
        "team:read",
        "team:members",
    }
)
"""Of service tokens."""


def token(client: Client, team: str, *scopes: str) -> Any:
    """A new service token."""
    body = {"token": {"name": "matrix", "scopes": scopes}}
    return good(client("POST", f"/teams/{team}/tokens", body))["token"]
