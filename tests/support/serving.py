"""The runner's parent process without Mage: requests carry the Python that a child executes as its work.

    python -m tests.support.serving SOCKET FOLDER MEMORY [NAME=NUMBER]...

MEMORY is a file with the bytes that are in use, of 1000. The rest sets constants of the modules, such as
`server.RENEWAL_SECONDS=0.5`, so that nobody has to wait for them.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from magecluster_runner import __main__, child, memory, pool, queue, server, system, wire

SPARES = 2
LIMIT, FREE = 1000, 100
RENEWS = "renews"
"""Environment variable that work may set: how many seconds it takes to make its process as good as new, or `no`."""
GRACE = 2.0


def main() -> None:
    address, folder, used, *changed = sys.argv[1:]
    for each in changed:
        name, _, number = each.partition("=")
        place, _, constant = name.partition(".")
        setattr({"server": server, "pool": pool, "queue": queue}[place], constant, float(number))
    system.adopt_orphans()
    work = child.Work(lambda: renew, answer, 1 << 30, 100)
    there = memory.Memory(LIMIT, FREE, lambda: in_use(Path(used)))
    listener = __main__.listen(Path(address))
    server.Server(listener, work, SPARES, Path(folder), there).run(GRACE)


def in_use(file: Path) -> int:
    """A number, or one that counts as long as there is a process: `NUMBER:PID`."""
    number, _, pid = file.read_text().partition(":")
    return int(number) if not pid or Path(f"/proc/{pid}").exists() else 0


def renew() -> bool:
    time.sleep(float(os.environ.pop(RENEWS, 0)))
    return True


def answer(request: wire.Json, folder: str, note: Callable[[wire.Json], None]) -> bytes:
    if request["op"] == "failed":
        return wire.line({"error": request["failure"]})
    made = {"folder": folder, "note": note, "given": request.get("run", {}), "os": os, "time": time}
    exec(request["do"], made)  # noqa: S102  what a test says
    return wire.line(made.get("told", {"pid": os.getpid()}))


class Client:
    """One connection."""

    def __init__(self, address: Path, request: bytes) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(str(address))
        self._socket.sendall(request)

    def answer(self) -> wire.Json:
        """Empty when the connection ended without one."""
        found = b""
        while part := self._socket.recv(1 << 20):
            found += part
        self._socket.close()
        told: wire.Json = json.loads(found) if found else {}
        return told

    def leave(self) -> None:
        """Before there is an answer."""
        self._socket.close()


if __name__ == "__main__":
    main()
