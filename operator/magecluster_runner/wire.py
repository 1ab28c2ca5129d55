"""The protocol on the Unix socket, and what parent and children hand to each other.

A connection carries one request and one answer, each a JSON object and a newline. Who closes it before the answer has
come has the work ended. Errors are `{"error": {"code": HTTP status, "type": word, "message": what happened}}`.
"""

from __future__ import annotations

import array
import json
import os
import socket
from typing import Any, Dict

Json = Dict[str, Any]

REQUEST_BYTES = 32 * 1024 * 1024
NOTE_BYTES = 65536


class RefusedError(Exception):
    """The request cannot be fulfilled, and whoever sent it is told why."""

    def __init__(self, code: int, type_: str, message: str) -> None:
        super().__init__(message)
        self.code, self.type, self.message = code, type_, message

    @property
    def answer(self) -> Json:
        """What is sent back."""
        return error(self.code, self.type, self.message)


def error(code: int, type_: str, message: str) -> Json:
    """An answer that says that there is none."""
    return {"error": {"code": code, "type": type_, "message": message}}


def line(answer: Json) -> bytes:
    """As it goes over the socket."""
    return json.dumps(answer).encode() + b"\n"


def send(peer: socket.socket, note: Json, descriptors: tuple[int, ...] = ()) -> None:
    """Between parent and child: one message with open files. Raises OSError."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    peer.sendmsg([json.dumps(note).encode()], rights)


def receive(peer: socket.socket, descriptors: int = 0, flags: int = 0) -> tuple[Json, list[int]]:
    """The next message, empty at the end of them, and the open files that came with it. Raises OSError."""
    found = array.array("i")
    data, rights, _, _ = peer.recvmsg(NOTE_BYTES, socket.CMSG_SPACE(descriptors * found.itemsize), flags)
    for level, kind, content in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return json.loads(data) if data else {}, list(found)


def kept(data: bytes) -> int:
    """A file without a name that holds the data, at its beginning: a request of any length, handed on at once."""
    descriptor = os.memfd_create("request", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
