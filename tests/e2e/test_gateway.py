"""Mage behind the gateway, which the operator takes from its own image."""

import urllib.request

import pytest
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active, owner_of

from devkit.reach import Kubectl, url

pytestmark = pytest.mark.timeout(300)


def test_the_service_leads_through_the_gateway(space: Namespace) -> None:
    space.apply(a_cluster("guarded", gateway={"enabled": True}))
    active(space, "guarded")
    assert space.get("service", "guarded")["spec"]["ports"][0]["targetPort"] == "gateway"
    (pod,) = space.all("pods")
    assert {c["name"]: (c["ready"], c["restartCount"]) for c in pod["status"]["containerStatuses"]} == {
        "mage": (True, 0),
        "gateway": (True, 0),
    }
    with owner_of(space, "guarded") as mage:
        mage.create_pipeline("through")
        assert "through" in mage.pipelines()
    with url(Kubectl.of(space.cluster), "guarded", space.name) as address:
        with urllib.request.urlopen(f"{address}/api/status", timeout=30) as answer:
            assert answer.headers["Via"] == "1.1 magecluster-gateway"
            assert answer.headers["Server"].startswith("Tornado")
        with urllib.request.urlopen(f"{address}/.magecluster/healthz", timeout=30) as answer:
            assert answer.read() == b"ok\n"
