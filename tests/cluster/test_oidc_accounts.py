"""Accounts that a login by OpenID Connect makes, and those that it does not get, on a real API server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.support.kube import Namespace
from tests.support.oidc import EMAIL, SUBJECT, Provider, a_provider
from tests.support.oidc_server import Server
from tests.support.replicas import ADDRESS, PASSWORD, Replica, replica

from magecluster.cloud.access.account import Account, secret_name
from magecluster.cloud.errors import CloudError, ConflictError, UnauthenticatedError, UnavailableError

NAME = secret_name(EMAIL)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as found:
        yield found


@pytest.fixture
async def first(bare: Namespace) -> AsyncIterator[Replica]:
    async with replica(bare) as found:
        yield found


@pytest.fixture
async def deaf(bare: Namespace) -> AsyncIterator[Replica]:
    """A replica whose watch is behind: it knows only what it asked for."""
    async with replica(bare, watching=False) as found:
        yield found


def at(found: Replica, provider: Provider) -> Server:
    return Server(provider, store=(found.accounts, found.sessions), bootstrap=None)


def data(space: Namespace) -> dict[str, str]:
    found: dict[str, str] = space.get("secret", NAME)["data"]
    return found


async def outcome(server: Server) -> Account | CloudError:
    try:
        _, account = await server.session()
    except CloudError as error:
        return error
    return account


async def test_the_first_login_makes_an_account_and_each_brings_it_up_to_date(
    bare: Namespace, first: Replica, deaf: Replica, provider: Provider
) -> None:
    provider.claims |= {"groups": ["data"], "admin": True, "password": "claimed"}
    token, account = await at(first, provider).session()
    identity = f"{provider.url} {SUBJECT}"
    assert (account.email, account.name, account.identity, account.groups) == (EMAIL, "Grace", identity, ("data",))
    assert not account.admin
    assert not any(key.startswith("password") for key in data(bare))
    assert (await deaf.sessions.identify(token, ADDRESS)).account == account
    provider.claims |= {"groups": "ops", "name": "Grace H."}
    _, later = await at(deaf, provider).session()
    assert (later.name, later.groups, later.created) == ("Grace H.", ("ops",), account.created)
    assert len(later.sessions) == 2
    del provider.claims["name"], provider.claims["groups"]
    _, last = await at(first, provider).session()
    assert (last.name, last.groups) == ("Grace H.", ())


async def test_no_password_opens_it(first: Replica, provider: Provider) -> None:
    await at(first, provider).session()
    for password in ("", PASSWORD):
        with pytest.raises(UnauthenticatedError):
            await first.sessions.login(EMAIL, password, ADDRESS)


@pytest.mark.parametrize("admin", [True, False])
async def test_an_account_with_a_password_is_not_taken_over(
    bare: Namespace, first: Replica, deaf: Replica, provider: Provider, *, admin: bool
) -> None:
    await first.add(EMAIL, admin=admin)
    before = data(bare)
    for found in (first, deaf):
        refused = await outcome(at(found, provider))
        assert isinstance(refused, ConflictError)
        assert "magecluster user remove" in refused.message
    assert data(bare) == before
    await first.sessions.login(EMAIL, PASSWORD, ADDRESS)


async def test_an_account_of_somebody_else_at_the_provider_is_not_taken_over(
    bare: Namespace, first: Replica, deaf: Replica, provider: Provider
) -> None:
    await at(first, provider).session()
    before = data(bare)
    provider.claims["sub"] = "subject-2"
    for found in (first, deaf):
        refused = await outcome(at(found, provider))
        assert isinstance(refused, ConflictError)
        assert "somebody else" in refused.message
    assert data(bare) == before


async def test_the_same_subject_of_another_issuer_is_somebody_else(
    bare: Namespace, first: Replica, provider: Provider
) -> None:
    await at(first, provider).session()
    async with a_provider() as another:
        assert isinstance(await outcome(at(first, another)), ConflictError)


async def test_a_removed_account_is_made_anew(first: Replica, deaf: Replica, provider: Provider) -> None:
    await first.add(EMAIL)
    assert isinstance(await outcome(at(deaf, provider)), ConflictError)
    await first.accounts.delete(EMAIL)
    account = await outcome(at(deaf, provider))
    assert isinstance(account, Account)
    assert account.password is None


async def test_two_first_logins_of_one_person_at_once(first: Replica, deaf: Replica, provider: Provider) -> None:
    servers = [at(first, provider), at(deaf, provider)]
    accounts = await asyncio.gather(*(server.session() for server in servers for _ in range(3)))
    assert len({account.created for _, account in accounts}) == 1
    for token, _ in accounts:
        await deaf.sessions.identify(token, ADDRESS)


async def test_another_replica_is_faster_with_the_first_login(
    first: Replica, deaf: Replica, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = deaf.accounts.add

    async def overtaken(account: Account) -> Account:
        await at(first, provider).session()
        return await add(account)

    monkeypatch.setattr(deaf.accounts, "add", overtaken)
    _, account = await at(deaf, provider).session()
    assert len(account.sessions) == 2


async def test_two_people_who_say_the_same_address_at_once(first: Replica, deaf: Replica, provider: Provider) -> None:
    async with a_provider() as another:
        outcomes = await asyncio.gather(outcome(at(first, provider)), outcome(at(deaf, another)))
    assert sorted(type(found).__name__ for found in outcomes) == ["Account", "ConflictError"]


async def test_an_administrator_is_made_by_others_and_stays_one(first: Replica, provider: Provider) -> None:
    await at(first, provider).session()
    await first.accounts.change(EMAIL, lambda account: replace(account, admin=True))
    _, account = await at(first, provider).session()
    assert account.admin


async def test_nobody_comes_before_the_first_administrator(first: Replica, provider: Provider) -> None:
    server = Server(provider, store=(first.accounts, first.sessions))
    refused = await outcome(server)
    assert isinstance(refused, UnavailableError)
    assert refused.headers["Retry-After"] == "5"
    assert not first.accounts.count()
    await first.add("admin@mage.local", admin=True)
    assert isinstance(await outcome(server), Account)


async def test_a_damaged_account_is_nobodys(bare: Namespace, first: Replica, provider: Provider) -> None:
    await at(first, provider).session()
    bare.patch("secret", NAME, {"data": {"account": "e30="}})
    refused = await outcome(at(first, provider))
    assert isinstance(refused, ConflictError)
    assert "damaged" in refused.message
