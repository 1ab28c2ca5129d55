"""An OpenID provider that fails, refuses, or does not answer."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.eventually import eventually_async
from tests.support.oidc import EMAIL, SECRET, SUBJECT, Provider, a_provider, answering, waiting_for
from tests.support.oidc_server import DISCOVERY, REDIRECT, Server, other

from magecluster.cloud.errors import (
    CloudError,
    ForbiddenError,
    UnauthenticatedError,
    UnavailableError,
)
from magecluster.cloud.login.oidc import http
from magecluster.cloud.login.oidc.http import ProviderError
from magecluster.cloud.login.oidc.provider import Metadata, check_addresses

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4] / "operator")}


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as found:
        yield found


@pytest.fixture
def server(provider: Provider) -> Server:
    return Server(provider)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", ForbiddenError),
        ("login_required", UnauthenticatedError),
        ("temporarily_unavailable", UnavailableError),
        ("unauthorized_client", ProviderError),
        ("<script>", ProviderError),
    ],
)
async def test_an_error_instead_of_a_code(server: Server, error: str, kind: type[CloudError]) -> None:
    server.provider.error = error
    assert error not in await server.refusal(kind)


async def test_neither_code_nor_error(server: Server) -> None:
    await server.refusal(ProviderError, other(await server.leave(), code=None))


@pytest.mark.parametrize(
    ("required", "told", "fine"), [(True, None, False), (False, "other", False), (True, "right", True)]
)
async def test_the_answer_is_that_of_this_provider(
    server: Server, provider: Provider, required: object, told: str | None, *, fine: bool
) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": required}
    provider.iss = provider.url if told == "right" else told
    if fine:
        await server.login()
    else:
        assert "not that of the configured" in await server.refusal()


@pytest.mark.parametrize(
    ("path", "answer", "kind"),
    [
        ("/token", answering(400, {"error": "invalid_grant"}), UnauthenticatedError),
        ("/token", answering(401, {"error": "invalid_client"}), ProviderError),
        ("/token", answering(400, {"error": ["odd"]}), ProviderError),
        ("/token", answering(200, {"error": "server_error"}), UnavailableError),
        ("/token", answering(403, {"id_token": "rubbish"}), ProviderError),
        ("/token", answering(200, {"access_token": "x"}), ProviderError),
        ("/token", answering(200, {"id_token": "rubbish"}), UnauthenticatedError),
        ("/token", answering(200, {"id_token": "a.b.c"}), UnauthenticatedError),
        ("/token", answering(200, {"id_token": ""}), UnauthenticatedError),
        ("/token", answering(200, []), ProviderError),
        ("/token", answering(200, text="<html>"), ProviderError),
        ("/token", answering(200, text="[" * 100_000), ProviderError),
        ("/token", answering(429, {"error": "slow_down"}), UnavailableError),
        ("/token", answering(500, text="oops"), UnavailableError),
        ("/jwks", answering(404, {}), ProviderError),
        ("/jwks", answering(200, {}), ProviderError),
        ("/jwks", answering(200, {"keys": "none"}), ProviderError),
        ("/jwks", answering(503, {}), UnavailableError),
        ("/userinfo", answering(401, {}), ProviderError),
        ("/userinfo", answering(200, {}), ForbiddenError),
    ],
)
async def test_an_endpoint_that_fails(server: Server, path: str, answer: Any, kind: type[CloudError]) -> None:
    server.provider.userinfo = {"sub": SUBJECT}
    server.provider.claims["email"] = None
    server.provider.instead[path] = answer
    message = await server.refusal(kind)
    assert not any(said in message for said in ("rubbish", "slow_down", "oops", "odd", SECRET))


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"issuer": "http://issuer.example"}, "another issuer"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"jwks_uri": 7}, "jwks_uri"),
        ({"token_endpoint": "ftp://issuer.example/token"}, "no URL"),
        ({"jwks_uri": "/jwks"}, "no URL"),
        ({"jwks_uri": "http:///jwks"}, "no URL"),
    ],
)
async def test_a_discovery_document_that_cannot_be_used(server: Server, document: dict[str, Any], told: str) -> None:
    server.provider.metadata = document
    with pytest.raises(ProviderError, match=told):
        await server.oidc.begin(REDIRECT)


async def test_an_answer_is_not_read_without_end_nor_from_elsewhere(server: Server, provider: Provider) -> None:
    provider.instead["/token"] = answering(200, {"id_token": "x" * 2_000_000})
    assert "more than" in await server.refusal(ProviderError)
    provider.instead["/token"] = answering(307, text="", Location="/elsewhere")
    assert "answered 307" in await server.refusal(ProviderError)
    assert not provider.asked["/elsewhere"]


async def test_new_keys_that_cannot_be_fetched_are_a_failure_of_the_provider(
    server: Server, provider: Provider
) -> None:
    await server.login()
    server.ahead = 20
    provider.rotate()
    provider.instead["/jwks"] = answering(503, {})
    assert "does not answer" in await server.refusal(UnavailableError)
    server.ahead = 40
    del provider.instead["/jwks"]
    await server.login()


async def test_an_issuer_may_end_with_a_slash(provider: Provider) -> None:
    with_slash = f"{provider.url}/"
    provider.metadata = {"issuer": with_slash}
    provider.changed = {"iss": with_slash}
    assert (await Server(provider).login()).identity == f"{provider.url} {SUBJECT}"
    assert (await Server(provider, issuer=with_slash).login()).identity == f"{provider.url} {SUBJECT}"
    provider.changed = {}
    assert "iss" in await Server(provider).refusal()


async def test_who_cannot_be_reached_is_tried_again_later(provider: Provider) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        server = Server(provider, issuer=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(UnavailableError) as refused:
            await server.oidc.begin(REDIRECT)
    assert int(refused.value.headers["Retry-After"]) >= 1


async def test_a_provider_that_is_away_is_not_asked_by_everybody(server: Server, provider: Provider) -> None:
    provider.instead[DISCOVERY] = answering(503, {})
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await server.oidc.begin(REDIRECT)
    assert provider.asked[DISCOVERY] == 1
    del provider.instead[DISCOVERY]
    server.ahead = 11
    await server.oidc.begin(REDIRECT)


async def test_a_slow_provider_is_asked_once_for_all(server: Server, provider: Provider) -> None:
    event = asyncio.Event()
    provider.instead[DISCOVERY] = waiting_for(event, provider.discovery)
    under_way = [asyncio.create_task(server.oidc.begin(REDIRECT)) for _ in range(5)]
    await eventually_async(lambda: provider.asked[DISCOVERY])
    event.set()
    assert len({departure.cookie for departure in await asyncio.gather(*under_way)}) == 5
    assert provider.asked[DISCOVERY] == 1


async def test_what_the_provider_says_of_itself_is_read_again_and_kept_while_it_is_away(
    server: Server, provider: Provider
) -> None:
    await server.login()
    server.ahead = 3700
    provider.changed = {"exp": int(time.time()) + 100_000}
    await server.login()
    assert (provider.asked[DISCOVERY], provider.asked["/jwks"]) == (2, 2)
    server.ahead = 8000
    provider.instead |= {DISCOVERY: answering(503, {}), "/jwks": answering(503, {})}
    assert (await server.login()).email == EMAIL
    server.ahead += 24 * 3600
    with pytest.raises(UnavailableError):
        await server.oidc.begin(REDIRECT)


async def test_who_takes_too_long_is_not_waited_for(
    server: Server, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrival = await server.leave()
    monkeypatch.setattr(http, "SECONDS", 0.05)
    provider.instead["/token"] = waiting_for(asyncio.Event(), provider.token)
    assert "does not answer" in await server.refusal(UnavailableError, arrival)


@pytest.mark.parametrize("insecure", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_what_begins_encrypted_does_not_go_on_in_the_clear(insecure: str) -> None:
    names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
    encrypted = {name: f"https://issuer.example/{name}" for name in names}
    in_the_clear = Metadata.model_validate({**encrypted, insecure: f"http://issuer.example/{insecure}"})
    check_addresses(Metadata.model_validate(encrypted), "https://issuer.example")
    check_addresses(in_the_clear, "http://issuer.example")
    with pytest.raises(ProviderError, match="no URL with https"):
        check_addresses(in_the_clear, "https://issuer.example")


def test_without_a_provider_its_libraries_cost_nothing() -> None:
    program = """
import sys
import magecluster.cloud.main
from magecluster.cloud.login.oidc import configured
from magecluster.cloud.settings import Settings
assert configured(Settings(), bytes(32), None, None, None) is None
print(sorted({"authlib", "joserfc", "httpx", "cryptography"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
