"""More servers beside the one that tests share, and clients that speak HTTP byte by byte."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import requests
from tests.support.cloud_api import Client, CloudApi

PATIENCE = 40
"""Seconds to wait for an event."""


@contextmanager
def another(kubeconfig: Path, folder: Path, namespace: str, *options: str) -> Iterator[CloudApi]:
    """A server of the test's own; with the namespace of another one, its replica: accounts, teams and tokens are the
    same."""
    api = CloudApi(kubeconfig, folder / "cloud-api.log", namespace, "--bootstrap-admin=", *options).start()
    try:
        yield api
    finally:
        if api.running:
            api.stop()
    assert not api.tracebacks(), api.log.read_text()


class Wire:
    """A connection on which a test says what it likes."""

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        assert at.hostname
        assert at.port
        self.host = at.netloc
        self.socket = socket.create_connection((at.hostname, at.port), timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, *lines: str, body: bytes = b"") -> None:
        """Lines of the head, the empty one behind them, and a body."""
        self.socket.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode() + body)

    def hear(self) -> bytes:
        """Everything until the server closes the connection."""
        found = b""
        while part := self.socket.recv(65536):
            found += part
        return found


class Event(NamedTuple):
    """One Server-Sent Event."""

    id: int | None
    type: str
    data: Any


class Events:
    """An event stream of a cluster, as a browser reads it."""

    def __init__(self, client: Client, path: str, since: int | None = None) -> None:
        given = {} if since is None else {"Last-Event-ID": str(since)}
        self.answer = client.session.get(
            f"{client.url}/api/v1{path}/events", headers=given, stream=True, timeout=PATIENCE
        )
        self.comments: list[str] = []
        self._lines = self.answer.iter_lines(chunk_size=1, decode_unicode=True)

    def __enter__(self) -> Self:
        assert self.answer.status_code == requests.codes.ok, self.answer.text
        assert self.answer.headers["Content-Type"] == "text/event-stream"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.answer.close()

    def next(self) -> Event | None:
        """The next one; `None` when the stream has ended."""
        fields: dict[str, str] = {}
        deadline = time.monotonic() + PATIENCE
        for line in self._lines:
            assert time.monotonic() < deadline, "nothing but comments"
            if line.startswith(":"):
                self.comments.append(line)
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                id_ = int(fields["id"]) if "id" in fields else None
                return Event(id_, fields["event"], json.loads(fields["data"]))
            else:
                fields = {}
        return None

    def until(self, state: str) -> list[Event]:
        """Events up to the first of this state."""
        found: list[Event] = []
        while not found or found[-1].data["state"] != state:
            event = self.next()
            assert event is not None, found
            assert event.type == "state", event
            found.append(event)
        return found

    def rest(self) -> list[Event]:
        """What comes until the stream ends."""
        return list(iter(self.next, None))
