"""A person in front of Mage's pages, which come through the gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.browser import Page, browser, sign_in
from tests.support.runs import Lab

from devkit.local_gateway import GatewayProcess
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)

CODE = """
import pandas as pd

@data_loader
def load(*args, **kwargs):
    print('told', 'by', 'the', 'block')
    return pd.DataFrame({'answer': [6 * 7]})
"""
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


async def test_the_form_tells_that_a_password_is_wrong(page: Page) -> None:
    """It reads that from an answer with status 200."""
    await sign_in(page, "wrong")
    await page.becomes(shows("Email/username and/or password invalid."))


async def test_a_block_is_run_from_its_editor(page: Page, owner: Mage, gateway: GatewayProcess, tmp_path: Path) -> None:
    owner.create_pipeline("edited")
    owner.add_block("edited", "load", "data_loader", CODE)
    await sign_in(page)
    await page.open(f"{gateway.url}/pipelines/edited/edit")
    await page.becomes(shows("return pd.DataFrame"))
    await page.becomes(shows("CPU: "))  # the kernel is there; before that a click is lost
    await page.click(RUN)
    await page.becomes(shows("told by the block"))  # as the kernel prints it, over the WebSocket
    await page.becomes(shows("1 row x 1 column"))
    await page.becomes(r"/answer\s+0\s+42\s/.test(document.body.innerText)")
    (tmp_path / "editor.png").write_bytes(await page.screenshot())  # pytest keeps it for whoever wants to look


async def test_runs_of_single_blocks_stand_in_the_history(page: Page, lab: Lab, tmp_path: Path) -> None:
    shown = f"{lab.gateway.url}/pipelines/{lab.pipeline('shown')}"
    lab.block("shown", "works", "print('told by', kwargs['who'])\nreturn 1")
    lab.block("shown", "fails", "raise ValueError('no such patient')")
    assert lab.output("shown", "works", variables={"who": "somebody"}) == [1]
    works = lab.newest("shown")
    assert lab.refusal("shown", "fails")[0] == 500
    await page.open(f"{lab.gateway.url}/sign-in")
    await sign_in(page)
    await page.open(f"{shown}/runs")
    await page.becomes(shows("Done"))
    await page.becomes(shows("Failed"))
    await page.click("[...document.querySelectorAll('tr')].find(row => row.innerText.includes('1 / 1'))")
    await page.click(
        "[...document.querySelectorAll('a, button')].find(tab => /^run details$/i.test(tab.innerText.trim()))"
    )
    await page.becomes(shows('"who": "somebody"'))
    await page.becomes(shows(str(works["started_at"]).replace(" ", "T")[:19]))
    (tmp_path / "runs.png").write_bytes(await page.screenshot())
    await page.open(f"{shown}/logs?pipeline_run_id[]={works['id']}")
    for told in ("told by", "somebody"):
        await page.becomes(shows(told))
    (tmp_path / "logs.png").write_bytes(await page.screenshot())
