"""A browser that logs in by OpenID Connect, at the whole Cloud API."""

import asyncio
from collections.abc import AsyncIterator
from http.cookies import Morsel
from pathlib import Path

import aiohttp
import pytest
from tests.support.cloud_api import BOOTSTRAP, CloudApi, a_team
from tests.support.eventually import eventually
from tests.support.kube import Namespace
from tests.support.oidc import CLIENT, EMAIL, SECRET, Provider, a_browser, a_provider, answering, log_in, walk

from devkit.cluster import Cluster

CALLBACK = "/api/v1/oidc/callback"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as found:
        yield found


def options(provider: Provider, tmp_path: Path) -> list[str]:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    return [
        f"--oidc-issuer={provider.url}",
        f"--oidc-client-id={CLIENT}",
        f"--oidc-client-secret-file={file}",
        "--oidc-claim=roles",
    ]


@pytest.fixture
async def api(bare: Namespace, provider: Provider, tmp_path: Path) -> AsyncIterator[CloudApi]:
    found = CloudApi(bare.cluster.kubeconfig, tmp_path / "log", bare.name, *options(provider, tmp_path)).start()
    try:
        await asyncio.to_thread(found.ready)
        await asyncio.to_thread(eventually, lambda: "Made the first account" in found.log.read_text())
        yield found
    finally:
        found.stop()
    assert not found.tracebacks()
    assert SECRET not in found.log.read_text()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with a_browser() as found:
        yield found


def cookie(answer: aiohttp.ClientResponse, name: str) -> "Morsel[str]":
    return answer.cookies[name]


async def test_a_browser_logs_in_and_is_logged_in(
    cluster: Cluster, bare: Namespace, api: CloudApi, provider: Provider, browser: aiohttp.ClientSession
) -> None:
    team = a_team("data", f"{bare.name}-data", groups=[{"name": "analysts", "role": "Editor"}])
    await asyncio.to_thread(bare.apply, team)
    provider.claims["roles"] = ["analysts"]
    token = await log_in(browser, api.url())
    client = api.client(token)
    user = (await asyncio.to_thread(client.get, "/user"))["user"]
    assert (user["email"], user["name"], user["admin"]) == (EMAIL, "Grace", False)
    assert user["teams"] == [{"team": "data", "role": "Editor"}]
    async with browser.get(f"{api.url()}/api/v1/user") as answer:
        assert answer.status == 200, "the browser has the cookie"
    login = [line for line in api.audit() if line["action"] == "finishOidcLogin"]
    assert [(line["who"], line["outcome"]) for line in login] == [(EMAIL, 200)]
    assert login[0]["token"]
    assert token not in api.log.read_text()
    assert 'magecluster_cloud_logins_total{outcome="success"} 1.0' in await asyncio.to_thread(api.get, "/metrics")


async def test_cookies_are_for_the_browser_only(api: CloudApi, browser: aiohttp.ClientSession) -> None:
    async with browser.get(f"{api.url()}/api/v1/oidc/login", allow_redirects=False) as begun:
        away = cookie(begun, "oidc_login")
        assert (away["path"], away["max-age"]) == (CALLBACK, "600")
    status, body, answer = await walk(browser, api.url())
    assert status == 200
    back = cookie(answer, "oauth_token")
    assert back.value == body["session"]["token"]
    assert (back["path"], back["max-age"]) == ("/", "86400")
    for one in (away, back):
        assert (one["httponly"], one["samesite"], one["secure"]) == (True, "Lax", "")
    assert cookie(answer, "oidc_login")["max-age"] == "0"
    for page in (begun, answer):
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
    async with browser.get(answer.url) as again:
        assert again.status == 401


async def test_another_browser_cannot_go_on(api: CloudApi, provider: Provider, browser: aiohttp.ClientSession) -> None:
    async with browser.get(f"{api.url()}/api/v1/oidc/login", allow_redirects=False) as begun:
        away = begun.headers["Location"]
    async with a_browser() as another, another.get(away) as answer:
        assert answer.status == 401
        assert (await answer.json())["error"]["type"] == "unauthenticated"
    assert not provider.asked["/token"]


async def test_refusals_have_our_shape_and_are_audited(
    api: CloudApi, provider: Provider, browser: aiohttp.ClientSession
) -> None:
    provider.error = "access_denied"
    assert (await walk(browser, api.url()))[0] == 403
    provider.error, provider.claims["email"] = None, BOOTSTRAP
    status, body, answer = await walk(browser, api.url())
    assert (status, body["error"]["type"]) == (409, "conflict")
    assert "oauth_token" not in answer.cookies
    provider.instead["/token"] = answering(503, {})
    status, body, answer = await walk(browser, api.url())
    assert (status, body["error"]["code"], answer.headers["Retry-After"]) == (503, 503, "10")
    assert [line["outcome"] for line in api.audit() if line["action"] == "finishOidcLogin"] == [403, 409, 503]


async def test_it_is_not_there_unless_it_is_configured(cloud_api: CloudApi) -> None:
    for page in ("login", "callback"):
        answer = await asyncio.to_thread(cloud_api.client(), "GET", f"/oidc/{page}")
        assert answer.status_code == 404
        assert "--oidc-issuer" in answer.json()["error"]["message"]


async def test_a_login_goes_on_after_a_restart_and_cookies_stay_on_encrypted_ways(
    bare: Namespace, provider: Provider, browser: aiohttp.ClientSession, tmp_path: Path
) -> None:
    public = "https://mage.example"
    words = [*options(provider, tmp_path), "--bootstrap-admin=", f"--public-url={public}"]
    api = CloudApi(bare.cluster.kubeconfig, tmp_path / "log", bare.name, *words).start()
    await asyncio.to_thread(api.ready)
    async with browser.get(f"{api.url()}/api/v1/oidc/login", allow_redirects=False) as begun:
        away, kept = begun.headers["Location"], cookie(begun, "oidc_login")
    async with browser.get(away, allow_redirects=False) as answer:
        back = answer.headers["Location"]
    assert back.startswith(public + CALLBACK)
    await asyncio.to_thread(api.stop)
    await asyncio.to_thread(lambda: api.start().ready())
    by_ingress = back.replace(public, api.url())
    async with browser.get(by_ingress, headers={"Cookie": f"oidc_login={kept.value}"}) as answer:
        assert answer.status == 200, await answer.text()
        assert cookie(answer, "oauth_token")["secure"]
    assert kept["secure"]
    api.stop()
    assert not api.tracebacks()
