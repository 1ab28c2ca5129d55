"""What is measured of the cluster API, and beside what."""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import aiohttp

from devkit import progress, shell
from devkit.bench import machine
from devkit.bench.cloud.load import Load, load
from devkit.bench.latency import quantile
from devkit.bench.mage import setting
from devkit.bench.mage.setting import PIPELINE, SLEEPER, TRIVIAL, Ours, Server
from devkit.local_mage import LocalMage, environment

Figures = dict[str, float]
KINDS = {"bare": {"record": False, "store_variables": False}, "full": {}}
"""Options of a run: nothing is kept of it, or everything, which is the default."""
TURNS = 3
AT_ONCE, SLEEPERS = 8, 20
POLL_SECONDS = 0.02
STATUS = "/api/status"


def measure(rounds: int, seconds: float) -> Figures:
    """`rounds` of each latency, `seconds` of each load."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return asyncio.run(_measure(Path(folder), rounds, seconds))


async def _measure(folder: Path, rounds: int, seconds: float) -> Figures:
    figures: Figures = {}
    with setting.ours(folder / "ours") as ours:
        with progress.step("Mage beside Mage through the gateway"):
            figures |= await _passing(ours, rounds, seconds)
        with progress.step("The block in one process"):
            for kind, stored in (("bare", "no"), ("full", "yes")):
                figures |= _in_process(ours.mage, kind, stored, rounds)
        with progress.step("POST /api/runs"):
            figures |= await _runs("ours", ours.runs, rounds)
            figures |= _memory(ours)
            with setting.fresh(ours, folder / "fresh") as server:
                figures |= await _latencies("fresh", server, rounds)
    with setting.theirs(folder / "theirs") as server, progress.step("Mage's own handler, repaired"):
        figures |= await _runs("theirs", server, rounds)
    return figures


async def _passing(ours: Ours, rounds: int, seconds: float) -> Figures:
    """One request after the other and 64 at once, in turn at Mage and through the gateway."""
    urls = {"mage": ours.mage.url + STATUS, "gateway": ours.gateway.url + STATUS}
    alone: dict[str, list[float]] = {name: [] for name in urls}
    async with aiohttp.ClientSession() as session:
        for _ in range(rounds):
            for name, url in urls.items():
                alone[name].append(await _timed(partial(_get, session, url)))
    loads: dict[str, list[Load]] = {name: [] for name in urls}
    for _ in range(TURNS):
        for name, url in urls.items():
            loads[name].append(await load(url, ours.gateway.pid, seconds))
    figures = {f"{name}.p50_ms": quantile(found, 0.5) for name, found in alone.items()}
    figures |= {f"{name}.p99_ms": quantile(found, 0.99) for name, found in alone.items()}
    for name, found in loads.items():
        figures[f"{name}.per_second"] = sorted(each.requests / each.seconds for each in found)[TURNS // 2]
    return figures


def _in_process(mage: LocalMage, kind: str, stored: str, rounds: int) -> Figures:
    script = Path(__file__).with_name("inprocess.py")
    command = (environment(), script, mage.project, PIPELINE, TRIVIAL, str(rounds), stored)
    found = json.loads(shell.run(*command, cwd=mage.folder, env=mage.variables).splitlines()[-1])
    return {f"process.{kind}.{what}_p50_ms": quantile(times, 0.5) for what, times in found.items()}


async def _runs(name: str, server: Server, rounds: int) -> Figures:
    figures = await _latencies(name, server, rounds)
    async with _session() as session:
        for kind, options in KINDS.items():
            began = time.perf_counter()
            await asyncio.gather(*(_repeat(session, server, rounds // AT_ONCE, options) for _ in range(AT_ONCE)))
            spent = time.perf_counter() - began
            figures[f"{name}.{kind}.per_second"] = AT_ONCE * (rounds // AT_ONCE) / spent
        sleepers = [asyncio.create_task(_run(session, server, SLEEPER)) for _ in range(SLEEPERS)]
        began = time.perf_counter()
        status = asyncio.create_task(_statuses(server))
        await asyncio.gather(*sleepers)
        figures[f"{name}.sleepers_seconds"] = time.perf_counter() - began
        status.cancel()
        figures[f"{name}.status_p99_ms"] = quantile(await status, 0.99)
    return figures


async def _latencies(name: str, server: Server, rounds: int) -> Figures:
    """One run after the other."""
    figures: Figures = {}
    async with _session() as session:
        for kind, options in KINDS.items():
            await _run(session, server, TRIVIAL, options)
            found = [await _timed(partial(_run, session, server, TRIVIAL, options)) for _ in range(rounds)]
            figures |= {f"{name}.{kind}.p50_ms": quantile(found, 0.5), f"{name}.{kind}.p99_ms": quantile(found, 0.99)}
    return figures


async def _repeat(session: aiohttp.ClientSession, server: Server, times: int, options: dict[str, bool]) -> None:
    for _ in range(times):
        await _run(session, server, TRIVIAL, options)


async def _statuses(server: Server) -> list[float]:
    """How long a look at Mage takes, again and again until cancelled."""
    found: list[float] = []
    async with _session() as session:
        try:
            while True:
                found.append(await _timed(partial(_get, session, server.url + STATUS)))
                await asyncio.sleep(POLL_SECONDS)
        except asyncio.CancelledError:
            return found


def _memory(ours: Ours) -> Figures:
    """MB; of the runner with all its processes, each page once."""
    return {
        "memory.gateway": machine.memory_of(ours.gateway.pid)[0],
        "memory.runner": machine.memory_of(ours.runner.pid)[0],
        "memory.runner_all": sum(machine.share_of(pid) for pid in machine.family(ours.runner.pid)),
        "memory.processes": len(machine.family(ours.runner.pid)),
    }


async def _run(
    session: aiohttp.ClientSession, server: Server, block: str, options: dict[str, bool] | None = None
) -> None:
    body = {"run": {"pipeline_uuid": PIPELINE, "block_uuid": block, **(options or {})}}
    async with session.post(f"{server.url}/api/runs/{server.token}", json=body) as answer:
        text = await answer.text()
        if not answer.ok or json.loads(text) != {"run": {"output": [1]}}:
            raise shell.Failed(f"POST /api/runs: {answer.status} {text[:500]}")


async def _get(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url) as answer:
        await answer.read()
        if not answer.ok:
            raise shell.Failed(f"GET {url}: {answer.status}")


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(120))
