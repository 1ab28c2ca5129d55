"""Deployments asked for through the gateway, into the project of a Mage that runs."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.mage.test_deployer import wheel
from tests.support.deployments import PROJECT, pipeline
from tests.support.git_server import HttpServer, Origin
from tests.support.mage_api import Api
from tests.support.needs import needs
from tests.support.own_document import HOST, commands, section
from tests.support.runs import Lab, refusal, runs_lab

from devkit.local_gateway import OPERATOR, STARTUP, DeployerProcess
from devkit.local_mage import LocalMage

pytestmark = pytest.mark.timeout(300)

Json = dict[str, Any]

SECTION = "Deployments of Git commits"
WAIT = (("Prefer", "wait=100"),)


@dataclass(frozen=True)
class Deploys:
    """A Mage with a repository."""

    lab: Lab
    origin: Origin
    api: Api
    """The owner, through the gateway, who waits for the end."""

    def __call__(self, **source: object) -> requests.Response:
        return self.api("POST", "deployment_settings/production/deployments", {"deployment": {"source": source}})


@pytest.fixture(scope="module")
def deploys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deploys]:
    folder = tmp_path_factory.mktemp("deploys")
    mage = LocalMage(folder, PYTHONPATH=f"{STARTUP}:{folder}")
    (folder / "origin").mkdir(parents=True)
    origin = Origin(folder / "origin")
    credentials = folder / "credentials"
    credentials.mkdir()
    try:
        owner = mage.start().owner()
        with HttpServer(folder / "origin") as server:
            (credentials / "token").write_text(server.token)
            with (
                DeployerProcess(mage.project, folder, server.url, f"--credentials={credentials}") as deployer,
                runs_lab(mage, owner, folder, f"--deployer-socket={deployer.socket}") as lab,
            ):
                api = Api(lab.gateway.url, headers=WAIT).login()
                yield Deploys(lab, origin, api)
                assert "Traceback" not in deployer.log.read_text()
    finally:
        mage.stop()


def test_a_commit_goes_live_while_mage_runs(deploys: Deploys) -> None:
    lab = deploys.lab
    assert lab.token  # its pipeline is one that people have made, and is kept
    commit = deploys.origin.commit({**PROJECT, **pipeline("sales", "return 'first'")})
    found = deploys(version=commit, name="why")
    assert found.status_code == 200, found.text
    record = found.json()["deployment"]
    assert (record["status"], record["commit"], record["requested_by"]) == ("succeeded", commit, "owner@example.com")
    assert lab.owner.pipelines() == ["sales"]
    assert lab.output("sales", "sales") == ["first"]
    deploys.origin.commit(pipeline("sales", "return 'second'"))
    assert deploys().status_code == 200
    assert lab.output("sales", "sales") == ["second"]
    path = f"deployment_settings/production/deployments/{record['id'] + 1}"
    back = deploys.api("PUT", path, {"deployment": {"action": "rollback"}})
    assert back.json()["deployment"]["rollback_of"] == record["id"] + 1
    assert lab.output("sales", "sales") == ["first"]


def test_packages_belong_to_the_commit(deploys: Deploys) -> None:
    name = "told-1.0-py3-none-any.whl"
    needing = {**PROJECT, **pipeline("needs", "import told; return told.TOLD")}
    with_them = deploys.origin.commit({**needing, "requirements.txt": f"./{name}\n", name: wheel()})
    without = deploys.origin.commit({"requirements.txt": None})
    assert deploys(version=with_them).status_code == 200
    assert deploys.lab.output("needs", "needs") == [1]
    assert deploys.lab.output("needs", "needs") == [1]
    assert deploys(version=without).status_code == 200
    assert deploys.lab.refusal("needs", "needs")[1] == "ModuleNotFoundError"


def test_failures_are_told_by_the_status(deploys: Deploys) -> None:
    deploys.origin.commit({**PROJECT, "pipelines/broken/metadata.yaml": "blocks: ["}, branch="broken")
    found = deploys(head={"name": "broken"})
    assert found.status_code == found.json()["error"]["code"] == 422
    assert "broken does not load" in found.json()["error"]["message"]
    looked = deploys.api("GET", f"deployment_settings/production/deployments/{found.json()['deployment']['id']}")
    assert looked.json()["deployment"]["status"] == "failed"
    deploys.origin.commit({"pipelines/broken/metadata.yaml": None}, branch="broken")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/other", None, 404),
        ("POST", "", {}, 405),
        ("PUT", "/production/deployments", {}, 405),
        ("DELETE", "/production/deployments/1", None, 405),
        ("GET", "/production/deployments/999", None, 404),
        ("GET", "/production/deployments/x", None, 404),
        ("PUT", "/production/deployments/1", {"deployment": {"action": "x"}}, 400),
        ("POST", "/production/deployments", {}, 400),
        ("POST", "/production/deployments", b"{", 400),
        ("POST", "/production/deployments", {"deployment": {"other": 1}}, 400),
        ("POST", "/production/deployments", {"deployment": {"source": {"version": 5}}}, 400),
        ("POST", "/production/deployments", {"deployment": {"stage": {"branch": {"name": "other"}}}}, 400),
        ("GET", "/production/deployments?_limit=x", None, 400),
    ],
)
def test_what_cannot_be_meant_is_refused(deploys: Deploys, method: str, path: str, body: Json, status: int) -> None:
    assert refusal(deploys.api(method, f"deployment_settings{path}", body))[0] == status


def test_who_has_no_session_learns_nothing(deploys: Deploys) -> None:
    url, other_key = deploys.lab.gateway.url, f"{(deploys.api.token or '')[:-4]}AAAA"
    nobody = [Api(url), Api(url, key=None), *(Api(url, token=token) for token in ("x", "a.b.c", other_key))]
    for api in nobody:
        code, type_, _ = refusal(api("GET", "deployment_settings"))
        assert (code, type_) == (401, "unauthenticated")


def test_who_may_not_change_everything_deploys_nothing(deploys: Deploys) -> None:
    email, password = "editor@example.com", "editor-password"
    user = {"email": email, "username": "editor", "password": password, "password_confirmation": password}
    deploys.api("POST", "users", {"user": user})  # answered by 500, and made all the same
    editor = Api(deploys.lab.gateway.url).login(email, password)
    assert refusal(editor("GET", "deployment_settings/production/deployments"))[0] == 403


def test_a_gateway_without_a_deployer_says_what_to_set(lab: Lab) -> None:
    api = Api(lab.gateway.url).login()
    assert api("GET", "deployment_settings").json() == {"deployment_settings": []}
    code, _, message = refusal(api("POST", "deployment_settings/production/deployments", {"deployment": {}}))
    assert (code, "spec.git" in message) == (404, True)


def test_lists_have_pages(deploys: Deploys) -> None:
    whole = deploys.api.good("GET", "deployment_settings/production/deployments")
    part = deploys.api.good("GET", "deployment_settings/production/deployments?_limit=1&_offset=1")
    assert part["deployments"] == whole["deployments"][1:2]
    assert part["metadata"] == {"count": len(whole["deployments"]), "results": 1, "next": len(whole["deployments"]) > 2}


def test_the_commands_of_our_document(deploys: Deploys, tmp_path: Path) -> None:
    needs({"curl": "curl"})
    commit = deploys.origin.commit({**PROJECT, **pipeline("documented")})
    (script,) = commands(SECTION)
    setting = f"set -e\nTOKEN='{deploys.api.token}'\nCOMMIT={commit}\n"
    done = subprocess.run(
        ["/bin/bash", "-c", setting + script.replace(HOST, deploys.lab.gateway.url)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    made, listed, first, back, settings = bodies(done.stdout)
    assert made["deployment"]["commit"] == commit
    assert (listed["metadata"]["count"], first["deployment"]["id"]) == (made["deployment"]["id"], 1)
    assert (back["deployment"]["status"], back["deployment"]["rollback_of"]) == ("succeeded", 1)
    assert settings["deployment_settings"][0]["live"]["deployment"] == back["deployment"]["id"]


def bodies(text: str) -> list[Json]:
    """One after the other."""
    found, decoder = [], json.JSONDecoder()
    while text.strip():
        body, end = decoder.raw_decode(text.strip())
        found.append(body)
        text = text.strip()[end:]
    return found


def test_every_status_is_in_the_document() -> None:
    told = {int(row) for row in re.findall(r"^\| (\d+) \|", section(SECTION), re.MULTILINE)}
    files = [*(OPERATOR / "magecluster_deployer").glob("*.py"), OPERATOR / "magecluster/gateway/deployments.py"]
    code = "".join(file.read_text() for file in files)
    found = {int(status) for status in re.findall(r"(?:Error|refusal)\(\s*(\d{3}),", code)}
    assert found - told == set()
