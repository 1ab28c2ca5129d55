"""A real browser without a screen: Chromium, driven by its own protocol.

https://chromedevtools.github.io/devtools-protocol/ tells the methods.
"""

import asyncio
import base64
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.needs import needs

from devkit.local_mage import OWNER, PASSWORD

START_SECONDS = 30
WINDOW = (1400, 1000)
FIELD = "document.querySelector('input[autocomplete={}]')"
SIGN_IN = "[...document.querySelectorAll('button')].find(button => button.innerText.includes('Sign into Mage'))"


_MIDDLE = """(() => {
    const element = %s
    if (!element) return null
    element.scrollIntoView({block: 'center'})
    const box = element.getBoundingClientRect()
    return box.width ? [box.x + box.width / 2, box.y + box.height / 2] : null
})()"""


class Page:
    """One tab."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self._socket, self._numbers = socket, count(1)
        self.failures: list[str] = []
        """Exceptions that nobody caught in the page."""

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """One command; its answer."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=60)
            if message.get("method") == "Runtime.exceptionThrown":
                self.failures.append(json.dumps(message["params"]["exceptionDetails"])[:500])
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def value(self, expression: str) -> Any:
        """Of an expression of JavaScript."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def becomes(self, expression: str, *, within: float = 60) -> Any:
        """Its first true value; a failure tells what the page shows."""
        deadline = time.monotonic() + within
        while not (found := await self.value(expression)):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within} s: {expression}\n{await self.text()}\n{self.failures}")
            await asyncio.sleep(0.1)
        return found

    async def text(self) -> str:
        """What a person can read."""
        return str(await self.value("document.body ? document.body.innerText : ''"))

    async def click(self, expression: str) -> None:
        """With the mouse, in the middle of an element, as soon as it is there and in sight."""
        x, y = await self.becomes(_MIDDLE % expression)
        for type_ in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=type_, x=x, y=y, button="left", clickCount=1)

    async def write(self, expression: str, text: str) -> None:
        """Into a field."""
        await self.click(expression)
        await self.call("Input.insertText", text=text)

    async def screenshot(self) -> bytes:
        """A PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


async def sign_in(page: Page, password: str = PASSWORD) -> None:
    """At Mage's form; with the right password, until its first page is there."""
    await page.write(FIELD.format("username"), OWNER)
    await page.write(FIELD.format("current-password"), password)
    await page.click(SIGN_IN)
    if password == PASSWORD:
        await page.becomes("location.pathname.endsWith('/overview')")


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A fresh one, with its files in `folder`, which it makes."""
    with _chromium(folder):
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(await _address(client, folder), max_msg_size=0) as socket,
        ):
            page = Page(socket)
            await page.call("Page.enable")
            await page.call("Runtime.enable")
            yield page


@contextmanager
def _chromium(folder: Path) -> Iterator[None]:
    needs({"chromium": "chromium"})
    width, height = WINDOW
    command = [
        *("chromium", "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}"),
        *(f"--window-size={width},{height}", "--disable-dev-shm-usage", "--no-first-run", "--disable-gpu"),
        *(["--no-sandbox"] if os.geteuid() == 0 else []),  # Chromium's sandbox is not for root
        "about:blank",
    ]
    folder.mkdir()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


async def _address(client: aiohttp.ClientSession, folder: Path) -> str:
    """Of the first tab."""
    told, deadline = folder / "DevToolsActivePort", time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if told.exists() and (port := told.read_text().partition("\n")[0]):
            async with client.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [target for target in await answer.json() if target["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        await asyncio.sleep(0.1)
    raise AssertionError(f"Chromium does not start:\n{(folder / 'log').read_text()}")
