"""What a block does to its process harms no other run, and nothing of it is left."""

import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from tests.support.eventually import eventually
from tests.support.runs import Lab, refusal, runs_lab

from devkit.local_mage import LocalMage
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)

TIME_LIMIT = 8


@pytest.fixture(scope="module")
def lab(mage: LocalMage, owner: Mage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """With a short time limit, and 20 runs at the same time."""
    options = (f"--runs-timeout={TIME_LIMIT}", "--runs-concurrency=20")
    with runs_lab(mage, owner, tmp_path_factory.mktemp("isolation"), *options) as found:
        yield found


@pytest.fixture
def unharmed(lab: Lab) -> Iterator[None]:
    """A run beside goes on, the next one works, and no process is left that the runner does not know."""
    if "beside" not in lab.owner.pipelines():
        lab.block(lab.pipeline("beside"), "beside", "import time\ntime.sleep(kwargs.get('seconds', 0))\nreturn 'well'")
    runner = lab.runner.pid
    with ThreadPoolExecutor() as beside:
        going = beside.submit(lab.output, "beside", "beside", variables={"seconds": 1})
        yield
        assert going.result() == ["well"]
    assert lab.output("beside", "beside") == ["well"]
    assert lab.runner.pid == runner
    assert Path(f"/proc/{runner}").exists()


@pytest.mark.parametrize(
    ("body", "type_", "told"),
    [
        ("import sys\nsys.exit(3)", "SystemExit", "The block called sys.exit(3)"),
        ("raise KeyboardInterrupt('now')", "KeyboardInterrupt", "now"),
        ("import os\nos._exit(0)", "process_ended", "The process of the run exited with status 0"),
        ("import os\nos._exit(7)", "process_ended", "The process of the run exited with status 7"),
        ("import ctypes\nctypes.string_at(0)", "process_ended", "The process of the run was ended by SIGSEGV"),
        ("import os\nos.abort()", "process_ended", "The process of the run was ended by SIGABRT"),
        ("import os\nos.kill(os.getpid(), 9)", "process_ended", "was ended by SIGKILL; it may have used more memory"),
        ("import os\nos.closerange(3, 4096)\nos._exit(1)", "process_ended", "exited with status 1"),
        ("raise RecursionError", "RecursionError", ""),
        ("def f(): f()\nf()", "RecursionError", "maximum recursion depth exceeded"),
    ],
)
@pytest.mark.usefixtures("unharmed")
def test_an_end_of_the_process_is_told(lab: Lab, body: str, type_: str, told: str) -> None:
    pipeline = lab.pipeline(f"ends {zlib.crc32(body.encode())}")
    lab.block(pipeline, pipeline, body)
    code, found, message = lab.refusal(pipeline, pipeline)
    assert (code, found) == (500, type_)
    assert told in message
    run = lab.newest(pipeline)
    block = run["blocks"][pipeline]
    assert (run["status"], block["status"]) == ("failed", "failed")
    assert run["completed_at"]
    assert block["completed_at"]
    assert message in block["metrics"]["error"]["error"] or block["metrics"]["error"]["error"] in message


@pytest.mark.usefixtures("unharmed")
def test_a_run_that_never_ends_is_ended(lab: Lab) -> None:
    pipeline = lab.pipeline("endless")
    lab.block(pipeline, "endless", "while True:\n    try:\n        while True: pass\n    except BaseException: pass")
    began = time.monotonic()
    assert lab.refusal(pipeline, "endless") == (504, "timeout", "The run took longer than 8 seconds and was ended")
    assert time.monotonic() - began >= TIME_LIMIT
    run = lab.newest(pipeline)
    assert (run["status"], run["blocks"]["endless"]["status"]) == ("failed", "failed")
    assert "longer than 8 seconds" in run["blocks"]["endless"]["metrics"]["error"]["message"]


def test_too_much_memory_is_an_error_of_the_block(mage: LocalMage, owner: Mage, tmp_path: Path, unharmed: None) -> None:
    with runs_lab(mage, owner, tmp_path, runner=("--memory=300",)) as lab:
        pipeline = lab.pipeline("greedy")
        lab.block(pipeline, "greedy", "kept = []\nwhile True: kept.append(bytearray(10_000_000))")
        assert lab.refusal(pipeline, "greedy")[:2] == (500, "MemoryError")
        run = lab.newest(pipeline)
        assert (run["status"], run["blocks"]["greedy"]["status"]) == ("failed", "failed")


@pytest.mark.parametrize(
    "prints",
    [
        "import os\nfor _ in range(1024): os.write(1, b'x' * (1 << 20))",
        "import sys\nfor _ in range(100): print('x' * (1 << 20))",
        "import subprocess\nsubprocess.run('head -c 300000000 /dev/zero', shell=True)",
    ],
    ids=["descriptor", "print", "process"],
)
@pytest.mark.usefixtures("unharmed")
def test_what_is_printed_is_cut(lab: Lab, prints: str, request: pytest.FixtureRequest) -> None:
    pipeline = lab.pipeline(f"prints {request.node.callspec.id}")
    lab.block(pipeline, pipeline, f"{prints}\nreturn 'printed'")
    before = lab.runner.log.stat().st_size
    assert lab.output(pipeline, pipeline) == ["printed"]
    assert sum(file.stat().st_size for file in lab.files(pipeline)) < 30_000_000
    assert lab.runner.log.stat().st_size - before < 1_000_000


@pytest.mark.usefixtures("unharmed")
def test_threads_and_processes_that_are_left_running_end_with_the_run(lab: Lab) -> None:
    pipeline = lab.pipeline("leaves")
    marks = [f"37{number}.5" for number in range(4)]
    lab.block(
        pipeline,
        "leaves",
        f"""
        import multiprocessing, subprocess, threading, time
        threading.Thread(target=time.sleep, args=(3600,)).start()
        subprocess.Popen(['sleep', '{marks[0]}'])
        subprocess.Popen(['setsid', 'sleep', '{marks[1]}'])
        subprocess.run('(setsid sh -c "sleep {marks[2]} & sleep {marks[3]}" &) &', shell=True)
        multiprocessing.get_context('fork').Process(target=time.sleep, args=(3600,)).start()
        time.sleep(0.3)
        return 'left'
        """,
    )
    assert lab.output(pipeline, "leaves") == ["left"]
    eventually(lambda: not any(sleeping(mark) for mark in marks), what="no process is left")


@pytest.mark.usefixtures("unharmed")
def test_who_goes_away_has_the_run_ended(lab: Lab) -> None:
    pipeline = lab.pipeline("cancelled")
    lab.block(pipeline, "cancelled", "import subprocess\nsubprocess.run(['sleep', '3.75'])\nreturn 1")
    url = f"{lab.gateway.url}/api/runs/{lab.token}"
    body = {"run": {"pipeline_uuid": pipeline, "block_uuid": "cancelled"}}
    with pytest.raises(requests.Timeout):
        requests.post(url, json=body, timeout=1)
    eventually(lambda: not sleeping("3.75"), what="the process is ended")
    run = eventually(lambda: (found := lab.newest(pipeline)) and found["completed_at"] and found)
    assert (run["status"], run["blocks"]["cancelled"]["status"]) == ("failed", "failed")
    assert "client went away" in run["blocks"]["cancelled"]["metrics"]["error"]["message"]


def test_twenty_runs_at_once_do_not_wait_for_each_other(lab: Lab) -> None:
    pipeline = lab.pipeline("twenty")
    lab.block(pipeline, "twenty", "import time\nbegan = time.time()\ntime.sleep(1.5)\nreturn [began, time.time()]")
    with ThreadPoolExecutor(20) as clients:
        spans = list(clients.map(lambda _: lab.output(pipeline, "twenty"), range(20)))
    overlap = [sum(a[0] < b[1] and b[0] < a[1] for b in spans) for a in spans]
    assert max(overlap) > 10


def test_a_run_that_is_refused_for_its_time_limit_says_so_in_the_documented_shape(lab: Lab) -> None:
    answer = lab.ask("beside", "beside", variables={"seconds": 60})
    assert refusal(answer)[0] == 504


def sleeping(seconds: str) -> bool:
    """Whether a `sleep` of that length runs."""
    wanted = f"sleep\0{seconds}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes() == wanted:
                return True
        except OSError:  # it has ended
            continue
    return False
