"""What the Cloud API refuses, in the one shape of all our HTTP errors."""

from collections.abc import Mapping
from typing import Any, ClassVar


class CloudError(Exception):
    """An answer other than success. `message` says what happened and what to do, and never quotes a value."""

    status: ClassVar[int]
    type: ClassVar[str]

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})
        """Name of a field, for example `extraEnvs[TOKEN].value`, and what is wrong with it."""

    def body(self) -> dict[str, Any]:
        """`{"error": {"code", "type", "message"}}`, with `fields` where fields are at fault."""
        details = {"fields": self.fields} if self.fields else {}
        return {"error": {"code": self.status, "type": self.type, "message": self.message, **details}}


class InvalidConfigError(CloudError):
    """The config cannot be used; `fields` has everything that is wrong with it."""

    status = 422
    type = "invalid_config"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in fields.items()), fields)


class ContradictionError(CloudError):
    """Two fields of one request want opposite things."""

    status = 422
    type = "contradiction"


class InvalidRevisionError(CloudError):
    """`config.revision` is not one that this server gave out for this cluster."""

    status = 422
    type = "invalid_revision"


class ConflictError(CloudError):
    """The cluster is not in the state in which the change was meant; `fields` says where."""

    status = 409
    type = "conflict"
