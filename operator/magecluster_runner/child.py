"""What one forked child does: make itself harmless, wait, serve, and end unless it can be made as good as new."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from magecluster_runner import system, wire

if TYPE_CHECKING:
    from typing import Callable

    Renew = Callable[[], bool]
    Note = Callable[[wire.Json], None]
    Answer = Callable[[wire.Json, str, Note], bytes]


_FAILURE = b'{"error"'


class Work(NamedTuple):
    """What children are for."""

    prepare: Callable[[], Renew]
    """Done while a child waits, so that no request waits for it."""
    answer: Answer
    """From a request, a folder that is removed afterwards (to be made when needed), and a way to tell the parent."""
    memory: int
    """Bytes that a request may use."""
    requests: int
    """That one process serves at most."""


def serve(work: Work, control: socket.socket, folder: str, output: int) -> NoReturn:
    """Never returns. `output` is where everything goes that is written to standard output and error."""
    try:
        _isolate(work.memory, output)
        renew = work.prepare()
        for left in reversed(range(work.requests)):
            _, descriptors = wire.receive(control, descriptors=2)
            if not descriptors or not _serve(work, control, folder, descriptors) or not left or not renew():
                break
            wire.send(control, {"ready": True})
    except BaseException:  # noqa: BLE001  this is the end of the process
        traceback.print_exc()
    finally:
        os._exit(0)  # nothing of the parent's is to be done again here, whatever a block has registered


def _serve(work: Work, control: socket.socket, folder: str, descriptors: list[int]) -> bool:
    """Whether it went well."""
    wire.send(control, {"begun": True})
    client = socket.socket(fileno=descriptors[0])
    with os.fdopen(descriptors[1], "rb") as file:
        request = json.loads(file.read())
    answer = work.answer(request, folder, lambda note: wire.send(control, note))
    sys.stdout.flush()
    wire.send(control, {"answering": True})
    client.sendall(answer)
    # A process that the block left running may hold the connection open; the end is told to the client all the same.
    client.shutdown(socket.SHUT_WR)
    wire.send(control, {"answered": True})
    client.close()
    shutil.rmtree(folder, ignore_errors=True)
    return not answer.startswith(_FAILURE)


def _isolate(memory: int, output: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    system.die_with_parent()
    system.adopt_orphans()
    system.be_killed_first()
    system.limit_memory(memory)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)
