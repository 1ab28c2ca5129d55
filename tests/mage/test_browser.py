"""A person in front of Mage's pages, which come through the gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.browser import Page, browser

from devkit.local_gateway import GatewayProcess
from devkit.local_mage import OWNER, PASSWORD
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)

CODE = """
import pandas as pd

@data_loader
def load(*args, **kwargs):
    print('told', 'by', 'the', 'block')
    return pd.DataFrame({'answer': [6 * 7]})
"""
FIELD = "document.querySelector('input[autocomplete={}]')"
SIGN_IN = "[...document.querySelectorAll('button')].find(button => button.innerText.includes('Sign into Mage'))"
RUN = """document.querySelector('[class*=Circle__CircleStyle] path[d^="M8 4.13"]')"""
"""The triangle in a circle, at the head of a block."""


def shows(text: str) -> str:
    """Monaco writes spaces that do not break."""
    return f"document.body.innerText.replaceAll('\\u00a0', ' ').includes({text!r})"


@pytest.fixture
async def page(gateway: GatewayProcess, tmp_path: Path) -> AsyncIterator[Page]:
    async with browser(tmp_path / "chromium") as found:
        await found.open(f"{gateway.url}/sign-in")
        yield found


async def sign_in(page: Page, password: str) -> None:
    await page.write(FIELD.format("username"), OWNER)
    await page.write(FIELD.format("current-password"), password)
    await page.click(SIGN_IN)


async def test_the_form_tells_that_a_password_is_wrong(page: Page) -> None:
    """It reads that from an answer with status 200."""
    await sign_in(page, "wrong")
    await page.becomes(shows("Email/username and/or password invalid."))


async def test_a_block_is_run_from_its_editor(page: Page, owner: Mage, gateway: GatewayProcess, tmp_path: Path) -> None:
    owner.create_pipeline("edited")
    owner.add_block("edited", "load", "data_loader", CODE)
    await sign_in(page, PASSWORD)
    await page.becomes("location.pathname == '/overview'")
    await page.open(f"{gateway.url}/pipelines/edited/edit")
    await page.becomes(shows("return pd.DataFrame"))
    await page.click(RUN)
    await page.becomes(shows("told by the block"))  # as the kernel prints it, over the WebSocket
    await page.becomes(shows("1 row x 1 column"))
    await page.becomes(r"/answer\s+0\s+42\s/.test(document.body.innerText)")
    (tmp_path / "editor.png").write_bytes(await page.screenshot())  # pytest keeps it for whoever wants to look
