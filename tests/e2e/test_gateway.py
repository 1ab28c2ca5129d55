"""Mage behind the gateway, which the operator takes from its own image."""

import json
import urllib.request

import pytest
import requests
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active, owner_of
from tests.support.triggers import pipeline, told

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
        "runner": (True, 0),
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


def test_blocks_of_a_triggered_run_see_its_variables(space: Namespace) -> None:
    with owner_of(space, "guarded") as mage:
        pipeline(mage)
        trigger = mage.trigger("tells")
        address = f"{mage.url}/api/pipeline_schedules/{trigger.id}/pipeline_runs/{trigger.token}"
        for body in ({"pipeline_run": {"variables": {"env": "staging"}}}, {"env": "staging"}):
            answer = requests.post(address, json=body, headers={"Idempotency-Key": json.dumps(body)}, timeout=30)
            run = mage.finish(answer.json()["pipeline_run"]["id"])
            again = requests.post(address, json=body, headers={"Idempotency-Key": json.dumps(body)}, timeout=30)
            assert again.json()["pipeline_run"]["id"] == run["id"]
            assert [(told(mage, run, block)["env"]) for block in ("first", "second")] == ["staging"] * 2
        assert requests.post(f"{address}0", timeout=30).status_code == 401
    log = space.kubectl("logs", "deploy/guarded", "--container", "mage")
    assert "NOT CHANGED" not in log
    assert trigger.token not in log
    assert trigger.token not in space.kubectl("logs", "deploy/guarded", "--container", "gateway")
