"""Logging in at an OpenID provider: the way there and back. Accounts are tested on a real API server."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.support.oidc import EMAIL, SECRET, SUBJECT, Provider, a_provider, visit
from tests.support.oidc_server import REDIRECT, Server, other

from magecluster.cloud.errors import (
    TooManyRequestsError,
    UnauthenticatedError,
)
from magecluster.cloud.login.oidc.journey import Arrival
from magecluster.cloud.login.oidc.person import Person

ADDRESS = "192.0.2.7"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as found:
        yield found


@pytest.fixture
def server(provider: Provider) -> Server:
    return Server(provider)


async def test_somebody_logs_in(server: Server, provider: Provider) -> None:
    provider.claims |= {"email": "Grace@Example.com", "groups": ["data", "ops", "data", ""]}
    assert await server.login() == Person(EMAIL, "Grace", f"{provider.url} {SUBJECT}", ("data", "ops"))
    assert provider.seen["redirect_uri"] == REDIRECT
    assert provider.seen["scope"].split() == ["openid", "email", "profile"]


async def test_a_login_goes_on_at_another_replica(server: Server, provider: Provider) -> None:
    arrival = await server.leave()
    assert (await Server(provider).come_back(arrival)).email == EMAIL


async def test_nothing_of_a_login_under_way_is_guessed_or_read_from_its_cookie(server: Server) -> None:
    first, second = await server.oidc.begin(REDIRECT), await server.oidc.begin(REDIRECT)
    assert first.cookie != second.cookie
    assert first.url != second.url
    state = (await visit(first.url))["state"]
    assert state not in first.cookie
    assert server.provider.seen["nonce"] not in first.cookie
    assert server.provider.seen["nonce"] != state
    assert first.cookie not in repr(await server.leave())


@pytest.mark.parametrize("public", [True, False])
async def test_a_client_with_and_without_a_secret(provider: Provider, *, public: bool) -> None:
    provider.secret = None if public else SECRET
    assert (await Server(provider).login()).email == EMAIL


async def test_a_secret_goes_where_the_provider_wants_it(server: Server, provider: Provider) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await server.login()).email == EMAIL


Change = Callable[[Arrival], Arrival]


@pytest.mark.parametrize(
    "change",
    [
        lambda arrival: other(arrival, cookie=None),
        lambda arrival: other(arrival, cookie=""),
        lambda arrival: other(arrival, cookie="x" * 96),
        lambda arrival: other(arrival, cookie="\u00e9" * 96),
        lambda arrival: other(arrival, cookie=arrival.cookie[:-1]),
        lambda arrival: other(arrival, cookie=("B" if arrival.cookie[0] == "A" else "A") + arrival.cookie[1:]),
        lambda arrival: other(arrival, cookie=arrival.cookie[:-1] + ("B" if arrival.cookie[-1] == "A" else "A")),
        lambda arrival: other(arrival, state=None),
        lambda arrival: other(arrival, state="\ud800"),
        lambda arrival: other(arrival, state=arrival.state[:-1]),
        lambda arrival: other(arrival, state=None, code=None, error="access_denied"),
    ],
)
async def test_only_the_browser_that_began_goes_on(server: Server, change: Change) -> None:
    arrival = await server.leave()
    assert "begin again" in await server.refusal(arrival=change(arrival))
    assert server.provider.asked["/token"] == 0
    assert (await server.come_back(arrival)).email == EMAIL


async def test_the_answer_to_one_login_is_not_that_to_another(server: Server) -> None:
    victim, attacker = await server.leave(), await server.leave()
    await server.refusal(arrival=other(victim, state=attacker.state, code=attacker.code))
    # A code that was stolen: the state is that of the thief's own login.
    assert "used or expired" in await server.refusal(arrival=other(attacker, code=victim.code))


async def test_a_login_takes_ten_minutes_at_the_most(server: Server) -> None:
    arrival = await server.leave()
    server.ahead = 605
    assert "too long ago" in await server.refusal(arrival=arrival)
    server.ahead = -120
    await server.refusal(arrival=arrival)
    server.ahead = 590
    server.provider.changed = {"exp": int(time.time()) + 900}
    assert (await server.come_back(arrival)).email == EMAIL


@pytest.mark.parametrize("change", [{"key": bytes(32)}, {"client_id": "another"}])
async def test_a_login_does_not_go_on_with_another_key_or_client(provider: Provider, change: dict[str, Any]) -> None:
    arrival = await Server(provider).leave()
    await Server(provider, **change).refusal(arrival=arrival)


async def test_a_code_counts_once_and_for_one_address(server: Server) -> None:
    arrival = await server.leave()
    with pytest.raises(UnauthenticatedError, match="used or expired"):
        await server.come_back(arrival, "http://elsewhere.example/callback")
    arrival = await server.leave()
    await server.come_back(arrival)
    assert "used or expired" in await server.refusal(arrival=arrival)


async def test_an_address_has_so_many_attempts(server: Server) -> None:
    nothing = Arrival(cookie=None, state=None, code=None)
    for _ in range(30):
        with pytest.raises(UnauthenticatedError):
            await server.oidc.identify(nothing, REDIRECT, ADDRESS)
    with pytest.raises(TooManyRequestsError) as refused:
        await server.oidc.identify(nothing, REDIRECT, ADDRESS)
    assert int(refused.value.headers["Retry-After"]) >= 1
