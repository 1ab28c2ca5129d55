"""What people and programs are told while Mage starts, is gone or misbehaves."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from tests.support.gateway import Behind, Front

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@asynccontextmanager
async def answering(act: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[str]:
    """A server that reads the head of each request and then does that."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        act(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_programs_are_told_when_to_try_again(front: Front, nowhere: str, method: str) -> None:
    door = await front(nowhere)
    async with door.client.request(method, "/api/pipelines") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert answer.content_type == "application/json"
        error = (await answer.json())["error"]
    assert (error["code"], error["type"]) == (503, "mage_unavailable")
    assert "try again" in error["message"]
    assert "127.0.0.1" not in error["message"]


async def test_a_browser_gets_a_page_that_tries_again(front: Front, nowhere: str) -> None:
    door = await front(nowhere)
    async with door.client.get("/pipelines", headers=PAGE) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
        assert (answer.headers["Retry-After"], answer.headers["Cache-Control"]) == ("5", "no-store")
        text = await answer.text()
    assert '<meta http-equiv="refresh" content="5">' in text
    assert "src=" not in text
    assert "href=" not in text
    async with door.client.post("/pipelines", headers=PAGE) as answer:
        assert answer.content_type == "application/json"


async def test_a_websocket_is_refused_in_the_same_shape(front: Front, nowhere: str) -> None:
    door = await front(nowhere)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    async with door.client.get("/websocket/", headers={**upgrade, "Sec-WebSocket-Version": "13"}) as answer:
        assert answer.status == 503
        assert (await answer.json())["error"]["type"] == "mage_unavailable"


@pytest.mark.parametrize("act", [reset, lambda _: None], ids=["reset", "end"])
async def test_who_got_no_answer_is_told_to_look_first(
    front: Front, act: Callable[[asyncio.StreamWriter], None]
) -> None:
    async with answering(act) as address:
        door = await front(address)
        async with door.client.post("/api/pipelines", data=b"x") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert "took effect" in (await answer.json())["error"]["message"]


async def test_an_answer_that_is_no_http_is_a_bad_gateway(front: Front) -> None:
    async with answering(lambda writer: writer.write(b"no http\r\n\r\n")) as address:
        door = await front(address)
        async with door.client.get("/") as answer:
            assert answer.status == 502
            assert (await answer.json())["error"]["type"] == "bad_gateway"


async def test_it_finds_mage_again_and_tells_the_log_once(
    front: Front, nowhere: str, capsys: pytest.CaptureFixture[str]
) -> None:
    door = await front(nowhere)

    async def status() -> int:
        async with door.client.get("/") as answer:
            return answer.status

    assert [await status(), await status()] == [503, 503]

    async def fine(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    runner = web.ServerRunner(web.Server(fine))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(nowhere.rpartition(":")[2])).start()
    assert [await status(), await status()] == [200, 200]
    await runner.cleanup()
    assert await status() == 503
    log = capsys.readouterr().out
    assert (log.count("does not answer"), log.count("Mage answers")) == (2, 1)


async def test_its_own_health_does_not_depend_on_mage(front: Front, nowhere: str) -> None:
    door = await front(nowhere)
    async with door.client.get("/.magecluster/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_a_mistake_of_ours_shows_no_trace(
    behind: Behind, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: web.Request) -> bool:
        raise ZeroDivisionError("secret detail")

    async def never(_: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError

    monkeypatch.setattr("magecluster.gateway.proxy.is_socket", broken)
    door = await behind(never)
    async with door.client.get("/", headers=PAGE) as answer:
        text = await answer.text()
        assert (answer.status, answer.content_type) == (500, "application/json")
    assert "secret" not in text
    assert "Traceback" not in text
    assert "ZeroDivisionError" in capsys.readouterr().out
