"""The operator as people run it: a process of its own."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import aiohttp

from devkit import shell
from devkit.bench import machine
from devkit.bench.client import GATEWAY_IMAGE

POLL = 0.02
STOP_SECONDS = 20


class Operator:
    """`magecluster operator`, its log in a file. All times are time.time()."""

    def __init__(self, kubeconfig: Path, log: Path) -> None:
        self._kubeconfig, self._log = kubeconfig, log
        self._process: asyncio.subprocess.Process | None = None
        self.started = 0.0

    @property
    def pid(self) -> int:
        if self._process is None or self._process.returncode is not None:
            raise shell.Failed(f"the operator has ended\n{shell.tail(self._log.read_text())}")
        return self._process.pid

    async def start(self) -> None:
        command = ("-m", "magecluster", "operator", "--kubeconfig", str(self._kubeconfig), "--port=0")
        options = ("--log-format=json", f"--gateway-image={GATEWAY_IMAGE}")
        with self._log.open("wb") as log:
            self.started = time.time()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *command, *options), stdin=asyncio.subprocess.DEVNULL, stderr=log,
                env={**os.environ, "KUBECONFIG": ""},
            )  # fmt: skip

    async def said(self, beginning: str, seconds: float = 60) -> tuple[float, str]:
        """The first line of the log that begins so, and when it was written; waits for it."""
        deadline = time.time() + seconds
        while time.time() < deadline and self.pid:
            for line in self._lines():
                if line["event"].startswith(beginning):
                    return datetime.fromisoformat(line["timestamp"]).timestamp(), line["event"]
            await asyncio.sleep(POLL)
        raise shell.Failed(f"the operator did not say {beginning!r} in {seconds:g} s\n{self._log.read_text()[-2000:]}")

    async def ready(self) -> float:
        """The time at which /readyz first says ok."""
        _, serving = await self.said("Serving")
        async with aiohttp.ClientSession(serving.rpartition(" ")[2]) as session:
            while self.pid:
                async with session.get("/readyz") as answer:
                    if answer.ok:
                        return time.time()
                await asyncio.sleep(POLL)
        raise AssertionError

    async def depth(self) -> float:
        """Clusters that wait for a reconcile or are in one."""
        _, serving = await self.said("Serving")
        async with (
            aiohttp.ClientSession(serving.rpartition(" ")[2]) as session,
            session.get("/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("magecluster_queue_depth ")))

    def complaints(self) -> int:
        """Lines of the log that are warnings or worse."""
        return sum(line["level"] not in ("info", "debug") for line in self._lines())

    def memory(self) -> tuple[float, float]:
        """MB now and at its highest."""
        return machine.memory_of(self.pid)

    def processor_seconds(self) -> float:
        return machine.processor_seconds(self.pid)

    async def stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _lines(self) -> Iterator[dict[str, str]]:
        with self._log.open() as log:
            for line in log:
                if line.startswith("{") and line.endswith("\n"):
                    yield json.loads(line)
