"""Calls of triggers where Mage and the runner do what real ones seldom do; tests/mage has the real ones."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.support.eventually import eventually_async
from tests.support.gateway import entrance

from magecluster.gateway import runner

Json = dict[str, Any]

GOOD: Json = {"trigger": {"id": 3, "pipeline_uuid": "p", "status": "active"}}
CALL = "/api/pipeline_schedules/3/pipeline_runs/t"


class Behind:
    """A Mage that notes what it is sent, and a runner that gives the answers it was told to give."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        self._stack, self.socket = stack, folder / "runner.sock"
        self.asked: list[tuple[str, str, Json]] = []
        self.runs: dict[str, Json] = {}
        self.answer = b""
        self.waits, self.answers = asyncio.Event(), asyncio.Event()
        for event in (self.waits, self.answers):
            event.set()

    async def mage(self, request: web.BaseRequest) -> web.StreamResponse:
        payload = await request.json()
        self.asked.append((request.path, request.headers.get("Authorization", ""), payload))
        await self.waits.wait()
        run = {"id": len(self.asked), "metrics": payload["pipeline_run"].get("metrics")}
        if run["metrics"]:
            self.runs[run["metrics"]["idempotency_key"]] = run
        return web.json_response({"pipeline_run": run})

    async def runner(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = json.loads(await reader.readline())
        await self.answers.wait()
        found = GOOD if question["op"] == "trigger" else {"pipeline_run": self.runs.get(question["key"])}
        writer.write(self.answer or json.dumps(found).encode() + b"\n")
        writer.close()

    async def door(self, **settings: Any) -> aiohttp.ClientSession:
        """A client of a gateway in front of both."""
        server = web.ServerRunner(web.Server(self.mage), shutdown_timeout=1)
        await server.setup()
        self._stack.push_async_callback(server.cleanup)
        await web.TCPSite(server, "127.0.0.1", 0).start()
        self.upstream = server
        listening = await asyncio.start_unix_server(self.runner, self.socket)
        self._stack.callback(listening.close)
        chosen = {"upstream": f"http://127.0.0.1:{server.addresses[0][1]}", "runner_socket": self.socket, **settings}
        return (await entrance(self._stack, **chosen)).client


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Behind]:
    async with AsyncExitStack() as stack:
        yield Behind(stack, tmp_path)


async def refusal(client: aiohttp.ClientSession, **given: Any) -> tuple[int, str]:
    async with client.post(CALL, **given) as answer:
        error = (await answer.json())["error"]
        assert answer.status == error["code"]
        assert (answer.status == 503) == ("Retry-After" in answer.headers)
        return answer.status, error["message"]


async def test_mage_is_handed_one_form_by_an_address_without_the_token(behind: Behind) -> None:
    client = await behind.door(base_path="/team")
    body = {"env": "bare", "a": [1], "pipeline_run": {"variables": {"env": "wrapped"}}}
    for path in ("/team/api/pipeline_schedules/03/pipeline_runs/t", "/team/api/pipeline_schedules/3/api_trigger"):
        async with client.post(path, json=body, headers={"Authorization": "bearer t"}) as answer:
            assert answer.status == 200
    handed = {"env": "bare", "a": [1], "pipeline_run": {"variables": {"env": "wrapped", "a": [1]}}}
    assert behind.asked == [("/team/api/pipeline_schedules/3/api_trigger", "Bearer t", handed)] * 2


async def test_elsewhere_than_below_the_base_path_everything_goes_to_mage(behind: Behind) -> None:
    client = await behind.door(base_path="/team")
    async with client.post(CALL, json={"pipeline_run": {"anything": 1}}) as answer:
        assert answer.status == 200
    assert behind.asked == [(CALL, "", {"pipeline_run": {"anything": 1}})]


async def test_without_a_runner_nothing_is_started_and_the_remedy_told(behind: Behind) -> None:
    status, message = await refusal(await behind.door(runner_socket=None))
    assert (status, "--runner-socket" in message, behind.asked) == (501, True, [])


@pytest.mark.parametrize("answer", [b"{", b"\n"])
async def test_a_runner_that_breaks_off_is_a_reason_to_try_again(behind: Behind, answer: bytes) -> None:
    behind.answer = answer
    assert (await refusal(await behind.door()))[0] == 503
    assert behind.asked == []


async def test_a_runner_that_is_not_there_yet_is_one_too(behind: Behind, tmp_path: Path) -> None:
    assert (await refusal(await behind.door(runner_socket=tmp_path / "none")))[0] == 503
    assert behind.asked == []


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
async def test_a_runner_that_waits_for_the_database_is_not_waited_for(
    behind: Behind, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(runner, "LOOK_UP_SECONDS", 0.2)
    client = await behind.door()
    behind.answers.clear()
    status, message = await refusal(client, headers=headers)
    assert (status, "database did not answer" in message, behind.asked) == (503, True, [])
    behind.answers.set()
    async with client.post(CALL, headers=headers) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
async def test_what_json_does_not_have_is_refused(behind: Behind, number: str) -> None:
    status, message = await refusal(await behind.door(), data=f'{{"a": {number}}}'.encode())
    assert (status, f"{number} is no number" in message, behind.asked) == (400, True, [])


async def test_a_mage_that_is_away_has_started_nothing(behind: Behind) -> None:
    client = await behind.door()
    await behind.upstream.cleanup()
    status, message = await refusal(client)
    assert (status, "no run was started" in message) == (503, True)


async def test_a_body_without_end_is_not_kept(behind: Behind) -> None:
    client = await behind.door()
    status, _ = await refusal(client, data=BytesIO(b'"' + b"a" * (16 * 1024 * 1024)))
    assert (status, behind.asked) == (413, [])


async def test_with_a_key_a_run_is_started_once_also_when_the_client_does_not_wait(behind: Behind) -> None:
    client = await behind.door()
    behind.waits.clear()
    first = asyncio.create_task(client.post(CALL, headers={"Idempotency-Key": "k"}).__aenter__())
    await eventually_async(lambda: behind.asked)
    first.cancel()
    second = asyncio.create_task(client.post(CALL, headers={"Idempotency-Key": "k"}).__aenter__())
    await asyncio.wait([first])
    behind.waits.set()
    answer = await second
    assert (await answer.json())["pipeline_run"]["id"] == 1
    assert (answer.headers["Idempotent-Replayed"], len(behind.asked)) == ("true", 1)
    answer.close()


async def test_a_stop_waits_for_the_run_that_is_being_started(behind: Behind) -> None:
    client = await behind.door()
    behind.waits.clear()
    first = asyncio.create_task(client.post(CALL, headers={"Idempotency-Key": "k"}).__aenter__())
    await eventually_async(lambda: behind.asked)
    asyncio.get_running_loop().call_later(0.2, behind.waits.set)
    first.cancel()
    await asyncio.wait([first])
    await behind._stack.aclose()  # noqa: SLF001  the gateway stops first, while Mage is still there
    assert len(behind.runs) == 1
