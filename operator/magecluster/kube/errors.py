"""What the API server can say no with.

KubeError
├── NotFoundError       404
├── EndingError         403 because the namespace is being deleted
├── ConflictError       409
├── ExpiredError        410, a watch from a version that is forgotten
├── RefusedError        the object is not acceptable: waiting does not help
│   ├── InvalidError    400, 422
│   ├── ForbiddenError  403
│   └── QuotaError      403 by a ResourceQuota or a LimitRange
└── UnavailableError    401, 429, 5xx, no connection, time-out: try again later
"""

import re
from typing import NamedTuple

from magecluster.api.model import Manifest

MOST_RETRY = 60.0
"""Seconds; whatever stands between us and the API server can ask for a day."""

_VALUE = r'"(?:[^"\\]|\\.)*"|\{.*\}|\[.*\]|-?[0-9][^:\s]*|null|true|false'
_QUOTED = re.compile(
    rf"(?P<what>(?:Invalid|Unsupported|Duplicate) value|Not found)(?:: (?P<value>{_VALUE}))?(?:: |$)", re.DOTALL
)
"""How apimachinery begins the message of a cause; the value may be a secret. Rules of ours come without it."""


class Cause(NamedTuple):
    """One thing that is wrong with an object."""

    field: str
    """Path, for example `spec.storage.size`."""
    message: str
    """Without the value."""


class KubeError(Exception):
    """A request that did not succeed. The text is the API server's own message."""

    def __init__(
        self, message: str, *, status: int = 0, retry_after: float | None = None, causes: tuple[Cause, ...] = ()
    ) -> None:
        super().__init__(message)
        self.causes = causes
        """What the API server says of single fields."""
        self.status = status
        """HTTP status; 0 when there was no answer."""
        self.retry_after = retry_after
        """Seconds that the server asks to wait."""


class NotFoundError(KubeError):
    """The object, its namespace or its kind is not there."""


class EndingError(KubeError):
    """The namespace is being deleted: nothing new can be made in it, and nothing needs to be."""


class ConflictError(KubeError):
    """The object exists already, or is not the version that the request names."""


class ExpiredError(KubeError):
    """A watch or a page of a list begins at a version that the API server has forgotten: list anew."""


class RefusedError(KubeError):
    """The object as it is will never be accepted."""


class InvalidError(RefusedError):
    """It breaks the schema or a rule."""


class ForbiddenError(RefusedError):
    """A right is missing, or admission says no."""


class QuotaError(RefusedError):
    """It would exceed a quota or a limit of its namespace."""


class UnavailableError(KubeError):
    """The server is away, overloaded or failing."""


def error_from(status: int, body: Manifest, retry_after: str | None) -> KubeError:
    """The error that a meta/v1 Status object tells."""
    message = str(body.get("message") or body.get("reason") or f"HTTP {status}")
    match status:
        case 404:
            kind: type[KubeError] = NotFoundError
        case 409:
            kind = ConflictError
        case 410:
            kind = ExpiredError
        case 400 | 422:
            kind = InvalidError
        case 403 if "because it is being terminated" in message:
            kind = EndingError
        case 403 if "exceeded quota" in message or "failed quota" in message or " usage per " in message:
            kind = QuotaError
        case 403:
            kind = ForbiddenError
        case _:
            kind = UnavailableError
    seconds = min(float(retry_after), MOST_RETRY) if retry_after and retry_after.isdigit() else None
    return kind(message, status=status, retry_after=seconds, causes=_causes(body))


def _causes(body: Manifest) -> tuple[Cause, ...]:
    found = (body.get("details") or {}).get("causes") or ()
    return tuple(Cause(cause.get("field", ""), _unquoted(cause.get("message", ""))) for cause in found)


def _unquoted(message: str) -> str:
    """`Invalid value: "x": too long` as `too long`; where nothing else is said, `Duplicate value`."""
    beginning = _QUOTED.match(message)
    if beginning is None:
        return message or "is not valid"
    said = message[beginning.end() :]
    # Formats repeat it at the end: `Invalid value: "x": … must be of type date-time: "x"`.
    return said.removesuffix(f": {beginning['value']}") or beginning["what"]
