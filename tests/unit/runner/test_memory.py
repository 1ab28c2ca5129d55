"""What counts as memory in use, and which run has most, with real processes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.eventually import eventually

from magecluster_runner import memory, system

HOLDS = "import sys, time; held = bytearray(int(sys.argv[1])); print(flush=True); time.sleep(60)"
STARTS = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
MIB = 1024 * 1024


@pytest.fixture
def processes() -> Iterator[dict[str, int]]:
    """One that has much memory, one with a child that has more, and one with little."""
    large, child, small = str(80 * MIB), str(160 * MIB), "1"
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


def test_the_largest_counts_with_what_it_has_started(processes: dict[str, int]) -> None:
    assert memory.largest(processes.values()) == processes["parent"]
    system.kill(processes["parent"])
    left = [processes["small"], processes["large"]]
    eventually(lambda: memory.largest([*left, processes["parent"]]) == processes["large"])
    assert memory.largest([]) is None


def test_a_container_is_full_by_what_the_kernel_cannot_take_back(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{1000 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{990 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\nfile 9\ninactive_file {60 * MIB}\nactive_file {40 * MIB}\n")
    found = memory.found(tmp_path)
    assert (found.limit, found.used(), found.room()) == (1000 * MIB, 890 * MIB, 30 * MIB)
    (tmp_path / "memory.current").write_text(f"{1021 * MIB}\n")
    assert found.room() == -1 * MIB


def test_a_container_of_the_first_version_of_cgroups(tmp_path: Path) -> None:
    place = tmp_path / "memory"
    place.mkdir()
    (place / "memory.limit_in_bytes").write_text(f"{1000 * MIB}\n")
    (place / "memory.usage_in_bytes").write_text(f"{930 * MIB}\n")
    (place / "memory.stat").write_text("cache 7\ntotal_inactive_file 3\ntotal_active_file 2\n")
    assert memory.found(tmp_path).used() == 930 * MIB - 5
    assert memory.found(tmp_path).room() < 0


@pytest.mark.parametrize("said", ["max", str((1 << 63) - 4096), None])
def test_without_a_limit_what_counts_is_the_machine(tmp_path: Path, said: str | None) -> None:
    if said:
        (tmp_path / "memory.max").write_text(f"{said}\n")
    machine = tmp_path / "meminfo"
    machine.write_text("MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 262145 kB\n")
    found = memory.found(tmp_path, machine)
    assert (found.limit, found.room()) == (8192 * MIB, 1024)
    machine.write_text("MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 262143 kB\n")
    assert found.room() == -1024


def test_the_less_room_there_is_the_more_often_one_looks() -> None:
    assert [memory.patience(room * MIB) for room in (-50, 0, 40, 4096)] == [0.01, 0.01, 0.01, 0.1]
    assert 0.01 < memory.patience(200 * MIB) < 0.1
