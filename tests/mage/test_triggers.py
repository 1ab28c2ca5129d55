"""Triggers called through the gateway; the runs are real ones of Mage's scheduler."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from tests.support.own_document import HOST as OWN_HOST
from tests.support.own_document import commands
from tests.support.runs import refusal
from tests.support.trigger_contract import HOST, TRIGGER, examples
from tests.support.triggers import Lab, hooked, pipeline, told

from devkit.local_gateway import GatewayProcess, RunnerProcess
from devkit.local_mage import environment
from devkit.mage import Trigger

pytestmark = pytest.mark.timeout(300)

Json = dict[str, Any]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    mage = hooked(tmp_path_factory.mktemp("hooked"))
    folder = tmp_path_factory.mktemp("beside")
    try:
        owner = mage.start().owner()
        pipeline(owner)
        with RunnerProcess(mage, folder) as runner:
            gateway = GatewayProcess(mage.url, folder / "gateway.log", f"--runner-socket={runner.socket}").start()
            yield Lab(mage, owner, gateway)
            gateway.stop()
            assert "Traceback" not in gateway.log.read_text()
            assert "NOT CHANGED" not in mage.log.read_text()
    finally:
        mage.stop()


def told_to_both(lab: Lab, answer: requests.Response) -> Json:
    """What both blocks of the run were told, which is the same."""
    assert answer.status_code == 200, answer.text
    run = lab.finish(answer.json()["pipeline_run"]["id"])
    first, second = (told(lab.owner, run, block) for block in ("first", "second"))
    assert first == second
    return first


def test_blocks_see_the_variables_of_the_request_in_every_documented_form(lab: Lab) -> None:
    trigger = lab.trigger("forms", variables={"level": "trigger's level", "schema": "trigger's schema"})
    wrapped, bare = (json.loads(text) for text in examples("json"))
    bodies = [wrapped, bare, {**bare, "pipeline_run": {"variables": {"schema": "wrapped"}}}, {}, None]
    answers = [lab.call(trigger, body) for body in bodies]
    ours = {"level": "trigger's level", "region": "pipeline's region", "trigger_name": "forms"}
    document = {"env": "staging", "schema": "public"}
    nothing = {"env": "pipeline's env", "schema": "trigger's schema", "event": {}, **ours}
    assert [told_to_both(lab, answer) for answer in answers] == [
        {**document, "event": {}, **ours},
        {**document, "event": document, **ours},
        {**document, "schema": "wrapped", "event": document, **ours},
        nothing,
        nothing,
    ]


def test_the_answer_is_mages_own(lab: Lab) -> None:
    trigger = lab.trigger("answer")
    run = lab.call(trigger, {"pipeline_run": {"variables": {"a": 1}, "execution_date": "2026-01-31T12:00:00Z"}})
    direct = lab.owner.call("POST", f"pipeline_schedules/{trigger.id}/pipeline_runs/{trigger.token}", {})
    found = run.json()["pipeline_run"]
    assert found.keys() == direct["pipeline_run"].keys()
    assert (found["status"], found["execution_date"], found["variables"]["a"]) == ("initial", "2026-01-31 12:00:00", 1)
    assert found["pipeline_schedule_id"] == trigger.id


def test_the_curl_of_the_document_starts_a_run_as_it_is_printed(lab: Lab) -> None:
    (command,) = (text for text in examples("bash") if text.startswith("curl"))
    trigger = lab.trigger("curl")
    for theirs, mine in {HOST: lab.gateway.url, TRIGGER: f"{trigger.id}/pipeline_runs/{trigger.token}"}.items():
        assert theirs in command
        command = command.replace(theirs, mine)
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    run = lab.finish(json.loads(done.stdout)["pipeline_run"]["id"])
    said = told(lab.owner, run, "second")
    assert (said["env"], said["schema"]) == ("staging", "public")


def test_the_commands_of_our_own_document_start_runs(lab: Lab) -> None:
    (script,) = commands("Triggers")
    trigger = lab.trigger("documented")
    script = f"set -e\nID={trigger.id} TOKEN={trigger.token}\n{script}".replace(OWN_HOST, lab.gateway.url)
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.count('"status": "initial"') == 2
    assert [run["variables"]["env"] for run in lab.runs(trigger)] == ["staging", "staging"]


def test_a_token_may_also_be_sent_in_a_header(lab: Lab) -> None:
    trigger = lab.trigger("header", token="with-dashes.and-dots")
    url = f"{lab.gateway.url}/api/pipeline_schedules/{trigger.id}/api_trigger"
    for header in (f"Bearer {trigger.token}", f"bearer  {trigger.token}"):
        answer = requests.post(url, json={"env": "header"}, headers={"Authorization": header}, timeout=60)
        assert answer.json()["pipeline_run"]["variables"]["env"] == "header"
    assert lab.call(trigger).status_code == 200  # Mage itself does not take such a token in a path
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}):
        answer = requests.post(url, headers=headers, timeout=60)
        assert (refusal(answer)[0], answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
    assert refusal(requests.post(url, headers={"Authorization": "Bearer wrong"}, timeout=60))[0] == 401
    assert len(lab.runs(trigger)) == 3


def test_what_cannot_start_a_run_is_refused_by_its_status(lab: Lab) -> None:
    trigger = lab.trigger("refusing")
    timed = lab.trigger("timed", schedule_type="time", schedule_interval="@daily", status="inactive")
    for wrong in (trigger.token[:-1], f"{trigger.token}0", "not-a-token", "%E2%82%AC", "a" * 5000):
        assert refusal(lab.call(Trigger(trigger.id, wrong)))[0] == 401
    for number in ("99999", "0", "9" * 30, "first", "1.5", "-1"):
        assert refusal(lab.call(Trigger(number, trigger.token)))[0] == 404  # type: ignore[arg-type]
    assert refusal(lab.call(timed))[0] == 422
    for body in (b"{", b"[1]", b'"text"', b"3", b"null", b"\xff", b"env=staging", b"[" * 100_000):
        assert refusal(lab.call(trigger, body))[0] == 400, body
    for run in ("text", [1], {"variables": 3}, {"variables": "a"}, {"execution_date": "soon"}, {"execution_date": 3}):
        assert refusal(lab.call(trigger, {"pipeline_run": run}))[0] == 400, run
    status, _, message = refusal(lab.call(trigger, {"pipeline_run": {"status": "completed", "id": 1}}))
    assert status == 400
    assert "use variables and execution_date" in message
    assert lab.runs(trigger) == []
    assert lab.runs(timed) == []


def test_other_methods_are_refused_and_mages_own_resources_are_left_alone(lab: Lab) -> None:
    trigger = lab.trigger("methods")
    base = f"{lab.gateway.url}/api/pipeline_schedules/{trigger.id}"
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        for path in (f"pipeline_runs/{trigger.token}", "api_trigger"):
            answer = requests.request(method, f"{base}/{path}", timeout=60)
            assert refusal(answer)[0] == 405
            assert answer.headers["Allow"] == "POST, OPTIONS"
    preflight = requests.options(f"{base}/api_trigger", timeout=60)
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert lab.call(trigger).status_code == 200
    through = requests.get(f"{base}/pipeline_runs", timeout=60)
    direct = requests.get(f"{lab.owner.url}/api/pipeline_schedules/{trigger.id}/pipeline_runs", timeout=60)
    assert through.json()["error"]["type"] == direct.json()["error"]["type"]


def test_an_inactive_trigger_starts_nothing_and_stays_inactive(lab: Lab) -> None:
    trigger = lab.trigger("inactive", status="inactive")
    status, _, message = refusal(lab.call(trigger, {"env": "staging"}))
    assert status == 409
    assert "activ" in message
    assert lab.runs(trigger) == []
    kept = lab.owner.call("GET", f"pipeline_schedules/{trigger.id}")["pipeline_schedule"]
    assert kept["status"] == "inactive"


def test_a_pipeline_that_is_gone_is_no_success(lab: Lab) -> None:
    lab.owner.create_pipeline("gone")
    made = lab.owner.trigger("gone")
    (lab.mage.project / "pipelines/gone/metadata.yaml").unlink()
    assert refusal_of_mage(lab.call(made)) == 404


def refusal_of_mage(answer: requests.Response) -> int:
    """The status of what Mage itself refuses."""
    assert answer.status_code == answer.json()["error"]["code"]
    assert "Traceback" not in answer.text
    return answer.status_code


def test_a_repeated_key_answers_the_first_run(lab: Lab) -> None:
    trigger, other = lab.trigger("once"), lab.trigger("once more")
    first = lab.call(trigger, {"a": 1, "b": 2}, Idempotency_Key="k").json()["pipeline_run"]
    for body in (b'{"b": 2, "a": 1}', {"a": 1, "b": 2}):
        again = lab.call(trigger, body, Idempotency_Key="k")
        assert (again.headers["Idempotent-Replayed"], again.json()["pipeline_run"]["id"]) == ("true", first["id"])
        assert again.json()["pipeline_run"].keys() == first.keys()
    assert refusal(lab.call(trigger, {"a": 2, "b": 2}, Idempotency_Key="k"))[0] == 422
    for key in ("", "k" * 256):
        assert refusal(lab.call(trigger, {"a": 1, "b": 2}, Idempotency_Key=key))[0] == 400
    assert refusal(lab.call(Trigger(trigger.id, "wrong"), {"a": 1, "b": 2}, Idempotency_Key="k"))[0] == 401
    for call in (lab.call(other, {"a": 1, "b": 2}, Idempotency_Key="k"), lab.call(trigger, Idempotency_Key="l")):
        assert "Idempotent-Replayed" not in call.headers
        assert call.json()["pipeline_run"]["id"] != first["id"]
    assert (len(lab.runs(trigger)), len(lab.runs(other))) == (2, 1)


def test_a_key_is_known_after_the_run_ended_the_gateway_restarted_and_the_trigger_became_inactive(lab: Lab) -> None:
    trigger = lab.trigger("remembered")
    run = lab.call(trigger, {"env": "staging"}, Idempotency_Key="k").json()["pipeline_run"]["id"]
    lab.finish(run)
    lab.gateway.stop()
    lab.gateway.start()
    assert lab.call(trigger, {"env": "staging"}, Idempotency_Key="k").json()["pipeline_run"]["id"] == run
    lab.owner.call("PUT", f"pipeline_schedules/{trigger.id}", {"pipeline_schedule": {"status": "inactive"}})
    again = lab.call(trigger, {"env": "staging"}, Idempotency_Key="k").json()["pipeline_run"]
    assert (again["id"], again["status"]) == (run, "completed")
    assert refusal(lab.call(trigger, {"env": "staging"}, Idempotency_Key="new"))[0] == 409
    assert len(lab.runs(trigger)) == 1


ENDS = """
import sys
from types import SimpleNamespace
from mage_ai.settings.repo import set_repo_path
set_repo_path(sys.argv[1])
from mage_ai.orchestration.db import db_connection
from mage_ai.orchestration.db.models.schedules import PipelineRun
from mage_ai.orchestration.pipeline_scheduler_original import calculate_pipeline_run_metrics

db_connection.start_session()
integration = SimpleNamespace(type="integration", streams=list, destination_uuid="d", source_uuid="s")
calculate_pipeline_run_metrics(PipelineRun.query.get(int(sys.argv[2])), integration)
"""
"""What Mage's scheduler does at the end of a run of a data integration pipeline."""


def test_a_key_outlives_what_mage_measures_of_a_data_integration(lab: Lab) -> None:
    trigger = lab.trigger("integration")
    run = lab.call(trigger, {"a": 1}, Idempotency_Key="k").json()["pipeline_run"]["id"]
    lab.finish(run)
    script = (environment(), "-c", ENDS, lab.mage.project, str(run))
    subprocess.run(script, env=lab.mage.variables, cwd=lab.mage.folder, check=True, capture_output=True, timeout=60)
    again = lab.call(trigger, {"a": 1}, Idempotency_Key="k").json()["pipeline_run"]
    assert (again["id"], again["metrics"]["destination"]) == (run, "d")
    assert refusal(lab.call(trigger, {"a": 2}, Idempotency_Key="k"))[0] == 422


def test_of_many_calls_at_once_with_one_key_one_starts_a_run(lab: Lab) -> None:
    trigger = lab.trigger("at once")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: lab.call(trigger, {"a": 1}, Idempotency_Key="k"), range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["pipeline_run"]["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 11
    assert len(lab.runs(trigger)) == 1
