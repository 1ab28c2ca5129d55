import pytest

from magecluster.api.model import Manifest
from magecluster.kube.errors import (
    Cause,
    ConflictError,
    EndingError,
    ExpiredError,
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
        (410, "", ExpiredError),
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


@pytest.mark.parametrize(
    ("header", "seconds"), [(None, None), ("3", 3.0), ("86400", 60.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_the_time_that_the_server_asks_for(header: str | None, seconds: float | None) -> None:
    assert error_from(429, {}, header).retry_after == seconds


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ('Invalid value: "s": must be at least 1', "must be at least 1"),
        (r'Invalid value: "s: \"s\"": must be short: at most 3', "must be short: at most 3"),
        ('Invalid value: "integer": spec.image in body must be of type object: "integer"', "{} must be of type object"),
        ('Invalid value: "s: s": spec.image in body must be of type date-time: "s: s"', "{} must be of type date-time"),
        ("Invalid value: -5: must be positive", "must be positive"),
        ("Invalid value: true: must be false", "must be false"),
        ("Invalid value: null: some rules were not checked", "some rules were not checked"),
        ('Invalid value: {"a":"s: {s}"}: does not match', "does not match"),
        ('Invalid value: ["s","s"]: has too many', "has too many"),
        ("Invalid value: take another name", "take another name"),
        ('Invalid value: "s"', "Invalid value"),
        ('Unsupported value: "s": supported values: "A", "B"', 'supported values: "A", "B"'),
        ('Duplicate value: {"name":"s"}', "Duplicate value"),
        ('Not found: "s"', "Not found"),
        ("Too long: may not be more than 255 bytes", "Too long: may not be more than 255 bytes"),
        ("Required value", "Required value"),
        ("", "is not valid"),
    ],
)
def test_causes_come_without_the_value_which_may_be_a_secret(message: str, told: str) -> None:
    body = {"message": "all", "details": {"causes": [{"field": "spec.image", "message": message}]}}
    error = error_from(422, body, None)
    assert error.causes == (Cause("spec.image", told.format("spec.image in body")),)
    assert str(error) == "all"


@pytest.mark.parametrize("body", [{}, {"details": None}, {"details": {}}, {"details": {"causes": None}}])
def test_no_causes(body: Manifest) -> None:
    assert error_from(422, body, None).causes == ()
