"""What the run history and the volume show of runs, also when somebody dies in the middle of one."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from tests.support.eventually import eventually
from tests.support.runs import Json, Lab, runs_lab

from devkit.local_mage import LocalMage
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)


def loads(lab: Lab, name: str, body: str = "print('hello from', kwargs.get('who'))\nreturn {'a': 1}") -> str:
    """A pipeline with one block of the same name."""
    pipeline = lab.pipeline(name)
    return lab.block(pipeline, pipeline, body)


def test_the_history_shows_a_run_with_times_variables_and_logs(lab: Lab) -> None:
    name = loads(lab, "recorded")
    token = lab.owner.trigger(name).token
    lab.output(name, name, token=token, variables={"who": "me", "nested": {"list": [1, None]}})
    run = lab.newest(name)
    block = run["blocks"][name]
    assert (run["status"], block["status"]) == ("completed", "completed")
    assert run["started_at"] <= block["started_at"] <= block["completed_at"] <= run["completed_at"]
    assert run["variables"]["who"] == "me"
    assert run["variables"]["nested"] == {"list": [1, None]}
    assert run["pipeline_schedule_id"] == lab.owner.trigger(name).id
    assert "hello from" in logs(lab, name, block)
    outputs = lab.owner.call("GET", f"block_runs/{block['id']}/outputs")["outputs"]
    assert [output["variable_uuid"] for output in outputs] == ["output_0"]


def test_a_failed_run_shows_why(lab: Lab) -> None:
    name = loads(lab, "failed", "raise ValueError('no such patient')")
    assert lab.refusal(name, name, token=lab.owner.trigger(name).token)[0] == 500
    run = lab.newest(name)
    assert (run["status"], run["blocks"][name]["status"]) == ("failed", "failed")
    assert run["blocks"][name]["metrics"]["error"]["error"] == "no such patient"
    assert run["completed_at"]
    assert "no such patient" in logs(lab, name, run["blocks"][name])


def logs(lab: Lab, pipeline: str, block: Json) -> str:
    """As the page of the logs of a block's run has it."""
    return json.dumps(lab.owner.call("GET", f"pipelines/{pipeline}/logs", **{"block_run_id[]": block["id"]}))


def test_logs_are_shown_of_runs_by_the_token_of_another_pipelines_trigger(lab: Lab) -> None:
    mine, other = (loads(lab, f"logs {name}", f"print('hello from {name}')") for name in ("mine", "other"))
    for name in (mine, other):
        lab.output(name, name)
    run, block = lab.newest(mine), lab.newest(mine)["blocks"][mine]
    assert "hello from mine" in logs(lab, mine, block)
    of_run = json.dumps(lab.owner.call("GET", f"pipelines/{mine}/logs", **{"pipeline_run_id[]": run["id"]}))
    assert "hello from mine" in of_run
    everything = json.dumps(lab.owner.call("GET", f"pipelines/{mine}/logs"))
    assert "hello from mine" in everything
    assert "hello from other" not in everything


@pytest.mark.parametrize("variables", [{"execution_partition": "../../elsewhere"}, {"execution_partition": 5}])
def test_no_variable_moves_where_a_run_is_kept(lab: Lab, variables: Json) -> None:
    name = loads(
        lab, f"moved {type(variables['execution_partition']).__name__}", "return kwargs['execution_partition']"
    )
    assert lab.output(name, name, variables=variables) == list(variables.values())
    assert lab.newest(name)["variables"]["execution_partition"].split("/")[0].isdigit()
    assert lab.files(name)
    assert not list(lab.mage.folder.rglob("elsewhere"))


def test_a_run_that_is_not_recorded_is_in_no_history_and_leaves_no_log(lab: Lab) -> None:
    name = loads(lab, "unrecorded")
    assert lab.output(name, name, record=False) == [{"a": 1}]
    assert lab.owner.runs(name) == []
    assert {file.parent.name for file in lab.files(name)} == {"output_0"}


@pytest.mark.parametrize("record", [True, False])
def test_variables_that_are_not_stored_leave_nothing(lab: Lab, record: bool) -> None:  # noqa: FBT001
    name = lab.pipeline(f"unstored {record}")
    lab.block(name, f"{name}_a", "import pandas as pd\nreturn pd.DataFrame({'a': [1]})")
    lab.block(name, f"{name}_b", "return inputs[0]", f"{name}_a")
    folders = set(Path("/tmp").glob("magecluster-runner-*/*"))  # noqa: S108
    wish = {"record": record, "store_variables": False, "run_upstream_blocks": True}
    assert lab.output(name, f"{name}_b", **wish) == [[{"a": 1}]]
    assert {file.suffix for file in lab.files(name)} == ({".log"} if record else set())
    assert lab.refusal(name, f"{name}_b")[0] == 409
    eventually(lambda: set(Path("/tmp").glob("magecluster-runner-*/*")) <= folders, what="temporary files are gone")  # noqa: S108


def test_the_files_of_a_pipeline_are_not_touched(lab: Lab) -> None:
    name = loads(lab, "untouched")
    project = {path: path.stat().st_mtime_ns for path in lab.mage.project.rglob("*") if path.is_file()}
    lab.output(name, name, run_upstream_blocks=True)
    after = {path: path.stat().st_mtime_ns for path in lab.mage.project.rglob("*") if path.is_file()}
    assert {path for path in after if project.get(path) != after[path] and "__pycache__" not in path.parts} == set()


@contextmanager
def running(lab: Lab, name: str) -> Iterator[list[requests.Response | Exception]]:
    """A request that is under way: its run is in the history. Afterwards, what became of it."""
    became: list[requests.Response | Exception] = []

    def ask() -> None:
        try:
            became.append(lab.ask(name, name))
        except requests.RequestException as failure:
            became.append(failure)

    client = threading.Thread(target=ask)
    client.start()
    eventually(lambda: lab.owner.runs(name), what="the run is in the history")
    yield became
    client.join(60)
    assert became


def counts(folder: Path) -> str:
    """The body of a block that notes each of its executions and then takes its time."""
    return f"import time\nopen({str(folder / 'executions')!r}, 'a').write('x')\ntime.sleep(30)\nreturn 1"


@pytest.fixture
def mine(mage: LocalMage, owner: Mage, tmp_path: Path) -> Iterator[Lab]:
    """With processes that may be killed."""
    with runs_lab(mage, owner, tmp_path) as found:
        yield found


def ended(lab: Lab, name: str) -> Json:
    return eventually(lambda: (run := lab.newest(name)) and run["completed_at"] and run, what="the run is over")


def a_pass_of_the_scheduler(lab: Lab) -> None:
    """Another run that it executes from start to end, of a pipeline that it sees after all that are there."""
    name = f"scheduled {time.time_ns()}"
    pipeline = lab.pipeline(name)
    lab.block(pipeline, f"block_{time.time_ns()}", "return 1")
    lab.owner.complete(lab.owner.trigger(pipeline))


def test_when_the_process_of_a_run_dies_it_has_failed_and_is_not_executed_again(lab: Lab, tmp_path: Path) -> None:
    name = loads(lab, "killed", counts(tmp_path))
    lab.owner.trigger(name)  # active, so that the scheduler would execute what is left for it
    with running(lab, name) as became:
        assert (lab.newest(name)["status"], lab.newest(name)["blocks"][name]["status"]) == ("failed", "failed")
        a_pass_of_the_scheduler(lab)
        assert (tmp_path / "executions").read_text() == "x"
        kill_child(lab)
    assert became[0].status_code == 500  # type: ignore[union-attr]
    run = ended(lab, name)
    assert (run["status"], run["blocks"][name]["status"]) == ("failed", "failed")
    a_pass_of_the_scheduler(lab)
    assert (tmp_path / "executions").read_text() == "x"
    assert len(lab.owner.runs(name)) == 1


def test_when_the_gateway_dies_the_run_is_ended_and_has_failed(mine: Lab, tmp_path: Path) -> None:
    name = loads(mine, "without gateway", counts(tmp_path))
    with running(mine, name):
        mine.gateway.kill()
    run = ended(mine, name)
    assert (run["status"], run["blocks"][name]["status"]) == ("failed", "failed")
    mine.gateway.start()


def test_when_the_runner_dies_the_run_is_ended_and_has_failed(mine: Lab, tmp_path: Path) -> None:
    name = loads(mine, "without runner", counts(tmp_path))
    with running(mine, name) as became:
        child = working(mine)
        mine.runner.kill()
    assert became[0].status_code == 503  # type: ignore[union-attr]
    eventually(lambda: not Path(f"/proc/{child}").exists(), what="nobody executes the block any more")
    run = mine.newest(name)
    assert (run["status"], run["blocks"][name]["status"]) == ("failed", "failed")
    a_pass_of_the_scheduler(mine)
    assert (tmp_path / "executions").read_text() == "x"
    mine.runner.start()
    assert mine.output(loads(mine, "after the runner"), "after_the_runner") == [{"a": 1}]


def test_a_run_that_has_succeeded_is_completed_and_not_executed_again(lab: Lab, tmp_path: Path) -> None:
    name = loads(lab, "succeeded", counts(tmp_path).replace("30", "0"))
    lab.owner.trigger(name)
    lab.output(name, name)
    a_pass_of_the_scheduler(lab)
    assert (tmp_path / "executions").read_text() == "x"
    assert [run["status"] for run in lab.owner.runs(name)] == ["completed"]


def working(lab: Lab) -> int:
    """The child of the runner's that has a log open: the one that works."""
    children = [int(pid) for pid in Path(f"/proc/{lab.runner.pid}/task/{lab.runner.pid}/children").read_text().split()]
    files = {pid: [path.resolve() for path in Path(f"/proc/{pid}/fd").iterdir()] for pid in children}
    return next(pid for pid, opened in files.items() if any(path.suffix == ".log" for path in opened))


def kill_child(lab: Lab) -> None:
    os.kill(working(lab), 9)
