"""The MageTeam resource: which namespace a team of the Cloud API works in, who belongs to it, how much it may use.

MageTeams are read only in the namespace of the operator, so whoever may write there decides, and no tenant can map a
team to a namespace of others.
"""

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError
from pydantic.config import JsonDict

from magecluster.api.magecluster import API_VERSION, InvalidClusterError, ObjectMeta
from magecluster.api.model import ApiModel, DnsName, Manifest, Quantity, cel, rules
from magecluster.api.quantity import amount_of

TEAM_KIND = "MageTeam"
TEAM_PLURAL = "mageteams"
TEAM_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
"""A label of DNS, as names of namespaces are."""

Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
"""Compared without regard to case."""


class Role(StrEnum):
    """What a member may do in a team, strongest first."""

    ADMIN = "Admin"
    """Create, delete, environment variables, members, and all that an Editor may."""
    EDITOR = "Editor"
    """Change, start and stop."""
    VIEWER = "Viewer"
    """Read."""


class Member(ApiModel):
    """A person of the team."""

    model_config = rules(
        # With this, the key of the list keeps one person from having two roles.
        cel(
            "self.email == self.email.lowerAscii()",
            "case makes no difference in e-mails: write them in lower case",
            field=".email",
        )
    )

    email: Email
    """E-mail of the account; it may not exist yet."""
    role: Role
    """Admin, Editor or Viewer."""


class Group(ApiModel):
    """People of the team by what the OpenID Connect provider says of them."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    """A value of the claim that the Cloud API was told to look at."""
    role: Role
    """Admin, Editor or Viewer; the strongest of all that apply counts."""


def _readable(quantity: str | int) -> str | int:
    amount_of(quantity)
    return quantity


Amount = Annotated[Quantity, AfterValidator(_readable)]


def _amount(field: str) -> JsonDict:
    """The pattern alone lets `-1` and `1e0.5` through."""
    text = f"string(self.{field})"
    return cel(
        f"!has(self.{field}) || (isQuantity({text}) && quantity({text}).compareTo(quantity('0')) >= 0)",
        f"{field} is an amount of 0 or more, for example 500m, 4 or 16Gi: correct it, or leave it out for no limit",
        field=f".{field}",
    )


class Limits(ApiModel):
    """How much the clusters of a team may use together. What is absent is not limited."""

    model_config = rules(*(_amount(field) for field in ("cpu", "memory", "storage")))

    clusters: Annotated[int, Field(ge=0)] | None = None
    """Clusters that exist."""
    running_clusters: Annotated[int, Field(ge=0)] | None = None
    """Clusters that are to run."""
    cpu: Amount | None = None
    """Sum of resources.limits.cpu, else requests, of clusters that are to run, times their pods; with that of the
    gateway, without Kubernetes Jobs."""
    memory: Amount | None = None
    """The same of memory."""
    storage: Amount | None = None
    """Sum of storage.size of all clusters."""


class MageTeamSpec(ApiModel):
    """What an administrator decided about a team."""

    model_config = rules(
        cel(
            "!self.namespace.startsWith('kube-')",
            "namespaces of Kubernetes itself cannot belong to a team: name one that was made for its clusters",
            field=".namespace",
        ),
    )

    namespace: Annotated[str, Field(pattern=TEAM_NAME, max_length=63)]
    """Where its clusters are. It has to exist, and should belong to this team alone."""
    display_name: Annotated[str, Field(max_length=256)] | None = None
    """For people."""
    members: Annotated[
        list[Member],
        Field(
            max_length=1000,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["email"]},
        ),
    ] = []
    """People by e-mail."""
    groups: Annotated[
        list[Group],
        Field(
            max_length=100, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ] = []
    """People by a claim of the OpenID Connect provider."""
    limits: Limits = Limits()
    """How much its clusters may use."""
    secrets: Annotated[list[DnsName], Field(max_length=100, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """Secrets of the namespace that clusters may refer to by the Cloud API, for example of a database."""


class TeamMeta(ObjectMeta):
    """The part of a team's metadata that the Cloud API reads."""

    annotations: dict[str, str] = {}


class MageTeam(ApiModel):
    """A team of the Cloud API."""

    model_config = rules(
        cel(
            f"self.metadata.name.matches('{TEAM_NAME}')",
            "the name of a MageTeam has at most 63 characters: lower-case letters, digits and '-', because it is part "
            "of addresses of the Cloud API",
        )
    )

    api_version: str = API_VERSION
    kind: str = TEAM_KIND
    metadata: TeamMeta
    spec: MageTeamSpec
    """What an administrator decided."""

    @cached_property
    def roles(self) -> dict[str, Role]:
        """Of members, by e-mail in lower case; kept, because every request asks for it.

        Only ASCII: other letters can become those of somebody else in lower case.
        """
        return {member.email.lower(): member.role for member in self.spec.members if member.email.isascii()}

    @classmethod
    def parse(cls, manifest: Manifest) -> Self:
        """From the API server's object. Raises `InvalidClusterError`."""
        try:
            return cls.model_validate(manifest)
        except ValidationError as error:
            wrong = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise InvalidClusterError("; ".join(wrong)) from error
