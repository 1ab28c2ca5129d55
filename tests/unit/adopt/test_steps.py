"""The sequence of a takeover: what is done, and what is undone, in which order."""

import asyncio
from typing import cast

import pytest
from tests.support.releases import planned

from magecluster.adopt import steps
from magecluster.adopt.context import AnotherError, Context, Step, StepError
from magecluster.adopt.steps import TakeoverError, give_back, take_over
from magecluster.kube.connection import Connection
from magecluster.kube.errors import ConflictError, UnavailableError


class Log:
    """Three steps that write down what is done and undone; one of them can fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        self.fails: dict[str, list[BaseException]] = {}
        monkeypatch.setattr(steps, "STEPS", tuple(self.step(name) for name in ("one", "two", "three")))
        monkeypatch.setattr(steps, "_PAUSE_SECONDS", 0.0)

    def step(self, name: str) -> Step:
        async def do(_: Context) -> None:
            self.write(name)

        async def undo(_: Context) -> None:
            self.write(f"not {name}")

        return Step(name, do, f"back from {name}", undo)

    def write(self, line: str) -> None:
        self.lines.append(line)
        if left := self.fails.get(line):
            raise left.pop(0)

    def announce(self, number: int, count: int, title: str) -> None:
        """Not looked at."""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(monkeypatch)


CONTEXT = Context(connection=cast(Connection, None), takeover=planned().takeover, tell=lambda _: None, timeout=1)


async def test_steps_are_done_in_their_order(log: Log) -> None:
    await take_over(CONTEXT, log.announce)
    assert log.lines == ["one", "two", "three"]


@pytest.mark.parametrize("error", [StepError("no."), ConflictError("no")])
async def test_a_failure_undoes_what_was_begun_from_the_last(log: Log, error: Exception) -> None:
    log.fails = {"two": [error]}
    with pytest.raises(TakeoverError, match=r"two failed: no\. Release data is back as it was"):
        await take_over(CONTEXT, log.announce)
    assert log.lines == ["one", "two", "not two", "not one"]


@pytest.mark.parametrize("error", [KeyError("a fault of ours"), asyncio.CancelledError()])
async def test_so_do_a_fault_of_ours_and_an_interruption(log: Log, error: BaseException) -> None:
    log.fails = {"three": [error]}
    with pytest.raises(type(error)):
        await take_over(CONTEXT, log.announce)
    assert log.lines[3:] == ["not three", "not two", "not one"]


async def test_what_somebody_else_has_begun_is_not_undone(log: Log) -> None:
    log.fails = {"one": [AnotherError("somebody is at it")]}
    with pytest.raises(TakeoverError, match="somebody is at it; nothing was done"):
        await take_over(CONTEXT, log.announce)
    assert log.lines == ["one"]


async def test_the_way_back_waits_for_the_server(log: Log) -> None:
    log.fails = {"not two": [UnavailableError("away"), UnavailableError("away")]}
    await give_back(CONTEXT, log.announce)
    assert log.lines == ["not three", "not two", "not two", "not two", "not one"]


@pytest.mark.parametrize("error", [ConflictError("no"), KeyError("no")])
async def test_a_way_back_that_is_blocked_says_how_to_go_on(log: Log, error: Exception) -> None:
    log.fails = {"not two": [error]}
    with pytest.raises(TakeoverError, match=r"back from two failed: .*no.*\. Release data may not run: mend .* --undo"):
        await give_back(CONTEXT, log.announce)
    assert log.lines == ["not three", "not two"]
