"""The processes that are measured, on this machine and without a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit import progress
from devkit.local_gateway import STARTUP, GatewayProcess, RunnerProcess
from devkit.local_mage import LocalMage

REPAIR = Path(__file__).parent / "repair"
PIPELINE, TRIVIAL, SLEEPER = "bench", "trivial", "sleeper"
BLOCK = """
import time

@data_loader
def load(*args, **kwargs):
    time.sleep({seconds})
    return 1
"""
LIMITS = ("--runs-concurrency=32", "--runs-queue=64")


@dataclass(frozen=True)
class Server:
    """Something that answers POST /api/runs."""

    url: str
    token: str
    """Of a trigger of the pipeline."""


@dataclass(frozen=True)
class Ours:
    """A Mage with what a pod has beside it."""

    mage: LocalMage
    gateway: GatewayProcess
    runner: RunnerProcess
    runs: Server


@contextmanager
def ours(folder: Path) -> Iterator[Ours]:
    """Mage, runner and gateway."""
    with _mage(folder, STARTUP) as (mage, token), _beside(mage, folder) as (runner, gateway):
        yield Ours(mage, gateway, runner, Server(gateway.url, token))


@contextmanager
def fresh(there: Ours, folder: Path) -> Iterator[Server]:
    """The same Mage by another gateway, whose runner starts a process for each run."""
    folder.mkdir()
    with _beside(there.mage, folder, "--runs-per-process=1") as (_, gateway):
        yield Server(gateway.url, there.runs.token)


@contextmanager
def _beside(mage: LocalMage, folder: Path, *options: str) -> Iterator[tuple[RunnerProcess, GatewayProcess]]:
    """With options of the runner's."""
    with RunnerProcess(mage, folder, *options) as runner:
        limits = (f"--runner-socket={runner.socket}", *LIMITS)
        with GatewayProcess(mage.url, folder / "gateway.log", *limits) as gateway:
            yield runner, gateway


@contextmanager
def theirs(folder: Path) -> Iterator[Server]:
    """Mage's own handler, repaired."""
    with _mage(folder, REPAIR) as (mage, token):
        yield Server(mage.url, token)


@contextmanager
def _mage(folder: Path, startup: Path) -> Iterator[tuple[LocalMage, str]]:
    mage = LocalMage(folder, PYTHONPATH=f"{startup}:{folder}")
    try:
        with progress.step("Starting Mage", "20 s"):
            owner = mage.start().owner()
            owner.create_pipeline(PIPELINE)
            for name, seconds in ((TRIVIAL, 0), (SLEEPER, 1)):
                owner.add_block(PIPELINE, name, "data_loader", BLOCK.format(seconds=seconds))
        yield mage, owner.trigger(PIPELINE).token
    finally:
        mage.stop()
