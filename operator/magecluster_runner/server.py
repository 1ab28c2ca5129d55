"""The parent: takes connections, hands each to a child, ends children whose time is over or whose client is gone.

One thread, and no code of a project's. Whatever a block does happens in a child, and reaches the parent as a message,
as output, or as the child's end.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Callable

from magecluster_runner import system, wire
from magecluster_runner.jobs import Job
from magecluster_runner.loop import Loop
from magecluster_runner.memory import Memory, largest, patience
from magecluster_runner.pool import Child, Pool
from magecluster_runner.queue import Queue

if TYPE_CHECKING:
    from pathlib import Path

    from magecluster_runner.child import Work

REST_SECONDS = 1.0
"""Between attempts to have processes wait, when one failed."""
CLOSING_SECONDS = 30.0
"""How long the records of a run that was ended may take to be finished."""
RENEWAL_SECONDS = 5.0
"""How long a process that has answered may take until it can serve again, or is ended."""


class Server:
    """Serves until it is told to stop."""

    def __init__(
        self,
        listener: socket.socket,
        work: Work,
        spares: int,
        folder: Path,
        memory: Memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener, self._memory, self._clock = listener, memory, clock
        self._loop = Loop()
        self._pool = Pool(work, spares, folder, self._close_in_child)
        self._jobs: dict[int, Job] = {}
        """By the process that works for it."""
        self._queue = Queue(self._pool.keeps)
        self._reading: list[Job] = []
        self._stop_at: float | None = None
        self._rests_until = self._look_at = 0.0

    def run(self, grace: float) -> None:
        """Until SIGTERM or SIGINT; then let requests end for `grace` seconds."""
        self._loop.begin(lambda: self._stop(grace))
        self._loop.watch(self._listener, self._accept)
        while self._stop_at is None or (self._jobs and self._clock() < self._stop_at):
            self._loop.turn(self._patience())
            self._reap()
            self._end_late()
            self._end_largest()
            self._dispatch()
            self._pool.tidy(self._clock())
            self._grow()
        self._pool.end()

    def _grow(self) -> None:
        if self._stop_at is None and self._pool.short() and self._rests_until <= self._clock():
            try:
                self._follow(self._pool.grow())  # one in each turn, so that others get theirs
            except OSError as failure:
                self._rest(f"Could not start a process: {failure}")

    def _rest(self, why: str) -> None:
        sys.stderr.write(f"magecluster_runner: {why}; tries again\n")
        self._rests_until = self._clock() + REST_SECONDS

    def _patience(self) -> float | None:
        """Seconds until something is to be done even if nothing happens."""
        times = [job.deadline for job in self._jobs.values() if job.deadline is not None]
        times += [time for time in (self._stop_at, self._pool.due()) if time is not None]
        if self._jobs:
            times.append(self._look_at)
        times += self._queue.due(self._clock())
        if self._next() or (self._stop_at is None and self._pool.short()):
            times.append(self._rests_until)
        return max(0.0, min(times) - self._clock()) if times else None

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            job = Job(client)
            self._reading.append(job)
            self._loop.watch(client, lambda: self._read(job))

    def _read(self, job: Job) -> None:
        try:
            complete = job.read()
        except wire.RefusedError as refused:
            self._drop(job, refused.answer)
        except OSError:
            job.gone = True
        else:
            if complete:
                self._reading.remove(job)
                self._queue.add(job, self._clock())
        if job.gone:
            self._abandon(job)

    def _abandon(self, job: Job) -> None:
        """The client is gone."""
        self._loop.unwatch(job.client)
        if not job.child:
            self._drop(job, None)
            return
        self._hear(job.child)
        if not job.answering:
            system.kill(job.child.pid)
        elif job.deadline is None:  # it may have gone because it has its answer; else the child notices
            job.deadline = self._clock() + RENEWAL_SECONDS

    def _drop(self, job: Job, answer: wire.Json | None) -> None:
        self._loop.unwatch(job.client)
        self._queue.remove(job)
        if job in self._reading:
            self._reading.remove(job)
        if answer:
            job.tell(answer)
        else:
            job.close()

    def _next(self) -> Job | None:
        return self._queue.next(self._jobs.values(), self._clock())

    def _dispatch(self) -> None:
        while job := self._next():
            try:
                child = self._pool.take(job.pipeline)
            except OSError as failure:
                self._rest(f"Could not start a process: {failure}")
                return
            self._follow(child)
            try:
                job.start(child, self._clock())
            except OSError:  # it has died while it waited, and the next turn takes another one
                system.kill(child.pid)
                return
            self._queue.remove(job)
            self._jobs[child.pid] = job

    def _follow(self, child: Child) -> None:
        if not self._loop.watches(child.control):
            self._loop.watch(child.control, lambda: self._hear(child))
            self._loop.watch(child.output, lambda: self._pass_on(child))

    def _hear(self, child: Child) -> None:
        """Whatever the child has told."""
        with contextlib.suppress(BlockingIOError):
            while self._loop.watches(child.control):
                note: wire.Json = {}
                with contextlib.suppress(ConnectionError, ValueError):
                    note, _ = wire.receive(child.control, flags=socket.MSG_DONTWAIT)
                if not note:
                    self._loop.unwatch(child.control)
                elif child.pid in self._jobs:
                    job = self._jobs[child.pid]
                    job.told(note)
                    if job.answered and job.deadline is None:
                        job.deadline = self._clock() + RENEWAL_SECONDS
                    self._keep(child)

    def _keep(self, child: Child) -> None:
        """Let a child that has ended its work have the next."""
        job = self._jobs[child.pid]
        if job.child_ready:
            while self._pass_on(child):
                pass
            del self._jobs[child.pid]
            self._loop.unwatch(job.client)
            job.close()
            if self._loop.watches(child.output):
                self._pool.keep(child, job.pipeline, self._clock())
            else:  # nobody would see what it writes
                self._pool.dismiss(child)

    def _pass_on(self, child: Child) -> bool:
        data = b""
        with contextlib.suppress(BlockingIOError):
            data = os.read(child.output, 1 << 20)
            if not data:
                self._loop.unwatch(child.output)
        if data and child.pid in self._jobs:
            self._jobs[child.pid].written(data)
        elif data:
            sys.stderr.write(data.decode(errors="replace"))
        return bool(data)

    def _reap(self) -> None:
        for child, status in self._pool.ended():
            self._hear(child)
            self._pass_on(child)
            for source in (child.control, child.output):
                self._loop.unwatch(source)
            child.control.close()
            os.close(child.output)
            job = self._jobs.pop(child.pid, None)
            if job:
                self._finish(job, status)
            elif status:
                self._rest(f"A process that waited for requests {system.how(status)}")

    def _finish(self, job: Job, status: int) -> None:
        if job.untouched:
            job.child = None
            self._queue.put_first(job)
            return
        self._loop.unwatch(job.client)
        if job.answered:
            job.close()
            return
        failure = job.failure(status)
        if not job.run:
            job.tell(failure)
            return
        # The records of the run are finished by another child, which then tells the failure.
        closing = {"op": "failed", "run": job.run, "failure": failure["error"]}
        following = Job(job.client)
        following.request, following.answering, following.fallback = wire.line(closing), job.answering, failure
        following.seconds = CLOSING_SECONDS
        self._queue.put_first(following)

    def _end_late(self) -> None:
        now = self._clock()
        for pid, job in self._jobs.items():
            if job.deadline is not None and job.deadline <= now:
                job.late, job.deadline = True, None
                system.kill(pid)

    def _end_largest(self) -> None:
        """Where memory runs out. What has been ended counts until it is gone; who only waits is ended first."""
        if self._clock() < self._look_at:
            return
        room = self._memory.room()
        self._look_at = self._clock() + patience(room)
        if room >= 0 or any(job.exhausted for job in self._jobs.values()) or self._pool.dismiss_kept():
            return
        pid = largest(self._jobs)
        if pid is not None:
            self._jobs[pid].exhausted = True
            system.kill(pid)

    def _stop(self, grace: float) -> None:
        if self._stop_at is None:
            self._stop_at = self._clock() + grace
            self._loop.unwatch(self._listener)
            self._listener.close()

    def _close_in_child(self) -> None:
        self._loop.close()
        clients = [job.client for jobs in (self._jobs.values(), self._queue, self._reading) for job in jobs]
        for source in (self._listener, *clients):
            source.close()
