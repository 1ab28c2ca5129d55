"""A Mage that is set up otherwise: below a path of its host, with dynamic blocks of version 2 and data integrations."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.support.browser import browser, sign_in
from tests.support.mage_api import Api
from tests.support.runs import Lab, runs_lab

from devkit.local_gateway import STARTUP
from devkit.local_mage import LocalMage

pytestmark = pytest.mark.timeout(300)

BASE = "team"
FEATURES = "features:\n  data_integration_in_batch_pipeline: true\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("configured")
    mage = LocalMage(folder, PYTHONPATH=f"{STARTUP}:{folder}", MAGE_BASE_PATH=BASE, DYNAMIC_BLOCKS_VERSION="2")
    try:
        owner = mage.start().owner()
        with (mage.project / "metadata.yaml").open("a") as file:
            file.write(FEATURES)
        with runs_lab(mage, owner, folder) as found:
            yield found
    finally:
        mage.stop()


def test_everything_is_below_the_path(lab: Lab) -> None:
    api = Api(f"{lab.gateway.url}/{BASE}").login()
    assert api("GET", "pipelines/none").status_code == 404
    lab.block(lab.pipeline("below"), "below", "return 1")
    assert lab.output("below", "below") == [1]
    trigger = lab.owner.trigger("below")
    started = api("POST", f"pipeline_schedules/{trigger.id}/pipeline_runs/{trigger.token}", {})
    assert started.json()["pipeline_run"]["pipeline_uuid"] == "below"
    refused = api("POST", f"pipeline_schedules/{trigger.id}/pipeline_runs/wrong", {})
    assert refused.status_code == 401
    assert requests.post(f"{lab.gateway.url}/api/runs/{lab.token}", json={}, timeout=60).status_code == 404


async def test_the_pages_are_too(lab: Lab, tmp_path: Path) -> None:
    async with browser(tmp_path / "chromium") as page:
        await page.open(f"{lab.gateway.url}/{BASE}/sign-in")
        await sign_in(page)
        await page.becomes(f"location.pathname == '/{BASE}/overview'")
        (tmp_path / "overview.png").write_bytes(await page.screenshot())


def test_children_of_dynamic_blocks_of_version_2_are_refused(lab: Lab) -> None:
    pipeline = lab.pipeline("dynamic")
    lab.block(pipeline, "many", "return [1, 2]", configuration={"dynamic": True})
    lab.block(pipeline, "each", "return inputs[0]", "many")
    code, _, message = lab.refusal(pipeline, "each", run_upstream_blocks=True)
    assert (code, "version 2" in message) == (422, True), message


def test_data_integrations_are_refused(lab: Lab) -> None:
    pipeline = lab.pipeline("integrates")
    lab.raw(pipeline, "source", "source: titanic\n", kind="data_loader", language="yaml")
    code, _, message = lab.refusal(pipeline, "source")
    assert (code, "data integration" in message) == (422, True), message
