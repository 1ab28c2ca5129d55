"""What Kubernetes refuses, said to people who know nothing of Kubernetes."""

import re

from magecluster.cloud.errors import (
    CloudError,
    ConflictError,
    ForbiddenError,
    InvalidConfigError,
    LimitError,
    NotFoundError,
    UnavailableError,
)
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import (
    EndingError,
    InvalidError,
    KubeError,
    QuotaError,
    RefusedError,
)
from magecluster.kube.errors import NotFoundError as KubeNotFoundError

RETRY_SECONDS = 5


def refusal_of(error: KubeError) -> CloudError:
    """The answer to a request that Kubernetes did not carry out. Values are left out of its messages."""
    match error:
        case KubeNotFoundError():
            return NotFoundError("it is gone, or its namespace is: read the list again")
        case KubeConflictError():
            return ConflictError("somebody else changes the same thing again and again: try again")
        case EndingError():
            return ConflictError("the namespace of the team is being deleted: ask an administrator")
        case InvalidError(causes=causes) if causes:
            # `<nil>` says that there may be more.
            told = [cause for cause in causes if cause.field != "<nil>"] or causes
            return InvalidConfigError({_field(cause.field): cause.message for cause in told})
        case InvalidError():
            return InvalidConfigError({"request": "Kubernetes refuses it"})
        case QuotaError():
            return LimitError(
                "a quota of the namespace does not allow it: stop or delete something, or raise the quota"
            )
        case RefusedError():
            return ForbiddenError(f"Kubernetes does not allow it ({_rule(str(error))}): ask an administrator")
        case _:
            return UnavailableError(
                "Kubernetes does not answer as it should: try again", retry_after=error.retry_after or RETRY_SECONDS
            )


def _field(path: str) -> str:
    """`spec.storage.size` as `storage.size`."""
    return path.removeprefix("spec.") or "config"


def _rule(message: str) -> str:
    """An admission rule has a name and a message that its author wrote for people; a missing right is said in short."""
    found = re.search(r"admission webhook|ValidatingAdmissionPolicy '([^']+)'", message)
    return found[0] if found else "a right or an admission rule"
