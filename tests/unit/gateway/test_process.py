"""`magecluster gateway` as a process of its own."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

OPERATOR = Path(__file__).parents[3] / "operator"
WEIGHTS = ("kopf", "kubernetes", "magecluster.kube", "magecluster.controller.main", "magecluster.resources")


async def python(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    environment = {"PYTHONPATH": str(OPERATOR)}
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )


async def gateway(*options: str) -> asyncio.subprocess.Process:
    return await python("-m", "magecluster", "gateway", "--listen=127.0.0.1", *options)


@asynccontextmanager
async def mage(begun: asyncio.Event, finish: asyncio.Event) -> AsyncIterator[str]:
    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade"):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.receive()
            return socket
        begun.set()
        await finish.wait()
        return web.Response(text="done")

    runner = web.ServerRunner(web.Server(serve), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    line = (await process.stdout.readline()).decode()
    found = re.search(r" at (http://127\.0\.0\.1:\d+)", line)
    assert found, line + (await process.stdout.read()).decode()
    return found[1]


async def test_sigterm_lets_requests_in_flight_end_and_takes_no_more() -> None:
    begun, finish = asyncio.Event(), asyncio.Event()
    async with mage(begun, finish) as upstream, aiohttp.ClientSession() as client, asyncio.timeout(20):
        process = await gateway("--port=0", f"--upstream={upstream}")
        url = await address(process)
        socket = await client.ws_connect(url)
        answer = asyncio.create_task(client.get(url).__aenter__())
        await begun.wait()
        process.send_signal(signal.SIGTERM)
        message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.post(url)
        await asyncio.sleep(0.5)  # work goes on meanwhile
        finish.set()
        assert await (await answer).text() == "done"
        assert await process.wait() == 0
        assert process.stdout
        assert b"Traceback" not in await process.stdout.read()


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--port=1", "--listen=192.0.2.1"], 1, "magecluster: cannot serve on 192.0.2.1:1 ("),
        (["--upstream=127.0.0.1:6789"], 2, "is no address like http://127.0.0.1:6789"),
        (["--upstream=http://127.0.0.1:6789/api"], 2, "is no address like http://127.0.0.1:6789"),
    ],
)
async def test_a_wrong_option_is_told_in_a_line(options: list[str], status: int, told: str) -> None:
    process = await gateway(*options)
    output, _ = await process.communicate()
    assert process.returncode == status
    assert told in output.decode()
    assert "Traceback" not in output.decode()


@pytest.mark.parametrize("module", ["magecluster.gateway.app", "magecluster.cli.main"])
async def test_it_does_not_pay_for_what_the_operator_needs(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {WEIGHTS!r} if name in sys.modules))"
    process = await python("-c", program)
    output, _ = await process.communicate()
    assert output.decode().split() == []
