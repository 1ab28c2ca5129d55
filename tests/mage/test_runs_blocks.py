"""What is done around a block, and for blocks that are no plain Python: as in a run that the scheduler has made."""

from typing import Any

import pytest
from tests.support.runs import Lab

pytestmark = pytest.mark.timeout(300)


def told(lab: Lab, pipeline: str, *names: str, **options: Any) -> dict[str, Any]:
    """What a block is given under these names, by a new block that tells it."""
    block = f"tells_{pipeline}"
    if block not in lab.metadata(pipeline).decode():
        lab.block(pipeline, block, "return {name: str(value) for name, value in kwargs.items()}")
    found = lab.output(pipeline, block, **options)[0]
    return {name: found.get(name) for name in names}


def test_the_request_wins_over_the_trigger_and_that_over_the_pipeline(lab: Lab) -> None:
    pipeline = lab.pipeline("variables", env="p", schema="p", level="p", own="p")
    spec = {
        "name": "v",
        "schedule_type": "api",
        "status": "active",
        "variables": {"env": "t", "schema": "t", "by": "t"},
    }
    made = lab.owner.call("POST", f"pipelines/{pipeline}/pipeline_schedules", {"pipeline_schedule": spec})
    token = made["pipeline_schedule"]["token"]
    names = ("env", "schema", "level", "own", "by", "new")
    assert told(lab, pipeline, *names, token=token, variables={"schema": "r", "level": "r", "new": "r"}) == {
        "env": "t",
        "schema": "r",
        "level": "r",
        "own": "p",
        "by": "t",
        "new": "r",
    }
    assert told(lab, pipeline, "env", token=token, variables={"env": "r"}) == {"env": "r"}
    assert told(lab, pipeline, "env") == {"env": "p"}
    assert told(lab, lab.pipeline("without variables"), "env") == {"env": "prod"}


@pytest.mark.parametrize("record", [True, False])
def test_a_block_is_given_what_mage_gives_in_a_run(lab: Lab, record: bool) -> None:  # noqa: FBT001
    pipeline = lab.pipeline(f"given {record}")
    names = ("ds", "hr", "execution_date", "execution_partition", "trigger_name", "pipeline_uuid", "block_uuid")
    more = ("configuration", "context", "repo_path", "logger", "event", "pipeline_run_id")
    given = told(lab, pipeline, *names, *more, record=record)
    assert given["ds"] == given["execution_date"][:10]
    assert given["trigger_name"] == "api"
    assert given["pipeline_uuid"] == pipeline
    assert given["block_uuid"] == f"tells_{pipeline}"
    assert given["repo_path"] == str(lab.mage.project)
    assert (given["configuration"], given["context"], given["event"]) == ("{}", "{}", "{}")
    assert given["logger"]
    assert given["pipeline_run_id"] == (str(lab.newest(pipeline)["id"]) if record else "None")


def test_the_request_wins_over_everything_that_mage_gives(lab: Lab) -> None:
    mine = {"ds": "r", "execution_date": "r", "trigger_name": "r", "pipeline_run_id": "r", "configuration": "r"}
    assert told(lab, lab.pipeline("wins"), *mine, variables=mine) == mine


def test_callbacks_are_told_how_a_block_ended(lab: Lab) -> None:
    pipeline, notes = lab.pipeline("callbacks"), lab.mage.folder / "callbacks"
    lab.block(pipeline, "called", "assert not kwargs.get('bad'), 'too bad'\nreturn {'v': 1}")
    code = f"""
@callback("success")
def succeeded(output, **kwargs):
    open({str(notes)!r}, "a").write(f"success {{output}} {{kwargs['who']}} {{kwargs['pipeline_run']}}|")

@callback("failure")
def failed(**kwargs):
    open({str(notes)!r}, "a").write(f"failure {{kwargs['__error']}}|")
"""
    lab.raw(pipeline, "calls", code, "called", kind="callback")
    lab.output(pipeline, "called", variables={"who": "me"})
    assert lab.refusal(pipeline, "called", variables={"who": "me", "bad": True})[0] == 500
    lab.output(pipeline, "called", record=False, store_variables=False, variables={"who": "me"})
    success, failure, unrecorded = notes.read_text().strip("|").split("|")
    assert success.startswith("success {'v': 1} me PipelineRun(")
    assert failure == "failure too bad"
    assert unrecorded == "success {'v': 1} me None"


@pytest.mark.parametrize("record", [True, False])
def test_a_condition_that_does_not_hold_keeps_a_block_and_those_below_from_running(
    lab: Lab,
    record: bool,  # noqa: FBT001
) -> None:
    pipeline = lab.pipeline(f"conditions {record}")
    lab.block(pipeline, "guarded", "return 1")
    lab.block(pipeline, "below", "return 2", "guarded")
    lab.block(pipeline, f"holds {record}", "return kwargs['holds']", "guarded", kind="conditional")
    wish = {"run_upstream_blocks": True, "record": record}
    assert lab.output(pipeline, "below", variables={"holds": True}, **wish) == [2]
    assert lab.output(pipeline, "below", variables={"holds": False}, **wish) == []
    if record:
        run = lab.newest(pipeline)
        assert run["status"] == "completed"
        assert {block["status"] for block in run["blocks"].values()} == {"condition_failed"}


def test_tests_of_a_block_belong_to_it(lab: Lab) -> None:
    pipeline = lab.pipeline("tested")
    code = "@data_loader\ndef load(**kwargs):\n    return 1\n\n@test\ndef is_two(output):\n    assert output == 2\n"
    lab.raw(pipeline, "tested", code, kind="data_loader")
    assert lab.refusal(pipeline, "tested")[0] == 500


def test_a_block_is_tried_as_often_as_it_says(lab: Lab) -> None:
    pipeline, notes = lab.pipeline("tries"), lab.mage.folder / "tries"
    body = (
        f"notes = open({str(notes)!r}, 'a+')\nnotes.write('x')\nnotes.seek(0)\nassert len(notes.read()) > 2\nreturn 1"
    )
    lab.block(pipeline, "tries", body)
    retries = {"block": {"uuid": "tries", "name": "tries", "retry_config": {"retries": 3, "delay": 0}}}
    lab.owner.call("PUT", f"pipelines/{pipeline}/blocks/tries", retries)
    assert lab.output(pipeline, "tries") == [1]


def test_sensors_custom_blocks_and_exporters_work(lab: Lab) -> None:
    pipeline = lab.pipeline("kinds")
    lab.block(pipeline, "senses", "return True", kind="sensor")
    lab.block(pipeline, "custom", "return 'custom'", "senses", kind="custom")
    lab.block(pipeline, "exports", "assert inputs == ('custom',)", "custom", kind="data_exporter")
    assert lab.output(pipeline, "senses") == []
    assert lab.output(pipeline, "custom") == ["custom"]
    assert lab.output(pipeline, "exports") == []
    assert lab.output(pipeline, "exports", run_upstream_blocks=True) == []
    assert lab.newest(pipeline)["blocks"].keys() == {"senses", "custom", "exports"}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("callback", "is a callback, which is executed with the block that it belongs to"),
        ("conditional", "is a conditional, which is executed with the block that it belongs to"),
        ("markdown", "is of type markdown, which is not executed by itself"),
        ("scratchpad", "is of type scratchpad, which is not executed by itself"),
    ],
)
def test_other_kinds_are_refused_with_the_reason(lab: Lab, kind: str, told: str) -> None:
    pipeline = lab.pipeline(f"refused {kind}")
    block = lab.raw(pipeline, f"refused {kind}", "1", kind=kind)
    code, _, message = lab.refusal(pipeline, block)
    assert code == 422
    assert told in message


def test_a_pipeline_of_another_type_is_refused(lab: Lab) -> None:
    lab.owner.call("POST", "pipelines", {"pipeline": {"name": "streams", "type": "streaming"}})
    lab.raw("streams", "streams", "connector_type: kafka\n", kind="data_loader", language="yaml")
    code, _, message = lab.refusal("streams", "streams")
    assert code == 422
    assert "is of type streaming" in message


def test_dynamic_blocks_are_executed_once_for_each_output(lab: Lab) -> None:
    pipeline = lab.pipeline("dynamic")
    many = "return [[{'i': 1}, {'i': 2}], [{'block_uuid': 'a'}, {'block_uuid': 'b'}]]"
    lab.block(pipeline, "many", many, configuration={"dynamic": True})
    lab.block(pipeline, "each", "return inputs[0]['i'] * 10", "many", configuration={"reduce_output": True})
    lab.block(pipeline, "all", "return sorted(inputs[0])", "each")
    assert lab.output(pipeline, "each", run_upstream_blocks=True) == [10, 20]
    assert lab.output(pipeline, "each") == [10, 20]
    assert lab.output(pipeline, "all", run_upstream_blocks=True) == [10, 20]
    run = lab.newest(pipeline)
    assert {name: block["status"] for name, block in run["blocks"].items()} == dict.fromkeys(
        ["many", "each", "each:a", "each:b", "all"], "completed"
    )
    assert lab.refusal(pipeline, "all")[0] == 409
    assert lab.refusal(pipeline, "each", record=False)[0] == 422
