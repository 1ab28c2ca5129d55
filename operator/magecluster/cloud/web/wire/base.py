"""What all wire types share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from magecluster.api.mageteam import Role
from magecluster.cloud.access.permissions import Permission


class Wire(BaseModel):
    """Base of every body: snake_case as Mage's own API has it, unknown fields refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


class Answer(Wire):
    """Base of what is only given; clients must accept fields that they do not know."""

    model_config = ConfigDict(extra="ignore")


class Fault(Answer):
    """What went wrong, and what to do."""

    code: int
    """The HTTP status."""
    type: str
    """One word for programs."""
    message: str
    """For people."""
    fields: dict[str, str] | None = None
    """Fields at fault, for example `extraEnvs[TOKEN].value`, and what is wrong with each."""


class Failure(Answer):
    """Every answer that is no success."""

    error: Fault


class PageMetadata(Answer):
    """Where the next page begins."""

    next_cursor: str | None = None
    """Absent on the last page."""


RoleName = Annotated[Role, Field(strict=False)]
Scope = Annotated[Permission, Field(strict=False)]
"""By their names, which is all that JSON has."""


class DryRun(Answer):
    """What a write with `?dryRun=true` would do."""

    changed: list[str] = []
    """Names of what would change."""
    restarts: bool = False
    """Whether the pod would be replaced."""


Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339, UTC."""
