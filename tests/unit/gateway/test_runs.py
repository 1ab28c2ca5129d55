"""POST /api/runs as far as HTTP goes. A small server on a Unix socket stands for the runner, whose answers are its own
and are tested in tests/mage."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.eventually import eventually_async
from tests.support.gateway import entrance

from magecluster.gateway import runs
from magecluster.gateway.payload import RefusedError
from magecluster.gateway.run_request import parse
from magecluster.gateway.runner import Runner
from magecluster.gateway.runs import HELD_BYTES, FullError, Places

Json = dict[str, Any]
Answer = Callable[[Json, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

RUN = {"run": {"pipeline_uuid": "p", "block_uuid": "b"}}
COMPLETE: Json = {
    "pipeline_uuid": "p",
    "block_uuid": "b",
    "variables": {},
    "project": None,
    "record": True,
    "store_variables": True,
    "run_upstream_blocks": False,
    "incomplete_only": False,
}


class Lab:
    """A gateway, and what its runner was asked."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._socket, self._stack = folder / "runner.sock", stack
        self.asked: list[Json] = []

    async def runner(self, answer: Answer) -> None:
        async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.asked.append(json.loads(await reader.readline()))
            await answer(self.asked[-1], reader, writer)
            writer.close()

        await self._stack.enter_async_context(await asyncio.start_unix_server(serve_one, self._socket))

    async def says(self, answer: bytes) -> None:
        async def tell(_: Json, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)

        await self.runner(tell)

    async def gateway(self, **settings: Any) -> aiohttp.ClientSession:
        chosen: Json = {"upstream": "http://127.0.0.1:1", "runner_socket": self._socket, **settings}
        return (await entrance(self._stack, **chosen)).client


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with AsyncExitStack() as stack:
        yield Lab(tmp_path, stack)


async def refusal(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    async with answer:
        error = (await answer.json())["error"]
        assert answer.status == error["code"]
        assert error.keys() == {"code", "type", "message"}
        return answer.status, str(error["message"])


async def test_the_runner_is_asked_with_all_options_and_its_answer_passed_on(lab: Lab) -> None:
    await lab.says(b'{"run": {"output": [1]}}\n')
    client = await lab.gateway(runs_timeout_seconds=7)
    async with client.post("/api/runs/abc", json=RUN) as answer:
        assert (answer.status, await answer.json()) == (200, {"run": {"output": [1]}})
    assert lab.asked == [{"op": "run", "token": "abc", "token_scope": "Project", "run": COMPLETE, "timeout": 7}]


@pytest.mark.parametrize("path", ["/api/runs", "/api/runs/"])
async def test_the_token_may_come_as_bearer(lab: Lab, path: str) -> None:
    await lab.says(b'{"run": {"output": []}}\n')
    client = await lab.gateway(token_scope="Pipeline")
    async with client.post(path, json=RUN, headers={"Authorization": "bearer abc"}) as answer:
        assert answer.status == 200
    assert (lab.asked[0]["token"], lab.asked[0]["token_scope"]) == ("abc", "Pipeline")


async def test_runs_are_below_the_base_path_of_mage(lab: Lab) -> None:
    await lab.says(b'{"run": {"output": []}}\n')
    client = await lab.gateway(base_path="/team")
    async with client.post("/team/api/runs/abc", json=RUN) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/runs", {}),
        ("/api/runs/", {}),
        ("/api/runs", {"Authorization": "Bearer "}),
        ("/api/runs", {"Authorization": "Basic abc"}),
        ("/api/runs", {"Authorization": "Bearer a b"}),
        ("/api/runs/a%20b", {}),
        ("/api/runs/a'b", {}),
        ("/api/runs/" + "a" * 300, {}),
    ],
)
async def test_without_a_token_nothing_is_looked_up(lab: Lab, path: str, headers: dict[str, str]) -> None:
    await lab.says(b"")
    client = await lab.gateway()
    answer = await client.post(path, data="no JSON", headers=headers)
    status, message = await refusal(answer)
    assert status == 401
    assert "Bearer TOKEN" in message
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert lab.asked == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_told_which_one(lab: Lab, method: str) -> None:
    client = await lab.gateway()
    answer = await client.request(method, "/api/runs/abc")
    assert (await refusal(answer))[0] == 405
    assert answer.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b'{"run": {"pipeline_uuid": "p", "block_uuid": "b", "variables": {"a": NaN}}}', "NaN is no number"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", 'no object with "run"'),
        (b"{}", 'no object with "run"'),
        (b'{"run": []}', 'no object with "run"'),
        (b'{"run": {}, "variables": {}}', "unknown keys ['variables']"),
        (b'{"run": {"block_uuid": "b"}}', 'no "pipeline_uuid"'),
        (b'{"run": {"pipeline_uuid": "p"}}', 'no "block_uuid"'),
        (b'{"run": {"pipeline_uuid": "", "block_uuid": "b"}}', '"pipeline_uuid" is ""'),
        (b'{"run": {"pipeline_uuid": 1, "block_uuid": "b"}}', '"pipeline_uuid" is 1'),
        (b'{"run": {"pipeline_uuid": "p", "block_uuid": null}}', '"block_uuid" is null'),
        (b'{"run": {"pipeline_uuid": "p", "block_uuid": "b", "variables": []}}', '"variables" is []'),
        (b'{"run": {"pipeline_uuid": "p", "block_uuid": "b", "project": 5}}', '"project" is 5'),
        (b'{"run": {"pipeline_uuid": "p", "block_uuid": "b", "record": 1}}', '"record" is 1'),
        (b'{"run": {"pipeline_uuid": "p", "block_uuid": "b", "record": null}}', '"record" is null'),
        (b'{"run": {"pipeline_uuid": "p", "block_uuid": "b", "store_variables": "no"}}', '"store_variables" is "no"'),
        (b'{"run": {"pipeline_uuid": "p", "block_uuid": "b", "run_upstream": true}}', "unknown options"),
    ],
)
def test_bodies_are_refused_with_what_is_wrong(body: bytes, told: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parse(body)
    assert told in str(refused.value)


def test_null_stands_for_no_variables_and_no_project() -> None:
    body = {"run": {**RUN["run"], "variables": None, "project": None}, "api_key": "k"}
    assert parse(json.dumps(body).encode()) == COMPLETE


async def test_a_body_that_is_refused_reaches_nobody(lab: Lab) -> None:
    await lab.says(b"")
    client = await lab.gateway()
    assert (await refusal(await client.post("/api/runs/abc", data="{")))[0] == 400
    assert lab.asked == []


@pytest.mark.parametrize(("code", "header"), [(404, ""), (500, ""), (503, "Retry-After"), (504, "")])
async def test_errors_of_the_runner_are_told_with_their_status(lab: Lab, code: int, header: str) -> None:
    await lab.says(json.dumps({"error": {"code": code, "type": "t", "message": "m"}}).encode() + b"\n")
    client = await lab.gateway()
    answer = await client.post("/api/runs/abc", json=RUN)
    assert await refusal(answer) == (code, "m")
    assert not header or header in answer.headers


async def test_a_runner_that_is_away_is_told_with_when_to_ask_again(lab: Lab) -> None:
    client = await lab.gateway()
    answer = await client.post("/api/runs/abc", json=RUN)
    assert await refusal(answer) == (503, "The runner is starting or stopped, and nothing was done; try again")
    assert answer.headers["Retry-After"]


async def test_a_gateway_without_a_runner_says_so(lab: Lab) -> None:
    client = await lab.gateway(runner_socket=None)
    assert (await refusal(await client.post("/api/runs/abc", json=RUN)))[0] == 501


@pytest.mark.parametrize("part", [b"", b'{"run": {"output": [1', b'{"run": {"output": [1]}}', b'{"error": {"co'])
async def test_a_part_of_an_answer_is_never_taken_for_the_whole(lab: Lab, part: bytes) -> None:
    await lab.says(part)
    client = await lab.gateway()
    status, message = await refusal(await client.post("/api/runs/abc", json=RUN))
    assert status == 503
    assert "broke off" in message


async def test_the_container_that_breaks_off_is_named(tmp_path: Path) -> None:
    async def nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(nothing, tmp_path / "socket"):
        found = await Runner(tmp_path / "socket", "deployer").ask({"op": "list"})
    told = "The deployer broke off before it answered; see its log: kubectl logs POD --container deployer"
    assert found["error"]["message"] == told


async def test_a_long_answer_is_passed_on_as_it_comes(lab: Lab) -> None:
    output = b'{"run": {"output": ["' + b"x" * (5 * HELD_BYTES) + b'"]}}\n'
    await lab.says(output)
    client = await lab.gateway()
    async with client.post("/api/runs/abc", json=RUN) as answer:
        assert answer.content_type == "application/json"
        assert await answer.read() == output


async def test_a_long_answer_that_breaks_off_does_not_end_in_good_order(lab: Lab) -> None:
    await lab.says(b'{"run": {"output": ["' + b"x" * (5 * HELD_BYTES))
    client = await lab.gateway()
    with pytest.raises(aiohttp.ClientError):
        async with client.post("/api/runs/abc", json=RUN) as answer:
            await answer.read()


async def test_who_does_not_read_an_answer_does_not_keep_its_place(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "READ_SECONDS", 0.2)
    await lab.says(b'{"run": {"output": ["' + b"x" * (50 * HELD_BYTES) + b'"]}}\n')
    client = await lab.gateway(runs_concurrency=1, runs_queue=1)
    async with client.post("/api/runs/abc", json=RUN) as first, client.post("/api/runs/abc", json=RUN) as second:
        assert second.status == 200
        with pytest.raises(aiohttp.ClientError):
            await first.read()


class Busy:
    """A runner whose runs last until they are let go, or their client goes away."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.working = self.cancelled = 0

    async def answer(self, _: Json, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.working += 1
        going, gone = asyncio.create_task(self.go.wait()), asyncio.create_task(reader.read())
        await asyncio.wait([going, gone], return_when=asyncio.FIRST_COMPLETED)
        for task in (going, gone):
            task.cancel()
        self.working -= 1
        if self.go.is_set():
            writer.write(b'{"run": {"output": []}}\n')
        else:
            self.cancelled += 1


async def test_so_many_run_at_once_and_others_are_refused(lab: Lab) -> None:
    busy = Busy()
    await lab.runner(busy.answer)
    client = await lab.gateway(runs_concurrency=2, runs_queue=0)
    running = [asyncio.create_task(client.post("/api/runs/abc", json=RUN)) for _ in range(2)]
    await eventually_async(lambda: busy.working == 2)
    answer = await client.post("/api/runs/abc", json=RUN)
    assert (await refusal(answer))[0] == 429
    assert answer.headers["Retry-After"]
    busy.go.set()
    for task in running:
        async with await task as done:
            assert done.status == 200


async def test_so_many_wait_in_their_order() -> None:
    places, entered = Places(concurrency=1, queue=2), list[int]()

    async def enter(number: int) -> None:
        async with places.one():
            entered.append(number)
            await go.wait()

    go = asyncio.Event()
    first, second, third = [asyncio.create_task(enter(number)) for number in (1, 2, 3)]
    await eventually_async(lambda: entered == [1])
    with pytest.raises(FullError):
        await enter(4)
    second.cancel()
    await asyncio.wait([second])
    fourth = asyncio.create_task(enter(4))
    go.set()
    await asyncio.gather(first, third, fourth)
    assert entered == [1, 3, 4]


async def test_who_goes_away_has_the_run_ended_and_frees_its_place(lab: Lab) -> None:
    busy = Busy()
    await lab.runner(busy.answer)
    client = await lab.gateway(runs_concurrency=1, runs_queue=1)
    first, second = (asyncio.create_task(client.post("/api/runs/abc", json=RUN)) for _ in range(2))
    await eventually_async(lambda: busy.working == 1)
    first.cancel()
    await eventually_async(lambda: busy.cancelled == 1)
    await eventually_async(lambda: busy.working == 1)
    busy.go.set()
    async with await second as done:
        assert done.status == 200
