import pytest

from magecluster.kube.errors import (
    ConflictError,
    EndingError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    QuotaError,
    UnavailableError,
    error_from,
)

RIGHT = 'services is forbidden: User "system:serviceaccount:a:b" cannot create resource "services" in API group ""'
QUOTA = 'persistentvolumeclaims "a" is forbidden: exceeded quota: small, requested: requests.storage=10Gi'
LIMIT = (
    'persistentvolumeclaims "a" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but limit is 10Gi'
)
ENDING = 'services "a" is forbidden: unable to create new content in namespace t because it is being terminated'


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "", NotFoundError),
        (409, "", ConflictError),
        (400, "", InvalidError),
        (422, "", InvalidError),
        (403, RIGHT, ForbiddenError),
        (403, QUOTA, QuotaError),
        (403, LIMIT, QuotaError),
        (403, ENDING, EndingError),
        (401, "Unauthorized", UnavailableError),
        (429, "", UnavailableError),
        (500, "", UnavailableError),
        (503, "", UnavailableError),
    ],
)
def test_what_a_refusal_means(status: int, message: str, kind: type[KubeError]) -> None:
    error = error_from(status, {"message": message}, None)
    assert type(error) is kind
    assert str(error) == (message or f"HTTP {status}")
    assert error.status == status


@pytest.mark.parametrize(("header", "seconds"), [(None, None), ("3", 3.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_the_time_that_the_server_asks_for(header: str | None, seconds: float | None) -> None:
    assert error_from(429, {}, header).retry_after == seconds
