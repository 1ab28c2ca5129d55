"""What the Cloud API refuses, in the one shape of all our HTTP errors."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar


class CloudError(Exception):
    """An answer other than success. `message` says what happened and what to do, and never quotes a value."""

    status: ClassVar[int]
    type: ClassVar[str]
    always: ClassVar[Mapping[str, str]] = {}
    """Headers that every answer of this status has."""

    def __init__(
        self, message: str, fields: Mapping[str, str] | None = None, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})
        """Name of a field, for example `extraEnvs[TOKEN].value`, and what is wrong with it."""
        self.retry_after = retry_after
        """Seconds after which the same request may succeed."""

    def body(self) -> dict[str, Any]:
        """`{"error": {"code", "type", "message"}}`, with `fields` where fields are at fault."""
        details = {"fields": self.fields} if self.fields else {}
        return {"error": {"code": self.status, "type": self.type, "message": self.message, **details}}

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer."""
        later = {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}
        return {**self.always, **later}


class BadRequestError(CloudError):
    """The request cannot be read: no JSON, a parameter of the wrong form."""

    status = 400
    type = "bad_request"


class UnauthenticatedError(CloudError):
    """Nobody is logged in, or the e-mail and the password do not belong together."""

    status = 401
    type = "unauthenticated"
    # RFC 9110, 15.5.2: a challenge is not optional. This one lets no browser ask for a password.
    always: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="magecluster"'}


class ForbiddenError(CloudError):
    """Somebody is logged in and may not do this."""

    status = 403
    type = "forbidden"


class NotFoundError(CloudError):
    """There is no such thing, or not for this account."""

    status = 404
    type = "not_found"


class MethodNotAllowedError(CloudError):
    """The path exists, the method does not."""

    status = 405
    type = "method_not_allowed"


class SlowRequestError(CloudError):
    """The request did not arrive in time."""

    status = 408
    type = "request_timeout"


class ConflictError(CloudError):
    """Something is not in the state in which the change was meant; `fields` says where."""

    status = 409
    type = "conflict"


class LimitError(CloudError):
    """The change would exceed a limit of the team."""

    status = 409
    type = "limit_exceeded"


class HeldError(CloudError):
    """The fields belong to a GitOps controller, which would undo the change."""

    status = 409
    type = "held_by_gitops"


class GoneError(CloudError):
    """It was there and is over: a used or expired link."""

    status = 410
    type = "gone"


class PreconditionError(CloudError):
    """`If-Match` names another version than the newest."""

    status = 412
    type = "precondition_failed"


class TooLargeError(CloudError):
    """The request is larger than what is accepted."""

    status = 413
    type = "too_large"


class MediaTypeError(CloudError):
    """The body is not of a type that is read."""

    status = 415
    type = "unsupported_media_type"


class InvalidConfigError(CloudError):
    """The config cannot be used; `fields` has everything that is wrong with it."""

    status = 422
    type = "invalid_config"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in fields.items()), fields)


class InvalidRequestError(InvalidConfigError):
    """The same for what is no config: fields of a body that are missing, not known or wrong."""

    type = "invalid_request"


class ContradictionError(CloudError):
    """Two fields of one request want opposite things."""

    status = 422
    type = "contradiction"


class InvalidRevisionError(CloudError):
    """`config.revision` is not one that this server gave out for this cluster."""

    status = 422
    type = "invalid_revision"


class TooManyRequestsError(CloudError):
    """A limit of requests in time is used up; `retry_after` says when there is more."""

    status = 429
    type = "too_many_requests"


class NotOursError(CloudError):
    """Deliberately not offered; the message says who offers it."""

    status = 501
    type = "not_implemented"


class UnavailableError(CloudError):
    """Kubernetes does not answer, or the cache is too old to be served from."""

    status = 503
    type = "unavailable"
