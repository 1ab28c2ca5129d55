import asyncio
import logging

from tests.support.eventually import eventually_async

from magecluster.controller.workqueue import Workqueue


class Work:
    """Records runs; each key is held until it is let go."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.running: set[str] = set()
        self.overlapped = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.answers: dict[str, list[float | Exception | None]] = {}

    async def __call__(self, key: str) -> float | None:
        self.overlapped |= key in self.running
        self.running.add(key)
        self.runs.append(key)
        await self.gate.wait()
        self.running.discard(key)
        answer = self.answers[key].pop(0) if self.answers.get(key) else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_queue(work: Work, workers: int = 4) -> Workqueue[str]:
    queue: Workqueue[str] = Workqueue(work, workers=workers, backoff=0.001)
    queue.open()
    return queue


async def test_requests_before_a_run_are_one_run() -> None:
    work = Work()
    queue = a_queue(work)
    for _ in range(5):
        queue.add("a")
    await eventually_async(lambda: queue.depth == 0)
    assert work.runs == ["a"]


async def test_requests_during_a_run_are_one_more_run_and_never_overlap() -> None:
    work = Work()
    work.gate.clear()
    queue = a_queue(work)
    queue.add("a")
    await eventually_async(lambda: work.running == {"a"})
    queue.add("a")
    queue.add("a")
    work.gate.set()
    await eventually_async(lambda: queue.depth == 0)
    assert work.runs == ["a", "a"]
    assert not work.overlapped


async def test_a_failure_is_retried_until_it_succeeds() -> None:
    work = Work()
    work.answers["a"] = [RuntimeError("boom"), RuntimeError("boom")]
    queue = a_queue(work)
    logging.disable(logging.CRITICAL)
    try:
        queue.add("a")
        await eventually_async(lambda: len(work.runs) == 3 and queue.depth == 0)
    finally:
        logging.disable(logging.NOTSET)


async def test_a_key_that_asks_for_another_look_gets_it() -> None:
    work = Work()
    work.answers["a"] = [0.001, 0.001]
    queue = a_queue(work)
    queue.add("a")
    await eventually_async(lambda: len(work.runs) == 3 and queue.depth == 0)


async def test_no_more_keys_run_at_a_time_than_there_are_workers() -> None:
    work = Work()
    work.gate.clear()
    queue = a_queue(work, workers=2)
    for key in "abcde":
        queue.add(key)
    await eventually_async(lambda: len(work.running) == 2)
    assert queue.depth == 5
    work.gate.set()
    await eventually_async(lambda: queue.depth == 0)
    assert sorted(work.runs) == list("abcde")


async def test_close_lets_a_run_finish_and_drops_what_waits() -> None:
    work = Work()
    work.gate.clear()
    queue = a_queue(work, workers=1)
    queue.add("a")
    await eventually_async(lambda: work.running == {"a"})
    queue.add("b")
    closing = asyncio.create_task(queue.close())
    await asyncio.sleep(0)
    work.gate.set()
    await closing
    assert work.runs == ["a"]
    assert not work.running
    queue.add("c")
    assert queue.depth == 0


async def test_a_closed_queue_can_be_opened_again() -> None:
    work = Work()
    queue = a_queue(work)
    await queue.close()
    queue.open()
    queue.add("a")
    await eventually_async(lambda: work.runs == ["a"])


async def test_the_server_says_how_long_to_wait() -> None:
    class BusyError(Exception):
        retry_after = 0.2

    work = Work()
    work.answers["a"] = [BusyError()]
    queue = a_queue(work)
    loop = asyncio.get_running_loop()
    start = loop.time()
    queue.add("a")
    await eventually_async(lambda: len(work.runs) == 2)
    assert loop.time() - start >= 0.16


async def test_what_is_asked_for_goes_before_what_only_time_asks_for() -> None:
    order: list[str] = []

    async def work(key: str) -> float | None:
        order.append(key)
        await asyncio.sleep(0.02)
        return 0.01 if order.count(key) == 1 and key == "timed" else None

    queue = Workqueue(work, workers=1)
    queue.open()
    for key in ("timed", "a", "b", "c"):
        queue.add(key)
    await asyncio.sleep(0.07)
    queue.add("d")
    await asyncio.sleep(1.2)
    await queue.close()
    assert order == ["timed", "a", "b", "c", "d", "timed"]
