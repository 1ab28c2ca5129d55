"""A client that costs as little as Python can: one request after the other on each of many connections."""

import asyncio
import gc
import re
import ssl
import time
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from typing_extensions import override

from devkit import shell
from devkit.bench import machine
from devkit.bench.latency import quantile

CONNECTIONS = 64
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What came of it."""

    requests: int
    seconds: float
    cpu_seconds: float
    """That the server's process spent on them."""
    p50_ms: float
    p99_ms: float

    @property
    def per_core(self) -> float:
        """Requests a second of the server's processor time."""
        return self.requests / self.cpu_seconds


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, latencies: list[float], until: float) -> None:
        self._request, self._latencies, self._until = request, latencies, until
        self._buffer, self._began = b"", 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self._buffer, 0, head)
        if length is None or not self._buffer.startswith(b"HTTP/1.1 200"):
            self._fail(self._buffer[:300].decode(errors="replace"))
            return
        if len(self._buffer) < head + 4 + int(length[1]):
            return
        now = time.perf_counter()
        self._latencies.append(now - self._began)
        self._buffer = b""
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def _fail(self, told: str) -> None:
        self._transport.abort()
        if not self.ended.done():
            self.ended.set_exception(shell.Failed(f"an answer that is no success: {told}"))


async def load(
    url: str, pid: int, seconds: float, headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Load:
    """GET one address on 64 connections. Raises `Failed`."""
    at = urlsplit(url)
    lines = [f"GET {at.path} HTTP/1.1", f"Host: {at.netloc}", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    request = "\r\n".join([*lines, "", ""]).encode()
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    began = time.perf_counter()
    busy = machine.processor_seconds(pid)
    gc.disable()
    try:
        connections = [
            (
                await loop.create_connection(
                    lambda: _Connection(request, latencies, began + seconds), str(at.hostname), at.port or 443, ssl=tls
                )
            )[1]
            for _ in range(CONNECTIONS)
        ]
        await asyncio.gather(*(connection.ended for connection in connections))
    finally:
        gc.enable()
    return Load(
        requests=len(latencies),
        seconds=time.perf_counter() - began,
        cpu_seconds=machine.processor_seconds(pid) - busy,
        p50_ms=quantile(latencies, 0.5),
        p99_ms=quantile(latencies, 0.99),
    )
