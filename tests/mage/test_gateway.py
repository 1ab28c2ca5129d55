"""The gateway in front of a real Mage."""

import asyncio
import base64
import json
import urllib.request
import uuid

import aiohttp
import pytest
import requests
from tests.support.mage_api import Api

from devkit.local_gateway import GatewayProcess
from devkit.local_mage import OWNER, PASSWORD
from devkit.mage import API_KEY, Mage

pytestmark = pytest.mark.timeout(300)


def test_who_comes_through_the_gateway_uses_the_same_mage(owner: Mage, gateway: GatewayProcess) -> None:
    Mage(gateway.url).login(OWNER, PASSWORD).create_pipeline("through")
    assert "through" in owner.pipelines()


def test_the_pages_come_through(owner: Mage, gateway: GatewayProcess) -> None:
    with urllib.request.urlopen(gateway.url, timeout=30) as answer:
        assert answer.headers["Via"] == "1.1 magecluster-gateway"
        assert b"<html" in answer.read()


def test_a_file_is_uploaded_and_downloaded(gateway: GatewayProcess) -> None:
    """Even one that reads like an error of Mage's."""
    api = Api(gateway.url).login()
    content = b'{"error": {"code": 404, "message": "\xc3\xa4"}}' + b" " * 3_000_000
    root = {"api_key": API_KEY, "file": {"dir_path": "", "overwrite": True}}
    parts: dict[str, tuple[str | None, str | bytes]] = {
        "json_root_body": (None, json.dumps(root)),
        "file": ("up.json", content),
    }
    cookie = {"Cookie": f"oauth_token={api.token}", "X-API-KEY": API_KEY}
    sent = requests.post(f"{gateway.url}/api/files", files=parts, headers=cookie, timeout=60)
    assert sent.status_code == 200, sent.text
    token = api.good("POST", "files/up.json/downloads", {"download": {}})["download"]["token"]
    found = requests.get(f"{gateway.url}/api/downloads/{token}", timeout=60)
    assert found.status_code == 200, found.text[:200]
    assert (found.headers["Content-Disposition"], found.content) == ("attachment; filename=up.json", content)


@pytest.mark.parametrize("known", [True, False])
async def test_the_terminal_answers_whoever_is_known(gateway: GatewayProcess, known: bool) -> None:  # noqa: FBT001
    claims = (Api(gateway.url).login().token or "").split(".")[1]
    token = json.loads(base64.urlsafe_b64decode(claims + "=="))["token"] if known else "wrong"
    address = f"{gateway.url}/websocket/terminal?term_name={uuid.uuid4().hex}"
    async with aiohttp.ClientSession() as client, asyncio.timeout(60), client.ws_connect(address) as socket:
        command = {"api_key": API_KEY, "token": token, "command": ["stdin", "echo $((6*7))th\r"]}
        await socket.send_json(command)
        heard = ""
        while ("42th" if known else "Unauthorized access") not in heard:
            kind, *text = await socket.receive_json()
            heard += text[0] if kind == "stdout" else ""
        assert known == ("42th" in heard)
