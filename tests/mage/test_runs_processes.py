"""Processes that serve several runs: what one of them leaves is not there in the next."""

from pathlib import Path

import pytest
from tests.support.runs import Lab, runs_lab

from devkit.local_mage import LocalMage
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)

PROCESS = "import os\n{}\nreturn os.getpid()"


def test_environment_and_modules_of_a_run_are_gone_in_the_next(lab: Lab) -> None:
    pipeline = lab.pipeline("changes itself")
    lab.block(
        pipeline,
        "changes",
        "import builtins, os\nseen = [os.environ.get('LEFT'), getattr(builtins, 'left', None)]\n"
        "os.environ['LEFT'] = builtins.left = 'behind'\nos.chdir('/')\nreturn seen",
    )
    assert [lab.output(pipeline, "changes") for _ in range(6)] == [[None, None]] * 6


def test_runs_of_one_pipeline_that_leave_nothing_share_a_process_and_no_others_do(lab: Lab) -> None:
    first, second = lab.pipeline("shares"), lab.pipeline("shares not")
    for pipeline in (first, second):
        lab.block(pipeline, "one", PROCESS.format(""))
    pids = {pipeline: [lab.output(pipeline, "one")[0] for _ in range(8)] for pipeline in (first, second)}
    assert max(len(set(seen)) for seen in pids.values()) < 8
    assert not set(pids[first]) & set(pids[second])


@pytest.mark.parametrize(
    "leaves",
    [
        "import threading, time\nthreading.Thread(target=time.sleep, args=(30,), daemon=True).start()",
        "import _thread, time\n_thread.start_new_thread(time.sleep, (30,))",
        "import subprocess\nsubprocess.Popen(['sleep', '30'])",
        "import builtins, signal\nsignal.signal(signal.SIGUSR1, lambda *_: None)",
        "import signal\nsignal.setitimer(signal.ITIMER_REAL, 30)",
        "import signal\nsignal.setitimer(signal.ITIMER_VIRTUAL, 30)",
        "nowhere = os.open(os.devnull, os.O_WRONLY)\nos.dup2(nowhere, 1)\nos.close(nowhere)",
        "nowhere = os.open(os.devnull, os.O_WRONLY)\nfor each in (1, 2): os.dup2(nowhere, each)\nos.close(nowhere)",
        "import pandas\npandas.left = open(__import__('os').devnull)",
        "import pandas\npandas.left = bytearray(200_000_000)",
    ],
    ids=["thread", "bare thread", "process", "signal", "timer", "virtual", "output", "outputs", "file", "memory"],
)
def test_a_process_in_which_something_is_left_serves_no_other_run(
    lab: Lab, leaves: str, request: pytest.FixtureRequest
) -> None:
    pipeline = lab.pipeline(f"left {request.node.callspec.id}")
    lab.block(pipeline, "dirty", PROCESS.format(leaves))
    lab.block(pipeline, "clean", PROCESS.format(""))
    dirty = [lab.output(pipeline, "dirty")[0] for _ in range(4)]
    assert len(set(dirty)) == 4
    assert lab.output(pipeline, "clean")[0] not in dirty


def test_a_process_that_has_failed_serves_no_other_run(lab: Lab) -> None:
    pipeline = lab.pipeline("failed once")
    lab.block(pipeline, "fails", PROCESS.format("raise ValueError(os.getpid())"))
    lab.block(pipeline, "clean", PROCESS.format(""))
    failed = [int(lab.refusal(pipeline, "fails")[2]) for _ in range(4)]
    assert len(set(failed)) == 4
    assert lab.output(pipeline, "clean")[0] not in failed


def test_code_beside_the_blocks_is_read_again_by_a_process_that_has_imported_it(lab: Lab) -> None:
    pipeline = lab.pipeline("imports")
    beside = lab.mage.project / "utils" / "told_beside.py"
    beside.write_text("TOLD = 'first'\n")
    lab.block(pipeline, "one", "import os\nfrom default_repo.utils.told_beside import TOLD\nreturn [TOLD, os.getpid()]")
    first = [lab.output(pipeline, "one") for _ in range(6)]
    beside.write_text("TOLD = 'the second'\n")
    second = [lab.output(pipeline, "one") for _ in range(6)]
    assert [told for told, _ in first + second] == ["first"] * 6 + ["the second"] * 6
    assert {pid for _, pid in first} & {pid for _, pid in second}


def test_a_process_serves_as_many_runs_as_it_may(mage: LocalMage, owner: Mage, tmp_path: Path) -> None:
    with runs_lab(mage, owner, tmp_path, runner=("--runs-per-process=2",)) as lab:
        pipeline = lab.pipeline("two each")
        lab.block(pipeline, "one", PROCESS.format(""))
        pids = [lab.output(pipeline, "one")[0] for _ in range(12)]
    assert max(pids.count(pid) for pid in pids) == 2


def several(lab: Lab, pipeline: str, block: str, **options: object) -> list[object]:
    """The outputs of runs one after the other, of which at least two were in one process. The block returns both."""
    told = [lab.output(pipeline, block, **options) for _ in range(6)]
    assert len({pid for _, pid in told}) < len(told)
    return [found for found, _ in told]


def test_no_two_runs_draw_the_same_random_numbers(lab: Lab) -> None:
    pipeline = lab.pipeline("random")
    lab.block(
        pipeline,
        "draws",
        "import numpy, os, random\ndrawn = [numpy.random.random(), random.random()]\n"
        "numpy.random.seed(1)\nrandom.seed(1)\nreturn [drawn, os.getpid()]",
    )
    drawn = several(lab, pipeline, "draws")
    for column in zip(*drawn, strict=True):
        assert len(set(column)) == len(column)


def test_packages_without_a_file_of_their_own_can_be_imported_again(lab: Lab) -> None:
    pipeline = lab.pipeline("namespace")
    lab.block(
        pipeline,
        "imports",
        "import os\nimport google.cloud.common_resources_pb2\n"
        "return [google.cloud.common_resources_pb2.__name__, os.getpid()]",
    )
    assert set(several(lab, pipeline, "imports")) == {"google.cloud.common_resources_pb2"}


def test_loggers_are_as_new(lab: Lab) -> None:
    pipeline = lab.pipeline("loggers")
    lab.block(
        pipeline,
        "logs",
        "import logging, os\nloggers = [logging.getLogger(name) for name in ('mine', 'sqlalchemy', None)]\n"
        "seen = [[len(each.handlers), each.level] for each in loggers]\n"
        "for each in loggers: each.addHandler(logging.NullHandler()); each.setLevel(5)\nreturn [seen, os.getpid()]",
    )
    seen = several(lab, pipeline, "logs")
    assert seen == [seen[0]] * len(seen)


def test_what_is_changed_between_runs_is_seen_by_the_next(lab: Lab) -> None:
    pipeline = lab.pipeline("changed", told="first")
    profile = lab.mage.project / "io_config.yaml"
    before = profile.read_text()
    lab.block(
        pipeline,
        "looks",
        "import os\nfrom mage_ai.data_preparation.repo_manager import get_repo_config\n"
        "from mage_ai.data_preparation.shared.secrets import get_secret_value\n"
        "from mage_ai.io.config import ConfigFileLoader\n"
        "loader = ConfigFileLoader(get_repo_config().repo_path + '/io_config.yaml', 'default')\n"
        "return [[kwargs['told'], get_secret_value('told'), loader.get('POSTGRES_DBNAME')], os.getpid()]",
    )
    seen: list[list[object]] = []
    for told in ("first", "second"):
        body = {"variable": {"name": "told", "value": told}}
        lab.owner.call("POST", f"pipelines/{pipeline}/variables", body)
        if seen:
            lab.owner.call("DELETE", "secrets/told")
        lab.owner.call("POST", "secrets", {"secret": {"name": "told", "value": told}})
        profile.write_text(f"version: 0.1.1\ndefault:\n  POSTGRES_DBNAME: {told}\n")
        seen.append(several(lab, pipeline, "looks"))
    profile.write_text(before)
    assert seen == [[[told] * 3] * 6 for told in ("first", "second")]


def test_what_a_block_writes_into_the_configuration_is_seen_by_the_rest_of_its_run(lab: Lab) -> None:
    pipeline, file = lab.pipeline("configures"), lab.mage.project / "metadata.yaml"
    before = file.read_text()
    lab.block(
        pipeline,
        "saves",
        "from mage_ai.data_preparation.repo_manager import get_repo_config\n"
        "get_repo_config().save(retry_config={'retries': 3})\nreturn get_repo_config().retry_config",
    )
    try:
        assert lab.output(pipeline, "saves") == [{"retries": 3}]
    finally:
        file.write_text(before)
