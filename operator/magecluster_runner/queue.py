"""Requests that wait for a process, and which of them may have one."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Callable, Collection

if TYPE_CHECKING:
    from typing import Iterator

    from magecluster_runner.jobs import Job

MAX_CHILDREN = 128
"""Requests at the same time. The gateway lets fewer through."""
MOST_BRIEF = 8
"""Of these, such as execute no block: they take milliseconds, but each process has a connection to Mage's database, of
which there may be a hundred."""
HOLD_SECONDS = 0.01
"""How long a run waits for a process of its pipeline that has answered: putting it in order takes a tenth of that, and
the first run of another process twice as much as that."""


class Queue:
    """In the order in which they came."""

    def __init__(self, keeps: Callable[[str], bool]) -> None:
        """`keeps` tells whether a process waits for the next run of a pipeline."""
        self._keeps = keeps
        self._waiting: deque[Job] = deque()

    def __iter__(self) -> Iterator[Job]:
        return iter(self._waiting)

    def add(self, job: Job, now: float) -> None:
        """Behind all others."""
        job.held_until = now + HOLD_SECONDS
        self._waiting.append(job)

    def put_first(self, job: Job) -> None:
        """Before all others."""
        self._waiting.appendleft(job)

    def remove(self, job: Job) -> None:
        """If it is there."""
        if job in self._waiting:
            self._waiting.remove(job)

    def next(self, going: Collection[Job], now: float) -> Job | None:
        """Who has waited longest of those that may begin beside those that go on."""
        if len(going) >= MAX_CHILDREN:
            return None
        brief = sum(job.pipeline is None for job in going)
        soon = Counter(job.pipeline for job in going if job.answering)
        for job in self._waiting:
            if job.pipeline is None:
                if brief < MOST_BRIEF:
                    return job
            elif job.held_until <= now or self._keeps(job.pipeline) or not soon[job.pipeline]:
                return job
            else:
                soon[job.pipeline] -= 1
        return None

    def due(self, now: float) -> list[float]:
        """When runs will have waited long enough."""
        return [job.held_until for job in self._waiting if job.held_until > now]
