"""A wire to the API server that a test can cut, or let hang."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from devkit.cluster import Cluster


class Proxy:
    """Forwards connections at a port of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End every connection, and each new one."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def hang(self) -> None:
        """Let nothing through, and end nothing."""
        self._flows.clear()

    def mend(self) -> None:
        self._cut = False
        self._flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._open.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError):
                if not self._cut:
                    back, there = await asyncio.open_connection(*self._target)
                    self._open.add(there)
                    async with asyncio.TaskGroup() as ways:
                        ways.create_task(self._forward(reader, there))
                        ways.create_task(self._forward(back, writer))
        finally:
            for one in (writer, there):
                if one:
                    one.transport.abort()
                    self._open.discard(one)
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        # One way ended: so does the other, as with a proxy that does not know half-closed connections.
        writer.transport.abort()

    async def close(self) -> None:
        self.mend()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(cluster: Cluster, folder: Path) -> AsyncIterator[tuple[Proxy, Path]]:
    """The proxy, and a kubeconfig that leads through it."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    at = urlsplit(config["clusters"][0]["cluster"]["server"])
    assert at.hostname
    assert at.port
    proxy = Proxy(at.hostname, at.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        path = folder / "proxied"
        path.write_text(yaml.safe_dump(config))
        yield proxy, path
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
