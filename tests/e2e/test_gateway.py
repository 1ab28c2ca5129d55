"""Mage behind the gateway, which the operator takes from its own image."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active, owner_of
from tests.support.triggers import pipeline, told

from devkit.reach import Kubectl, url

pytestmark = pytest.mark.timeout(300)

RUNNER_MEMORY, GREEDY = "1Gi", 350 << 20
GREEDY_BLOCK = f"""
import time

@data_loader
def greedy(*args, **kwargs):
    held = bytearray({GREEDY})
    held[::4096] = b"x" * len(held[::4096])
    time.sleep(2)
    return "had it"
"""


def test_the_service_leads_through_the_gateway(space: Namespace) -> None:
    space.apply(a_cluster("guarded", gateway={"runs": {"resources": {"limits": {"memory": RUNNER_MEMORY}}}}))
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


def test_a_block_is_executed_while_its_caller_waits(space: Namespace) -> None:
    with owner_of(space, "guarded") as mage:
        token = mage.trigger("tells").token
        run = {"pipeline_uuid": "tells", "block_uuid": "second", "run_upstream_blocks": True, "variables": {"env": "x"}}
        answer = requests.post(f"{mage.url}/api/runs/{token}", json={"run": run}, timeout=120)
        assert answer.status_code == 200, answer.text
        ((row,),) = answer.json()["run"]["output"]
        assert json.loads(row["told"])["env"] == "x"
        newest = mage.run(mage.runs("tells")[0]["id"])
        assert (newest["status"], newest["variables"]["env"]) == ("completed", "x")
        assert {block["status"] for block in newest["block_runs"]} == {"completed"}
        assert requests.post(f"{mage.url}/api/runs/{token}0", json={"run": run}, timeout=30).status_code == 404


def test_of_runs_that_need_more_memory_together_than_there_is_the_largest_are_ended(space: Namespace) -> None:
    with owner_of(space, "guarded") as mage:
        mage.create_pipeline("greedy")
        mage.add_block("greedy", "greedy", "data_loader", GREEDY_BLOCK)
        address = f"{mage.url}/api/runs/{mage.trigger('greedy').token}"
        body = {"run": {"pipeline_uuid": "greedy", "block_uuid": "greedy"}}
        with ThreadPoolExecutor(4) as callers:
            answers = list(callers.map(lambda _: requests.post(address, json=body, timeout=120), range(4)))
        told = [answer.json() for answer in answers]
        assert {"run": {"output": ["had it"]}} in told, told
        assert {answer["error"]["type"] for answer in told if "error" in answer} == {"out_of_memory"}, told
        assert requests.post(address, json=body, timeout=120).json() == {"run": {"output": ["had it"]}}
        assert {run["status"] for run in mage.runs("greedy")} == {"completed", "failed"}
    (pod,) = space.all("pods")
    assert {container["restartCount"] for container in pod["status"]["containerStatuses"]} == {0}
