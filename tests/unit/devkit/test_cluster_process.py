import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit import shell
from devkit.cluster import process
from devkit.cluster.process import Process


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    found = Process("sleeper", ("sleep", "60"), tmp_path)
    found.start()
    yield found
    found.kill()


def test_started_process_is_found_again_and_ends_when_told(sleeper: Process) -> None:
    same = Process(sleeper.name, sleeper.argv, sleeper.folder)
    assert same.pid()
    same.stop()
    assert sleeper.pid() is None
    sleeper.stop()


def test_start_leaves_one_alone_that_runs_and_replaces_one_with_other_arguments(sleeper: Process) -> None:
    first = sleeper.pid()
    sleeper.start()
    assert sleeper.pid() == first
    other = Process(sleeper.name, ("sleep", "61"), sleeper.folder)
    other.start()
    assert other.pid() not in (None, first)


def test_process_that_got_a_number_anew_is_nobody_of_ours(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    begun = process.start_time(os.getpid())
    assert begun
    (tmp_path / "run" / "us").write_text(f"{os.getpid()} {int(begun) - 1}\n")
    us = Process("us", ("python",), tmp_path)
    assert us.pid() is None
    us.stop()
    us.kill()


def test_deadline_tells_what_was_waited_for_and_the_end_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\nthe reason\n")
    with pytest.raises(shell.Failed, match=r"(?s)server answers: not so after 0 s.*the reason"):
        process.wait("server answers", 0, lambda: False, log)
