from typing import Any

import pytest

from magecluster.api.labels import INSTANCE, MANAGER
from magecluster.kube.cache import Cache
from magecluster.kube.difference import is_applied, owned_fields
from magecluster.kube.kinds import SERVICE_ACCOUNTS

KEY = ("space", "demo")
FIELDS: dict[str, Any] = {"f:metadata": {"f:labels": {"f:" + INSTANCE: {}, "f:old": {}}}}


@pytest.fixture
def live() -> dict[str, Any]:
    entry = {"manager": MANAGER, "operation": "Apply", "fieldsV1": FIELDS}
    labels = {INSTANCE: "demo", "old": "1"}
    identity = {"namespace": "space", "name": "demo", "uid": "u", "resourceVersion": "1"}
    return {"metadata": {**identity, "labels": labels, "managedFields": [entry, {**entry, "manager": "kubectl"}]}}


def test_what_we_applied_is_known_of_an_object_in_the_cache(live: dict[str, Any]) -> None:
    cache = Cache()
    cache.put(SERVICE_ACCOUNTS, live)
    [cached] = cache.of(SERVICE_ACCOUNTS, KEY)
    assert owned_fields(cached) == owned_fields(live) == FIELDS
    desired = {"metadata": {"labels": {INSTANCE: "demo"}}}
    assert not is_applied(desired, cached)
    assert is_applied({"metadata": {"labels": {INSTANCE: "demo", "old": "1"}}}, cached)
