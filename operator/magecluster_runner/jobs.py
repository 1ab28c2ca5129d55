"""Requests, from the first byte to the answer, as the parent sees them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import TYPE_CHECKING

from magecluster_runner import system, wire

if TYPE_CHECKING:
    from magecluster_runner.pool import Child

OUTPUT_BYTES = 65536
"""How much of what a request writes to standard output and error is passed on, beside what Mage puts into its logs."""

MOST_STARTS = 3

_EXHAUSTED = (
    "All runs together needed more memory than there is, and this one was the largest, so it was ended; "
    "raise gateway.runs.resources.limits.memory (without it the node's counts), or lower gateway.runs.concurrency"
)


class Job:
    """One connection of the gateway, and the child that works for it."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.request = b""
        self.pipeline: str | None = None
        """Whose code is executed, if any."""
        self.held_until = 0.0
        """When it takes any process, rather than wait for one of its pipeline."""
        self.deadline: float | None = None
        self.seconds = 0.0
        self.child: Child | None = None
        self.run: wire.Json | None = None
        """What a child told about the records it has made, as long as they are unfinished."""
        self.starts = 0
        """How many children it was handed to: another one when the one before died without having looked at it."""
        self.begun = self.answering = self.answered = self.child_ready = False
        self.gone = False
        """Whether the gateway has closed the connection."""
        self.late = False
        """Whether it was ended because of its time limit."""
        self.exhausted = False
        """Whether it was ended because there was no more memory."""
        self.fallback: wire.Json | None = None
        """What to tell when the child ends without an answer, instead of what that says by itself."""
        self._left = OUTPUT_BYTES

    def read(self) -> bool:
        """Take what has come; returns whether the request is complete. Raises `RefusedError`, OSError."""
        data = self.client.recv(1 << 20, socket.MSG_DONTWAIT)
        if not data:
            self.gone = True
            return False
        if self.child:
            return False  # nothing is expected any more
        self.request += data
        if len(self.request) > wire.REQUEST_BYTES:
            raise wire.RefusedError(413, "too_large", f"The request is longer than {wire.REQUEST_BYTES} bytes")
        if not self.request.endswith(b"\n"):
            return False
        try:
            found = json.loads(self.request)
            seconds, run = found.get("timeout"), found.get("run", {})
            self.pipeline = run.get("pipeline_uuid") if found.get("op") == "run" else None
        except (ValueError, AttributeError) as failure:
            raise wire.RefusedError(400, "bad_request", f"The request is no JSON object: {failure}") from failure
        self.seconds = float(seconds) if isinstance(seconds, (int, float)) else 0.0
        return True

    def start(self, child: Child, now: float) -> None:
        """Hand it over. Raises OSError when the child is dead."""
        request = wire.kept(self.request)
        try:
            wire.send(child.control, {"serve": True}, (self.client.fileno(), request))
        finally:
            os.close(request)
        self.child, self.begun = child, False
        self.starts += 1
        self.deadline = now + self.seconds if self.seconds else None

    def told(self, note: wire.Json) -> None:
        """What the child says about itself."""
        self.run = note.get("run", self.run)
        self.begun = self.begun or "begun" in note
        self.answering = self.answering or "answering" in note
        if self.answering:
            self.deadline = None  # the block has ended; how fast the client reads is its own affair
        self.answered = self.answered or "answered" in note
        self.child_ready = self.child_ready or "ready" in note

    @property
    def untouched(self) -> bool:
        """Whether another child may be handed the request of one that has ended."""
        ended = self.begun or self.late or self.exhausted or self.gone
        return not ended and self.starts < MOST_STARTS

    def written(self, data: bytes) -> None:
        """Pass on what a child wrote, up to a limit."""
        if self._left > 0:
            sys.stderr.write(data[: self._left].decode(errors="replace"))
            self._left -= len(data)
            if self._left <= 0:
                sys.stderr.write("\nmagecluster_runner: the rest of what this request writes is left out\n")
            sys.stderr.flush()

    def failure(self, status: int) -> wire.Json:
        """What to tell when the child has ended without an answer."""
        if self.fallback:
            return self.fallback
        if self.late:
            message = f"The run took longer than {self.seconds:g} seconds and was ended"
            return wire.error(504, "timeout", message)
        if self.exhausted:
            return wire.error(500, "out_of_memory", _EXHAUSTED)
        if self.gone:
            return wire.error(499, "cancelled", "The client went away, so the run was ended")
        how = system.how(status)
        hint = "; it may have used more memory than there is" if how.endswith("SIGKILL") else ""
        return wire.error(500, "process_ended", f"The process of the run {how}{hint}")

    def tell(self, answer: wire.Json) -> None:
        """Answer without a child, and close."""
        if not self.answering:  # else it would be added to what has been said
            with contextlib.suppress(OSError):
                self.client.send(wire.line(answer), socket.MSG_DONTWAIT)
        self.close()

    def close(self) -> None:
        """End the connection, whoever else may hold it open."""
        with contextlib.suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)
        self.client.close()
