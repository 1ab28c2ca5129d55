"""Which run is ended when the container has no more memory, with real processes."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.support.eventually import eventually

from magecluster_runner import system
from magecluster_runner.memory import FULL, Memory

LIMIT = 1000
HOLDS = "import sys, time; held = bytearray(int(sys.argv[1])); print(flush=True); time.sleep(60)"
STARTS = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


@pytest.fixture
def processes() -> Iterator[dict[str, int]]:
    """One that has much memory, one with a child that has more, and one with little."""
    large, child, small = str(80 << 20), str(160 << 20), "1"
    commands = {"large": ("-c", HOLDS, large), "parent": ("-c", STARTS, HOLDS, child), "small": ("-c", HOLDS, small)}
    running = {
        name: subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, start_new_session=True)
        for name, command in commands.items()
    }
    try:
        for process in running.values():
            assert process.stdout
            assert process.stdout.readline()
        yield {name: process.pid for name, process in running.items()}
    finally:
        for process in running.values():
            system.kill(process.pid)
            process.communicate(timeout=10)


def test_the_largest_is_ended_with_what_it_has_started(processes: dict[str, int]) -> None:
    full = Memory(LIMIT, lambda: int(LIMIT * FULL))
    assert full.too_large(processes.values()) == processes["parent"]
    system.kill(processes["parent"])
    left = [processes["small"], processes["large"]]
    eventually(lambda: full.too_large([*left, processes["parent"]]) == processes["large"])
    assert full.too_large(left) == processes["large"]


def test_nobody_is_ended_while_there_is_memory_or_when_there_is_nobody(processes: dict[str, int]) -> None:
    assert Memory(LIMIT, lambda: int(LIMIT * FULL) - 1).too_large(processes.values()) is None
    assert Memory(LIMIT, lambda: LIMIT).too_large([]) is None
