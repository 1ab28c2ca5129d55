"""What the gateway makes of Mage's bodies, and where it leads paths; the Cloud API is a server of the test's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.support.eventually import eventually_async
from tests.support.gateway import entrance

from magecluster.gateway import neighbours

Json = dict[str, Any]
PATH = "/api/workspaces"


def known(name: str, address: str, state: str = "Active") -> Json:
    """As the Cloud API tells of one."""
    return {
        "name": name,
        "cluster": f"lab-{name}",
        "namespace": "data",
        "path": f"/{name}",
        "address": address,
        "status": "Active",
        "state": state,
        "message": "as expected",
        "image": "mageai/mageai:0.9.80",
        "resources": {"requests": {}, "limits": {"cpu": "1"}},
        "storage": {"size": "2Gi", "storage_class_name": None, "access_mode": "ReadWriteOnce", "retention": "Delete"},
        "ingress": False,
        "uuid": "u-1",
        "created_at": None,
    }


class Installation:
    """A Mage, a runner that knows one caller, a Cloud API with some workspaces, and the workspaces themselves."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self.caller = {"name": "ann@example.com", "admin": True, "owner": True}
        self.asked: list[tuple[str, str, str, Any]] = []
        self.refuses: tuple[int, Json] | None = None
        self.there: dict[str, Json] = {}
        self.lets = asyncio.Event()
        """The Cloud API tell what there was when it was asked."""
        self.lets.set()

    async def _serve(self, handler: Any) -> str:
        server = web.ServerRunner(web.Server(handler), shutdown_timeout=1)
        await server.setup()
        self._stack.push_async_callback(server.cleanup)
        await web.TCPSite(server, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{server.addresses[0][1]}"

    async def mage(self, name: str) -> str:
        """Tells who it is and what it was asked for."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            return web.json_response({"who": name, "path": request.path_qs, "host": request.headers["Host"]})

        return await self._serve(answer)

    async def _cloud(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path_qs, request.headers["Authorization"], body))
        there = list(self.there.values())
        if request.method == "GET":
            await self.lets.wait()
        if self.refuses:
            return web.json_response(self.refuses[1], status=self.refuses[0])
        if request.path.endswith("/workspaces") and request.method == "GET":
            return web.json_response({"workspaces": there})
        return web.json_response({"workspace": known("anna", "http://127.0.0.1:1")}, status=200)

    async def _runner(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(json.dumps({"caller": self.caller}).encode() + b"\n")
        writer.close()

    async def door(self, **settings: Any) -> aiohttp.ClientSession:
        token, socket = self._folder / "token", self._folder / "runner.sock"
        token.write_text("pod-token\n")
        listening = await asyncio.start_unix_server(self._runner, socket)
        self._stack.callback(listening.close)
        chosen = {"cloud_api": await self._serve(self._cloud), "cloud_api_token": token, **settings}
        upstream = await self.mage("parent")
        return (await entrance(self._stack, upstream=upstream, runner_socket=socket, **chosen)).client


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    async with AsyncExitStack() as stack:
        yield Installation(stack, tmp_path)


async def call(client: aiohttp.ClientSession, method: str, path: str, body: object = None) -> tuple[int, Any]:
    async with client.request(method, path, json=body) as answer:
        return answer.status, await answer.json()


async def test_mages_body_becomes_a_wish_of_ours(installation: Installation) -> None:
    client = await installation.door()
    config = "image: registry.example.com/mage:1.2\nresources: {limits: {cpu: 2}}\nenv:\n- {name: A, value: '1'}\n"
    body = {
        "name": "anna",
        "cluster_type": "k8s",
        "namespace": "data",
        "container_config": config,
        "ingress_name": "lab",
        "pvc_retention_policy": "Delete",
        "storage_access_mode": "ReadWriteOnce",
        "storage_class_name": "fast",
        "storage_request_size": 3,
    }
    status, answer = await call(client, "POST", PATH, {"workspace": body, "api_key": "k"})
    assert status == 200
    assert installation.asked[-1] == (
        "POST",
        "/api/v1/workspaces",
        "Bearer pod-token",
        {
            "workspace": {
                "name": "anna",
                "namespace": "data",
                "image": {"repository": "registry.example.com/mage", "tag": "1.2", "digest": None},
                "image_tag": None,
                "resources": {"limits": {"cpu": 2}},
                "variables": {"A": "1"},
                "storage": {
                    "size": "3Gi",
                    "storage_class_name": "fast",
                    "access_mode": "ReadWriteOnce",
                    "retention": "Delete",
                },
                "ingress": True,
                "ingress_name": "lab",
                "for": "ann@example.com",
            }
        },
    )
    found = answer["workspace"]
    assert (found["success"], found["name"], found["access"], found["cluster_type"]) == (True, "anna", 1, "k8s")
    assert found["url"] == f"http://127.0.0.1:{client._base_url.port}/anna"  # type: ignore[union-attr]  # noqa: SLF001


@pytest.mark.parametrize(
    ("sent", "wish"),
    [
        ({"action": "stop"}, {"status": "Stopped"}),
        ({"action": "resume"}, {"status": "Active"}),
        ({"action": "add_to_ingress"}, {"ingress": True, "namespace": None, "ingress_name": None}),
        (
            {"action": "patch", "container_config": "image_tag: 0.9.79", "update_workspace_settings": True},
            {"image_tag": "0.9.79", "renew": True, "variables": {}, "namespace": None, "ingress_name": None},
        ),
        (
            {"action": "patch", "container_config": {"image": "a@sha256:" + "0" * 64}},
            {
                "image": {"repository": "a", "tag": None, "digest": "sha256:" + "0" * 64},
                "image_tag": None,
                "renew": False,
                "variables": {},
                "namespace": None,
                "ingress_name": None,
            },
        ),
    ],
)
async def test_actions_are_changes(installation: Installation, sent: Json, wish: Json) -> None:
    client = await installation.door()
    status, answer = await call(client, "PUT", f"{PATH}/anna", {"workspace": sent})
    assert (status, answer["workspace"]["success"]) == (200, True)
    method, path, _, body = installation.asked[-1]
    assert (method, path, body) == ("PUT", "/api/v1/workspaces/anna", {"workspace": {**wish, "for": "ann@example.com"}})


@pytest.mark.parametrize(
    ("method", "sent", "told"),
    [
        ("POST", {}, '"name" is missing'),
        ("POST", {"name": "a", "colour": 1}, "unknown keys colour"),
        ("POST", {"name": "a", "cluster_type": "ecs"}, '"cluster_type" is to be one of k8s'),
        ("POST", {"name": "a", "service_account_name": "admin"}, "rights of another account"),
        ("POST", {"name": "a", "lifecycle_config": {"post_start": {}}}, "not offered"),
        ("POST", {"name": "a", "storage_request_size": "2Gi"}, "number of GiB"),
        ("POST", {"name": "a", "storage_request_size": True}, "number of GiB"),
        ("POST", {"name": "a", "pvc_retention_policy": "Keep"}, "one of Retain, Delete"),
        ("POST", {"name": "a", "container_config": "image: [1"}, "no YAML in line 1"),
        ("POST", {"name": "a", "container_config": "- 1"}, "to be YAML such as"),
        ("POST", {"name": "a", "container_config": "securityContext: {privileged: true}"}, "has securityContext"),
        ("POST", {"name": "a", "container_config": "env: [{name: A, valueFrom: {}}]"}, "references are refused"),
        ("POST", {"name": "a", "container_config": "env: [{name: A, value: 1}]"}, "put it into quotes"),
        ("POST", {"name": "a", "container_config": "image: 'a b'"}, "reference such as"),
        ("PUT", {}, '"action" is missing'),
        ("PUT", {"action": "restart"}, "one of stop, resume"),
        ("PUT", {"action": "stop", "container_config": "image: a"}, 'for the action "patch"'),
        ("PUT", {"action": "patch", "update_workspace_settings": "yes"}, "true or false"),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_asked(
    installation: Installation, method: str, sent: Json, told: str
) -> None:
    client = await installation.door()
    status, answer = await call(client, method, PATH if method == "POST" else f"{PATH}/anna", {"workspace": sent})
    assert (status, told in answer["error"]["message"]) == (400, True), answer
    assert installation.asked == []


async def test_only_owners_manage_workspaces(installation: Installation) -> None:
    client = await installation.door()
    installation.caller["owner"] = False
    for method, path in (("GET", PATH), ("POST", PATH), ("PUT", f"{PATH}/a"), ("DELETE", f"{PATH}/a")):
        assert (await call(client, method, path, {"workspace": {"name": "a"}}))[0] == 403
    assert installation.asked == []


async def test_other_methods_and_names_that_none_can_have_are_refused(installation: Installation) -> None:
    client = await installation.door()
    for path, allowed in ((PATH, "GET, POST, OPTIONS"), (f"{PATH}/anna", "GET, PUT, DELETE, OPTIONS")):
        async with client.patch(path) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert (await call(client, "GET", f"{PATH}/A%20b"))[0] == 404
    assert installation.asked == []


@pytest.mark.parametrize(
    ("code", "told", "status"),
    [(404, "not_found", 404), (409, "limit_exceeded", 409), (403, "forbidden", 403), (401, "unauthenticated", 502)],
)
async def test_what_the_cloud_api_refuses_is_passed_on(
    installation: Installation, code: int, told: str, status: int
) -> None:
    client = await installation.door()
    installation.refuses = (code, {"error": {"code": code, "type": told, "message": "because"}})
    found, answer = await call(client, "GET", f"{PATH}/anna")
    assert (found, answer["error"]["code"], "because" in answer["error"]["message"]) == (status, status, True)


async def test_a_cloud_api_that_is_away_is_a_reason_to_try_again(installation: Installation) -> None:
    client = await installation.door(cloud_api="http://127.0.0.1:1")
    status, answer = await call(client, "GET", PATH)
    assert (status, answer["error"]["type"]) == (503, "cloud_api_unavailable")
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "parent"


async def test_without_a_cloud_api_there_are_none(installation: Installation) -> None:
    client = await installation.door(cloud_api=None)
    status, answer = await call(client, "GET", PATH)
    assert (status, "--cloud-api" in answer["error"]["message"]) == (501, True)
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "parent"


async def test_states_are_real_ones_with_mages_words_beside(installation: Installation) -> None:
    client = await installation.door()
    states = {"Active": "RUNNING", "Starting": "PENDING", "Stopped": "STOPPED", "Degraded": "UNAVAILABLE"}
    installation.there = {state: known(state.lower(), "http://127.0.0.1:1", state) for state in states}
    _, answer = await call(client, "GET", f"{PATH}?cluster_type=k8s&namespace[]=data")
    assert {each["state"]: each["instance"]["status"] for each in answer["workspaces"]} == states
    assert (await call(client, "GET", f"{PATH}?namespace[]=other"))[1]["workspaces"] == []


async def test_a_workspace_is_served_below_its_name_and_mages_own_paths_are_not(installation: Installation) -> None:
    client = await installation.door()
    installation.there = {name: known(name, await installation.mage(name)) for name in ("anna", "pipelines")}
    for path in ("/anna", "/anna/", "/anna/api/status?a=1"):
        _, answer = await call(client, "GET", path)
        assert (answer["who"], answer["path"]) == ("anna", path)
        assert answer["host"] == f"127.0.0.1:{client._base_url.port}"  # type: ignore[union-attr]  # noqa: SLF001
    looks = len(installation.asked)
    for path in ("/", "/pipelines", "/pipelines/anna", "/api/anna", "/favicon.ico", "/Anna", "/_next/anna"):
        assert (await call(client, "GET", path))[1]["who"] == "parent"
    assert len(installation.asked) == looks == 1


async def test_below_a_base_path_workspaces_are_below_it_too(installation: Installation) -> None:
    client = await installation.door(base_path="/team")
    installation.there = {"anna": known("anna", await installation.mage("anna"))}
    assert (await call(client, "GET", "/team/anna/x"))[1]["who"] == "anna"
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "parent"


async def test_what_the_gateway_changes_itself_is_known_at_once(installation: Installation) -> None:
    client = await installation.door()
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "parent"
    installation.there = {"anna": known("anna", await installation.mage("anna"))}
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "parent", "the list is good for some seconds"
    await call(client, "POST", PATH, {"workspace": {"name": "anna"}})
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "anna"
    installation.there = {}
    await call(client, "DELETE", f"{PATH}/anna")
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "parent"


async def test_while_the_cloud_api_is_away_known_workspaces_are_served(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(neighbours, "FRESH_SECONDS", 0)
    client = await installation.door()
    installation.there = {"anna": known("anna", await installation.mage("anna"))}
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "anna"
    installation.refuses = (503, {"error": {"code": 503, "type": "unavailable", "message": "no"}})
    looks = len(installation.asked)
    for _ in range(3):
        assert (await call(client, "GET", "/anna/x"))[1]["who"] == "anna"
        assert (await call(client, "GET", "/none/x"))[1]["who"] == "parent", "waits for the list"
    assert len(installation.asked) > looks
    told = capfd.readouterr()
    assert (told.out + told.err).count("Could not find out which workspaces there are: no") == 1


async def test_known_workspaces_do_not_wait_for_a_cloud_api_that_hangs(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "FRESH_SECONDS", 0)
    client = await installation.door()
    installation.there = {"anna": known("anna", await installation.mage("anna"))}
    assert (await call(client, "GET", "/anna/x"))[1]["who"] == "anna"
    installation.there["bob"] = known("bob", await installation.mage("bob"))
    installation.lets.clear()
    looks = len(installation.asked)
    for _ in range(3):
        assert (await call(client, "GET", "/anna/x"))[1]["who"] == "anna"
    unknown = asyncio.create_task(call(client, "GET", "/bob/x"))
    await asyncio.sleep(0)
    installation.lets.set()
    assert (await unknown)[1]["who"] == "bob"
    assert len(installation.asked) <= looks + 2, "one look at a time"


async def test_a_list_from_before_a_change_does_not_count(installation: Installation) -> None:
    client = await installation.door()
    installation.there = {"anna": known("anna", await installation.mage("anna"))}
    installation.lets.clear()
    early = asyncio.create_task(call(client, "GET", "/anna/x"))
    await eventually_async(lambda: len(installation.asked) == 1)
    await call(client, "DELETE", f"{PATH}/anna")
    installation.there = {}
    installation.lets.set()
    assert (await early)[1]["who"] == "parent"


async def test_the_cloud_api_is_told_who_deletes(installation: Installation) -> None:
    client = await installation.door()
    await call(client, "DELETE", f"{PATH}/anna")
    method, path, _, body = installation.asked[-1]
    assert (method, path, body) == ("DELETE", "/api/v1/workspaces/anna?for=ann@example.com", None)


@pytest.mark.parametrize(("size", "told"), [("2Gi", 2), ("1Ti", 1024), ("512Mi", 0.5)])
async def test_the_size_is_told_in_the_unit_that_a_request_has(
    installation: Installation, size: str, told: float
) -> None:
    client = await installation.door()
    found = known("anna", "http://127.0.0.1:1")
    found["storage"]["size"] = size
    installation.there = {"anna": found}
    _, answer = await call(client, "GET", PATH)
    assert answer["workspaces"][0]["storage_request_size"] == told
