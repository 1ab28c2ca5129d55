"""The Cloud API as people run it, with an account; and the bare handler."""

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from devkit import shell
from devkit.bench import machine
from magecluster.cloud.settings import PUBLISHED_KEY
from magecluster.kube.connection import Connection
from magecluster.kube.errors import NotFoundError
from magecluster.kube.kinds import MAGE_TEAMS, NAMESPACES, SECRETS

OWN = "bench-own"
EMAIL = "admin@mage.local"
POLL = 0.05
NO_LIMIT = 10**6
"""Of requests a second: the limit is judged at each request, and never reached."""


@dataclass(frozen=True)
class Server:
    """One process that serves."""

    url: str
    pid: int

    def memory(self) -> tuple[float, float]:
        """MB now and at its highest."""
        return machine.memory_of(self.pid)


@dataclass(frozen=True)
class CloudApi(Server):
    """With somebody logged in who may do everything."""

    password: str
    token: str
    started_seconds: float
    """From the start until the cache was complete."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@asynccontextmanager
async def cloud_api(connection: Connection, kubeconfig: Path, log: Path, team: str) -> AsyncIterator[CloudApi]:
    """Serving all clusters of one namespace, which is that of the team. Raises `Failed`."""
    for name in (OWN, team):
        await connection.apply(NAMESPACES.path(None, name), _manifest("v1", "Namespace", {"name": name}))
    metadata = {"name": team, "namespace": OWN}
    made = _manifest("magecluster.io/v1alpha1", "MageTeam", metadata) | {"spec": {"namespace": team}}
    await connection.apply(MAGE_TEAMS.path(OWN, team), made)
    command = ("-m", "magecluster", "cloud-api", "--kubeconfig", str(kubeconfig), "--own-namespace", OWN)
    options = ("--port=0", "--log-format=json", f"--requests-per-second={NO_LIMIT}", f"--burst={NO_LIMIT}")
    began = time.perf_counter()
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *command, *options), stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
            env={**os.environ, "KUBECONFIG": ""},
        )  # fmt: skip
    try:
        url = (await _said(process, log, "Serving the Cloud API at")).rpartition(" ")[2]
        await _said(process, log, "Serving from a complete cache")
        seconds = time.perf_counter() - began
        password = await _password(connection)
        yield CloudApi(url, process.pid, password, await _token(url, password), seconds)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def bare(body: Path) -> AsyncIterator[Server]:
    """Gives the bytes of a file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devkit.bench.cloud.bare", str(body), stdout=asyncio.subprocess.PIPE
    )
    try:
        line = await process.stdout.readline() if process.stdout else b""
        if not line.strip().isdigit():
            raise shell.Failed("the bare handler did not start")
        yield Server(f"http://127.0.0.1:{int(line)}", process.pid)
    finally:
        process.terminate()
        await process.wait()


async def _said(process: asyncio.subprocess.Process, log: Path, beginning: str) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.returncode is None:
        if found := next((event for event in _events(log) if event.startswith(beginning)), None):
            return found
        await asyncio.sleep(POLL)
    raise shell.Failed(f"the Cloud API did not say {beginning!r}; its log ends: {list(_events(log))[-3:]}")


def _events(log: Path) -> Iterator[str]:
    for line in log.read_text().splitlines():
        if line.startswith("{") and line.endswith("}"):
            yield str(json.loads(line).get("event", ""))


async def _password(connection: Connection) -> str:
    deadline = time.monotonic() + 30
    while True:
        try:
            secret = await connection.get(SECRETS.path(OWN, "magecluster-admin"))
        except NotFoundError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(POLL)
        else:
            return base64.b64decode(secret["data"]["password"]).decode()


async def _token(url: str, password: str) -> str:
    """The account is made of its Secret a moment after it."""
    body = {"session": {"email": EMAIL, "password": password}}
    async with aiohttp.ClientSession(headers={"X-API-KEY": PUBLISHED_KEY}) as session:
        for _ in range(5):
            async with session.post(f"{url}/api/v1/sessions", json=body) as answer:
                if answer.ok:
                    return str((await answer.json())["session"]["token"])
            await asyncio.sleep(1)
    raise shell.Failed("nobody can log in to the Cloud API")


def _manifest(version: str, kind: str, metadata: dict[str, str]) -> dict[str, object]:
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
