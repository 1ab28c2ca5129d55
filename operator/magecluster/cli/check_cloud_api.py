"""`magecluster check-cloud-api`: logs in at a Cloud API and reads a cluster, as `helm test` does it."""

import argparse
import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magecluster.cli import api_keys
from magecluster.cli.failure import CommandError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import aiohttp

REQUEST_SECONDS = 10
PAUSE_SECONDS = 1.0
LATER = (429, 502, 503, 504)
"""Statuses of a server that is about to serve."""


class _NotYetError(Exception):
    """No answer, or one that says "later"."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check-cloud-api",
        help="log in at a Cloud API and read a cluster",
        description="Logs in at a Cloud API, reads teams and a cluster, and logs out. Changes nothing.",
    )
    parser.add_argument("--url", required=True, metavar="URL", help="where it serves, without /api/v1")
    parser.add_argument(
        "--credentials",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="files email and password, as Secret magecluster-admin is mounted",
    )
    api_keys.add_file_to(parser, "the first one is sent; default: the published one")
    parser.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="CA of its certificate, PEM; default: the system's"
    )
    parser.add_argument("--server-name", metavar="NAME", help="name in its certificate; default: that of the URL")
    parser.add_argument(
        "--timeout", type=float, default=120.0, metavar="N", help="seconds that a server which starts is waited for"
    )
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    try:
        asyncio.run(_check(chosen))
    except _NotYetError as error:
        raise CommandError(
            f"{error}; gave up after {chosen.timeout:g} s: look at its log and at its /readyz"
        ) from error
    return 0


async def _check(chosen: argparse.Namespace) -> None:
    import aiohttp

    from magecluster.cloud.settings import PUBLISHED_KEY

    key = api_keys.read(chosen.api_key_file)[0] if chosen.api_key_file else PUBLISHED_KEY
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS)) as client:
        server = _Server(client, chosen, {"X-API-KEY": key})
        session = await server.patiently(lambda: server.log_in(chosen.credentials))
        _tell(f"Logged in as {session['user']['email']}")
        server.headers["Authorization"] = f"Bearer {session['token']}"
        try:
            await _read(server)
        finally:
            await server.call("DELETE", "/sessions")


async def _read(server: "_Server") -> None:
    """The first cluster that there is."""
    teams = (await server.get("/teams"))["teams"]
    _tell(f"Read the list of teams: {len(teams)} on its first page")
    for team in teams:
        path = f"/teams/{team['id']}/clusters"
        for cluster in (await server.get(f"{path}?limit=1"))["clusters"]:
            found = (await server.get(f"{path}/{cluster['id']}"))["cluster"]
            _tell(f"Read cluster {found['id']} of team {team['id']}: {found['state']}")
            return
    _tell("There is no cluster to read yet")


class _Server:
    def __init__(self, client: "aiohttp.ClientSession", chosen: argparse.Namespace, headers: dict[str, str]) -> None:
        self._client, self._url, self.headers = client, chosen.url.rstrip("/"), headers
        self._tls: dict[str, Any] = {"server_hostname": chosen.server_name} if chosen.server_name else {}
        if chosen.ca_file:
            self._tls["ssl"] = _trust(chosen.ca_file)
        self._deadline = asyncio.get_running_loop().time() + chosen.timeout

    async def patiently(self, work: "Callable[[], Awaitable[Any]]") -> Any:
        """What it answers, tried until the deadline. Raises `CommandError`, `_NotYetError`."""
        while True:
            try:
                return await work()
            except _NotYetError:
                if asyncio.get_running_loop().time() > self._deadline:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)

    async def log_in(self, credentials: Path) -> Any:
        """The new session; a server that starts makes its first account, and the Secret of it, after a moment."""
        account = {name: _credential(credentials / name) for name in ("email", "password")}
        return (await self.call("POST", "/sessions", {"session": account}))["session"]

    async def get(self, path: str) -> Any:
        """The body of the answer, tried until the deadline."""
        return await self.patiently(lambda: self.call("GET", path))

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """The body of the answer, `None` when there is none. Raises `CommandError`, `_NotYetError`."""
        import aiohttp

        url = f"{self._url}/api/v1{path}"
        where = f"{method} {url}"
        try:
            async with self._client.request(method, url, json=body, headers=self.headers, **self._tls) as answer:
                told = await answer.text()
        except aiohttp.ClientConnectorCertificateError as error:
            raise CommandError(f"{where}: {error}; name its CA by --ca-file, its name by --server-name") from error
        except aiohttp.InvalidURL as error:
            raise CommandError(f"--url: {error} is no URL like https://mage.example.com") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _NotYetError(f"{where}: {error or 'no answer in time'}") from error
        if answer.status in LATER:
            raise _NotYetError(f"{where}: HTTP status {answer.status}")
        if not answer.ok:
            raise CommandError(f"{where}: {_message(told)} (HTTP status {answer.status})")
        try:
            return json.loads(told) if told else None
        except ValueError as error:
            raise CommandError(f"{where}: the answer is no JSON: is that a Cloud API?") from error


def _credential(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _NotYetError(f"cannot read {file} ({error}): mount the Secret of an account with this key") from error


def _trust(file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise CommandError(f"--ca-file: cannot use {file} ({error}): give certificates in PEM") from error


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return text[:200]


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
