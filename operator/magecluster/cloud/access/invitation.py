"""Invitations to a team: by a link that is shown once, bound to an e-mail and to the very team."""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from magecluster.api.labels import CLOUD_API, COMPONENT, MANAGED_BY
from magecluster.api.mageteam import Role
from magecluster.api.model import Manifest

LABELS = {MANAGED_BY: CLOUD_API, COMPONENT: "invitations"}


class Invitation(BaseModel):
    """What is kept of one; the token itself is not."""

    model_config: ClassVar = ConfigDict(frozen=True)

    id: str
    digest: str
    email: str
    role: Role
    team_uid: str
    """A later team of the same name is another one."""
    by: str
    """E-mail of whoever invited."""
    created: float
    expires: float
    request: str | None = None
    """Digest of the request that made it, by which a repetition is told from another request."""

    def lives(self, now: float, team_uid: str) -> bool:
        """Whether it can be accepted at this time."""
        return now < self.expires and team_uid == self.team_uid


def secret_name(team: str) -> str:
    """Of the Secret with all invitations of a team."""
    return f"magecluster-invitations-{team}"


def secret(namespace: str, team: str, invitations: Iterable[Invitation]) -> Manifest:
    """The Secret to create."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "magecluster.io/invitations",
        "metadata": {"name": secret_name(team), "namespace": namespace, "labels": dict(LABELS)},
        "data": {invitation.id: written(invitation) for invitation in invitations},
    }


def written(invitation: Invitation) -> str:
    """As the data of a Secret."""
    return b64encode(invitation.model_dump_json().encode()).decode()


def read(live: Manifest) -> dict[str, Invitation]:
    """By id; what somebody else put there is left out."""
    found: dict[str, Invitation] = {}
    for key, value in (live.get("data") or {}).items():
        try:
            invitation = Invitation.model_validate_json(b64decode(value))
        except (ValidationError, ValueError):
            continue
        if invitation.id == key:
            found[key] = invitation
    return found
