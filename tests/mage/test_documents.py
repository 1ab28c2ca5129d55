"""The commands of docs/cluster-api.md, as they are printed there; only host and credentials are replaced."""

import re
import subprocess

import pytest
from tests.support.mage_api import Api
from tests.support.needs import needs
from tests.support.own_document import HOST, commands

from devkit.local_gateway import GatewayProcess
from devkit.local_mage import OWNER, PASSWORD
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)

OFFERED = {
    "pipelines": "POST GET PUT DELETE",
    "blocks": "POST GET PUT DELETE",
    "variables": "POST GET PUT DELETE",
    "secrets": "POST GET DELETE",
    "pipeline_schedules": "POST GET PUT DELETE",
    "pipeline_triggers": "POST GET",
    "pipeline_runs": "POST GET PUT DELETE",
    "block_runs": "GET",
    "users": "GET",
    "sessions": "PUT",
}
"""What Mage offers of each resource, but for what it cannot do: a user that it makes, it cannot show."""


def printed() -> str:
    return "".join(commands("CRUD by curl"))


def script(url: str) -> str:
    found = printed()
    for theirs, ours in ((HOST, url), ("owner@mage.local", OWNER), ('"…"', f'"{PASSWORD}"')):
        assert theirs in found, theirs
        found = found.replace(theirs, ours)
    return f"set -euo pipefail\n{found}"


def test_every_operation_that_mage_offers_is_there() -> None:
    calls = re.findall(r"\bcall (\w+) +[\"']?([^\s\"'?]+)", printed())
    found = {name: {method for method, path in calls if name in path.split("/")[-2:]} for name in OFFERED}
    assert {name: set(methods.split()) for name, methods in OFFERED.items()} == found


def run(text: str) -> "subprocess.CompletedProcess[str]":
    needs({"curl": "curl", "jq": "jq"})
    return subprocess.run(["/bin/bash", "-c", text], capture_output=True, text=True, check=False, timeout=120)


def test_the_commands_run_from_top_to_bottom(gateway: GatewayProcess, owner: Mage) -> None:
    done = run(script(gateway.url))
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout[-2000:]}"
    assert '"error"' not in done.stdout
    for shown in (
        "Sales of each day",
        '"timeout": 60',
        '"value": "south"',
        '"region": "west"',
        '"status": "cancelled"',
    ):
        assert shown in done.stdout
    assert "change-me" not in done.stdout
    assert "sales" not in owner.pipelines()
    assert "sales_password" not in Api(gateway.url).login()("GET", "secrets").text


def test_a_command_fails_where_mage_does(gateway: GatewayProcess) -> None:
    """As `--fail-with-body` tells by the status."""
    done = run(script(gateway.url).replace("call GET    pipelines/sales\n", "call GET pipelines/none\n", 1))
    assert done.returncode == 22
    assert done.stdout.endswith('"url_parameters": {"resource": "pipelines", "pk": "none"}}')
    Api(gateway.url).login().good("DELETE", "pipelines/sales")
