"""What the API server itself tells: its count of requests, and its watches."""

import asyncio
import re
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import Self

import aiohttp
import orjson

from devkit import shell
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import Kind

Requests = Counter[tuple[str, str]]
"""Requests by verb and resource."""
WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION")
REQUEST = re.compile(r'apiserver_request_total\{.*,resource="(\w+)",.*,subresource="(\w*)",verb="(\w+)".* (\S+)')
PROCESSOR = re.compile(r"^process_cpu_seconds_total (\S+)", re.MULTILINE)


def session(connection: Connection) -> aiohttp.ClientSession:
    """For what `Connection` does not do: answers that are text, and answers that do not end."""
    return aiohttp.ClientSession(
        connection.configuration.host,
        connector=aiohttp.TCPConnector(ssl=tls(connection), limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=2**22,
    )


def tls(connection: Connection) -> ssl.SSLContext:
    """With the certificates of the connection."""
    found = connection.configuration
    context = ssl.create_default_context(cafile=found.ssl_ca_cert)
    context.load_cert_chain(found.cert_file, found.key_file)
    return context


class ApiServer:
    """Counters of the API server, which nobody's client can flatter."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def counted(self) -> tuple[Requests, float]:
        """Requests so far, those for leases aside, and seconds of processor time so far."""
        async with self.session.get("/metrics") as answer:
            text = await answer.text()
        requests: Requests = Counter()
        for resource, subresource, verb, count in REQUEST.findall(text):
            if resource != "leases":
                requests[verb, f"{resource}/{subresource}".rstrip("/")] += int(float(count))
        return requests, float(PROCESSOR.findall(text)[0])


def writes(requests: Requests) -> dict[str, int]:
    """Those that wrote, as `APPLY deployments`."""
    return {f"{verb} {resource}": count for (verb, resource), count in sorted(requests.items()) if verb in WRITES}


class Watch:
    """Everything of some kinds, with the time at which the API server first told of it."""

    def __init__(self, api: ApiServer, *kinds: Kind) -> None:
        self._api, self._kinds = api, kinds
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self.newest: dict[tuple[Kind, str, str], Manifest] = {}
        self.first: dict[tuple[Kind, str, str], float] = {}
        """time.time(), which the operator's log has too."""
        self.last = 0.0

    async def __aenter__(self) -> Self:
        for kind in self._kinds:
            answer = await self._api.session.get(kind.path(), params={"watch": "true"})
            answer.raise_for_status()
            self._tasks.append(asyncio.create_task(self._follow(kind, answer)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, kind: Kind, answer: aiohttp.ClientResponse) -> None:
        async with answer:
            async for line in answer.content:
                live = orjson.loads(line)["object"]
                self.last = time.time()
                key = kind, live["metadata"]["namespace"], live["metadata"]["name"]
                self.newest[key] = live
                self.first.setdefault(key, self.last)
                self._news.set()

    def find(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """The newest state of an object."""
        return self.newest.get((kind, namespace, name))

    async def until(self, what: str, holds: Callable[[], bool], seconds: float = 300) -> float:
        """The time at which something first held. Raises `Failed` when it does not in time."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            raise shell.Failed(f"{what}: not so after {seconds:g} s") from error
        return time.time()

    async def quiet(self, seconds: float) -> float:
        """Wait until nothing was told for so long; the time of the last event."""
        while (left := self.last + seconds - time.time()) > 0:  # noqa: ASYNC110  the end of events is no event
            await asyncio.sleep(left)
        return self.last
