"""The runner's parent and its children, with work that needs no Mage."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.eventually import eventually
from tests.support.serving import FREE, LIMIT, RENEWS, SPARES, Client

from magecluster_runner import system, wire
from magecluster_runner.pool import MOST_KEPT
from magecluster_runner.queue import MOST_BRIEF

ROOT = Path(__file__).parents[3]


class Serving:
    """A runner, and what can be asked of it."""

    def __init__(self, folder: Path, *changed: str) -> None:
        self.address, self.used, self.folder = folder / "socket", folder / "used", folder / "files"
        self.folder.mkdir()
        self.use(0)
        changed = ("queue.HOLD_SECONDS=10", *changed)  # however slow this machine is
        places = map(str, (self.address, self.folder, self.used))
        command = [sys.executable, "-m", "tests.support.serving", *places, *changed]
        path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}"}
        self.log = (folder / "log").open("w+b")
        self.process = subprocess.Popen(command, env={**os.environ, **path}, stdout=self.log, stderr=self.log)
        eventually(self.address.exists)

    def use(self, memory: int, pid: int | None = None) -> None:
        """Have so much of its memory be in use, or as long as there is a process."""
        fresh = self.used.with_suffix(".new")
        fresh.write_text(str(memory) if pid is None else f"{memory}:{pid}")
        fresh.replace(self.used)

    def begin(self, do: str = "", pipeline: str | None = "one", timeout: float = 0) -> Client:
        asked = {"op": "run" if pipeline else "brief", "do": do, "run": {"pipeline_uuid": pipeline}}
        return Client(self.address, wire.line({**asked, "timeout": timeout} if timeout else asked))

    def ask(self, do: str = "", pipeline: str | None = "one", timeout: float = 0) -> Any:
        return self.begin(do, pipeline, timeout).answer()

    def pid(self, do: str = "", pipeline: str | None = "one") -> int:
        """Of the process that did it."""
        return int(self.ask(do, pipeline)["pid"])

    def processes(self) -> set[int]:
        return system.children(self.process.pid)

    def rests(self, processes: int = SPARES) -> set[int]:
        """Wait until so many processes wait for work."""

        def found() -> set[int]:
            there = self.processes()
            return there if len(there) == processes else set()

        return eventually(found, what=f"{processes} processes")

    def told(self) -> str:
        """What it wrote."""
        self.log.seek(0)
        return self.log.read().decode()


@pytest.fixture
def changed() -> tuple[str, ...]:
    """Constants."""
    return ()


@pytest.fixture
def serving(tmp_path: Path, changed: tuple[str, ...]) -> Iterator[Serving]:
    found = Serving(tmp_path, *changed)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait(30)
        found.log.close()


def kept(serving: Serving, pipeline: str = "one") -> int:
    """A process that waits for the next run of a pipeline."""

    def same() -> int:
        first = serving.pid("", pipeline)
        return first if serving.pid("", pipeline) == first else 0

    return eventually(same, what="a process serves twice")


def test_a_process_serves_its_pipeline_again_and_no_other(serving: Serving) -> None:
    pid = kept(serving)
    assert serving.pid("", "another") != pid
    assert pid in {serving.pid() for _ in range(3)}


def test_a_process_whose_output_nobody_sees_serves_no_other_run(serving: Serving) -> None:
    pid = serving.pid("for stream in (1, 2): os.dup2(os.open(os.devnull, os.O_WRONLY), stream)")
    assert pid not in {serving.pid() for _ in range(4)}
    assert serving.process.poll() is None


def test_a_process_that_dies_while_it_waits_harms_nobody(serving: Serving) -> None:
    for pid in {kept(serving), *serving.processes()}:
        os.kill(pid, signal.SIGKILL)
    assert serving.pid() in serving.processes()
    serving.rests(SPARES + 1)


def test_only_some_processes_are_kept(serving: Serving) -> None:
    pids = [kept(serving, f"number {number}") for number in range(MOST_KEPT + 3)]
    left = serving.rests(SPARES + MOST_KEPT)
    # Where a second run came before the first process was ready, a pipeline has two, and more of the old ones go.
    assert pids[-1] in left
    assert not set(pids[:3]) & left


@pytest.mark.parametrize("changed", [("pool.KEPT_SECONDS=0.5",)])
def test_a_process_that_nobody_needs_ends(serving: Serving) -> None:
    pid = kept(serving)
    assert pid not in serving.rests()


def test_requests_without_a_block_take_few_processes_and_leave_none(serving: Serving) -> None:
    work = "began = time.time(); time.sleep(0.05); told = {'began': began, 'ended': time.time()}"
    with ThreadPoolExecutor(40) as clients:
        spans = list(clients.map(lambda _: serving.ask(work, None), range(40)))
    at_once = [sum(each["began"] <= one["began"] < each["ended"] for each in spans) for one in spans]
    assert 1 < max(at_once) <= MOST_BRIEF
    serving.rests()


def test_a_block_does_not_wait_for_requests_without_one(serving: Serving) -> None:
    slow = [serving.begin("time.sleep(60)", None) for _ in range(MOST_BRIEF + 2)]
    assert serving.pid()
    for client in slow:
        client.leave()
    serving.rests(SPARES + 1)


@pytest.mark.parametrize("changed", [("server.RENEWAL_SECONDS=0.5",)])
def test_a_process_that_hangs_after_its_answer_is_ended(serving: Serving) -> None:
    pid = serving.pid(f"os.environ[{RENEWS!r}] = '600'")
    eventually(lambda: pid not in serving.processes(), what="it is ended")
    assert serving.pid() != pid


def test_a_process_that_needs_too_long_is_ended(serving: Serving) -> None:
    assert serving.ask("time.sleep(60)", timeout=0.3)["error"]["type"] == "timeout"
    serving.rests()


def test_what_waits_is_ended_before_what_works_when_memory_runs_out(serving: Serving) -> None:
    pid = kept(serving, "waits")
    going = serving.begin("time.sleep(1.5)", "works")
    eventually(lambda: len(serving.processes()) == SPARES + 2)
    serving.use(LIMIT - FREE + 1, pid)
    eventually(lambda: pid not in serving.processes(), what="who waits is ended")
    assert going.answer()["pid"]
    assert "was ended" not in serving.told()


def test_the_largest_run_is_ended_when_memory_runs_out(serving: Serving) -> None:
    small = serving.begin("time.sleep(3)", "small")
    large = serving.begin("held = bytearray(50_000_000); note({'run': {'id': 1}}); time.sleep(60)", "large")
    resident = 20_000_000 // os.sysconf("SC_PAGE_SIZE")
    pid = eventually(lambda: next((pid for pid in serving.processes() if system.resident(pid) > resident), None))
    serving.use(LIMIT - FREE + 1, pid)
    assert large.answer()["error"]["type"] == "out_of_memory"
    assert small.answer()["pid"]


@pytest.mark.parametrize("changed", [("queue.MAX_CHILDREN=1",)])
def test_who_goes_away_while_waiting_is_forgotten(serving: Serving, tmp_path: Path) -> None:
    marked = tmp_path / "marked"
    first = serving.begin("time.sleep(1)")
    eventually(lambda: len(serving.processes()) == SPARES + 1)
    serving.begin(f"open({str(marked)!r}, 'w')").leave()
    assert first.answer()["pid"]
    assert serving.pid()
    assert not marked.exists()


def test_who_does_not_read_an_answer_and_goes_away_has_the_process_ended(serving: Serving) -> None:
    client = serving.begin("told = {'text': 'x' * 50_000_000}", "one")
    eventually(lambda: len(serving.processes()) == SPARES + 1)
    client.leave()
    serving.rests()


def test_runs_may_end_when_it_is_stopped_and_those_that_do_not_are_ended(serving: Serving) -> None:
    short, long = serving.begin("time.sleep(1)", "short"), serving.begin("time.sleep(60)", "long")
    processes = serving.rests(SPARES + 2)
    serving.process.send_signal(signal.SIGTERM)
    assert short.answer()["pid"] in processes
    assert long.answer() == {}
    assert serving.process.wait(30) == 0
    assert "Traceback" not in serving.told()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), what="no process is left")


@pytest.mark.parametrize("wrong", [b"[]\n", b"{\n", b"1\n"])
def test_what_is_no_request_is_refused(serving: Serving, wrong: bytes) -> None:
    assert Client(serving.address, wrong).answer()["error"]["code"] == 400
