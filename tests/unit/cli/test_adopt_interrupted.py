"""`magecluster adopt` and signals: what it does then, and whether what it says of it is true."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

import pytest
from tests.support.releases import planned

from magecluster.adopt import steps
from magecluster.adopt.context import Context, Step, StepError
from magecluster.adopt.new import DONE
from magecluster.cli import adopt, logs
from magecluster.cli.failure import CommandError
from magecluster.cli.interruption import SIGNALS, Interruption
from magecluster.cli.progress import Progress
from magecluster.kube.connection import Connection

TAKEOVER = planned().takeover
CHOSEN = argparse.Namespace(release="data", namespace="team", timeout=1.0, interrupt_runs=True, log_level="info")

Work = Callable[[Interruption], Awaitable[None]]


async def taking(interruption: Interruption) -> None:
    await adopt._take_over(CHOSEN, cast(Connection, None), TAKEOVER, interruption)  # noqa: SLF001  below the API server


async def undoing(interruption: Interruption) -> None:
    await adopt._undo(CHOSEN, cast(Connection, None), (TAKEOVER, DONE), interruption)  # noqa: SLF001  the same


class Run:
    """Two steps; at the named places a signal comes, or an error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        self.events: dict[str, list[signal.Signals | Exception]] = {}
        self._patch = monkeypatch
        monkeypatch.setattr(steps, "STEPS", (self._step("one"), self._step("two")))

    def _step(self, name: str) -> Step:
        async def do(_: Context) -> None:
            await self._reach(name)

        async def undo(_: Context) -> None:
            await self._reach(f"not {name}")

        return Step(name, do, f"back from {name}", undo)

    async def _reach(self, line: str) -> None:
        for event in self.events.get(line, ()):
            if isinstance(event, Exception):
                raise event
            os.kill(os.getpid(), event)
            await asyncio.sleep(0.01)  # the loop looks at signals between two turns
        self.lines.append(line)

    def word(self, work: Work) -> str:
        """What the command ends with; nothing if it succeeds."""

        async def all_(_: argparse.Namespace, interruption: Interruption) -> None:
            interruption.listen()
            await work(interruption)

        self._patch.setattr(adopt, "_work", all_)
        try:
            adopt._run(CHOSEN)  # noqa: SLF001  what the parser calls
        except CommandError as error:
            return str(error)
        return ""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setattr(logs, "configure", lambda _: None)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Run(monkeypatch)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_gives_back_what_was_begun(run: Run, number: signal.Signals) -> None:
    run.events = {"two": [number]}
    assert run.word(taking) == "interrupted: release data is back as it was, and nothing is lost"
    assert run.lines == ["one", "not two", "not one"]


def test_further_signals_do_not_end_the_way_back(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.events = {"two": [signal.SIGINT], "not two": [signal.SIGINT, signal.SIGTERM], "not one": [signal.SIGHUP]}
    assert run.word(taking) == "interrupted: release data is back as it was, and nothing is lost"
    assert run.lines == ["one", "not two", "not one"]
    told = capsys.readouterr().err
    assert [told.count(f"{each.name} waits: the release is being given back") for each in SIGNALS] == [1, 1, 1]


def test_nor_does_one_end_the_way_back_after_a_failure(run: Run) -> None:
    run.events = {"two": [StepError("no")], "not two": [signal.SIGINT]}
    assert "two failed: no. Release data is back as it was" in run.word(taking)
    assert run.lines == ["one", "not two", "not one"]


def test_a_way_back_that_fails_after_a_signal_is_not_called_done(run: Run) -> None:
    run.events = {"two": [signal.SIGTERM], "not one": [StepError("no")]}
    assert "may not run: mend the cause, then try again with --undo" in run.word(taking)


def test_an_undo_that_is_interrupted_says_so(run: Run) -> None:
    run.events = {"not two": [signal.SIGINT]}
    assert run.word(undoing) == "interrupted half way; Mage may not run: --undo again"
    assert run.lines == []
    run.events = {}
    assert run.word(undoing) == ""
    assert run.lines == ["not two", "not one"]


def test_before_anything_is_done_nothing_was_changed(run: Run) -> None:
    async def looking(_: Interruption) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(1)

    assert run.word(looking) == "interrupted: nothing was changed"


def test_a_terminal_that_is_gone_does_not_end_the_way_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def isatty(self) -> bool:
            return False

        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    run.events = {"two": [signal.SIGHUP]}
    assert run.word(taking) == "interrupted: release data is back as it was, and nothing is lost"
    assert run.lines == ["one", "not two", "not one"]


def test_a_hang_up_that_nohup_ignores_stays_ignored(run: Run) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    run.events = {"two": [signal.SIGHUP]}
    assert run.word(taking) == ""
    assert run.lines == ["one", "two"]


def test_the_last_word_of_a_step_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.step(1, 2, "One")
    progress.detail("first")
    progress.detail("last")
    progress.end()
    assert "last" in capsys.readouterr().err
