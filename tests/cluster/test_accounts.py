"""Accounts and sessions on a real API server, of several replicas at the same time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from tests.support.accounts import a_token
from tests.support.eventually import eventually_async
from tests.support.kube import Namespace
from tests.support.replicas import ADDRESS, EMAIL, OTHER_PASSWORD, PASSWORD, Replica, replica

from magecluster.cloud.access.account import Account, secret_name
from magecluster.cloud.errors import ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError

NAME = secret_name(EMAIL)


@pytest.fixture
async def first(bare: Namespace) -> AsyncIterator[Replica]:
    async with replica(bare) as found:
        yield found


@pytest.fixture
async def second(bare: Namespace) -> AsyncIterator[Replica]:
    async with replica(bare) as found:
        yield found


@pytest.fixture
async def deaf(bare: Namespace) -> AsyncIterator[Replica]:
    """A replica whose watch is behind: it knows only what it asked for."""
    async with replica(bare, watching=False) as found:
        yield found


def kept(space: Namespace, prefix: str = "") -> set[str]:
    """Keys of the account's Secret."""
    return {key for key in space.get("secret", NAME).get("data", {}) if key.startswith(prefix)}


async def refused(at: Replica, text: str) -> None:
    """The token ends within a moment, and stays so."""
    with pytest.raises(UnauthenticatedError):  # noqa: PT012  polled
        async with asyncio.timeout(10):
            while True:
                await at.sessions.identify(text, ADDRESS)
                await asyncio.sleep(0.002)
    with pytest.raises(UnauthenticatedError):
        await at.sessions.identify(text, ADDRESS)


async def test_a_session_counts_on_every_replica_at_once(first: Replica, second: Replica, deaf: Replica) -> None:
    await first.add()
    text = await first.login()
    for at in (first, second, deaf):
        assert (await at.sessions.identify(text, ADDRESS)).account.email == EMAIL
    assert text[-43:] not in str(first.accounts.find(EMAIL)), "the random part, which is kept as a digest only"


async def test_an_account_and_its_password_count_on_every_replica_at_once(first: Replica, deaf: Replica) -> None:
    await first.add()
    await deaf.login()
    await first.set_password(OTHER_PASSWORD)
    with pytest.raises(UnauthenticatedError):
        await deaf.login()
    await deaf.login(OTHER_PASSWORD)


End = Callable[[Namespace, Replica, str], Awaitable[object]]


async def log_out(_: Namespace, at: Replica, text: str) -> None:
    await at.sessions.end(await at.sessions.identify(text, ADDRESS))


async def change_password(_: Namespace, at: Replica, text: str) -> None:
    await at.set_password(OTHER_PASSWORD)


async def change_own_password(_: Namespace, at: Replica, text: str) -> None:
    await at.sessions.change_password(EMAIL, PASSWORD, OTHER_PASSWORD, ADDRESS)


async def remove(_: Namespace, at: Replica, text: str) -> None:
    await at.accounts.delete(EMAIL)


async def kubectl_delete(space: Namespace, at: Replica, text: str) -> None:
    await asyncio.to_thread(space.kubectl, "delete", "secret", NAME)


async def kubectl_session(space: Namespace, at: Replica, text: str) -> None:
    caller = await at.sessions.identify(text, ADDRESS)
    await asyncio.to_thread(space.patch, "secret", NAME, {"data": {f"session.{caller.id}": None}})


async def kubectl_label(space: Namespace, at: Replica, text: str) -> None:
    await asyncio.to_thread(space.kubectl, "label", "secret", NAME, "app.kubernetes.io/component-")


async def kubectl_spoil(space: Namespace, at: Replica, text: str) -> None:
    await asyncio.to_thread(space.patch, "secret", NAME, {"data": {"account": "e30="}})


@pytest.mark.parametrize(
    "end",
    [
        log_out,
        change_password,
        change_own_password,
        remove,
        kubectl_delete,
        kubectl_session,
        kubectl_label,
        kubectl_spoil,
    ],
)
async def test_what_ends_a_session_ends_it_on_every_replica(
    bare: Namespace, first: Replica, second: Replica, end: End
) -> None:
    await first.add()
    text = await first.login()
    caller = await second.sessions.identify(text, ADDRESS)
    await end(bare, first, text)
    if not end.__name__.startswith("kubectl"):
        # Where it was asked for, there is not even a moment.
        with pytest.raises(UnauthenticatedError):
            await first.sessions.identify(text, ADDRESS)
    await refused(second, text)
    await refused(first, text)
    assert second.sessions.again(caller) is None


async def test_a_log_out_ends_one_session_and_leaves_the_others(first: Replica, second: Replica) -> None:
    await first.add()
    one, other = await first.login(), await second.login()
    await second.sessions.end(await second.sessions.identify(one, ADDRESS))
    await refused(first, one)
    for at in (first, second):
        assert await at.sessions.identify(other, ADDRESS)
    await second.sessions.end(await second.sessions.identify(other, ADDRESS))


async def test_rights_that_are_taken_away_are_gone_on_every_replica(first: Replica, second: Replica) -> None:
    await first.add(admin=True)
    text = await first.login()
    assert (await second.sessions.identify(text, ADDRESS)).platform_admin
    await first.accounts.change(EMAIL, lambda account: replace(account, admin=False))
    caller = await second.sessions.identify(text, ADDRESS)
    async with asyncio.timeout(10):
        while caller.platform_admin:
            await second.accounts.news.wait(0.1)
            caller = await second.sessions.identify(text, ADDRESS)


HOUR = 3600.0


async def idle_touch(at: Replica, text: str) -> None:
    """The replica still believes in the session, and notes that it is used."""
    at.ahead = 2 * HOUR
    await at.sessions.identify(text, ADDRESS)
    await eventually_async(lambda: not at.sessions.busy)


async def test_use_of_a_session_is_written_down_but_not_each_time(bare: Namespace, first: Replica) -> None:
    await first.add()
    text = await first.login()
    before = bare.get("secret", NAME)["metadata"]["resourceVersion"]
    for _ in range(5):
        await first.sessions.identify(text, ADDRESS)
    assert not first.sessions.busy
    first.ahead = 2 * HOUR
    for _ in range(5):
        await first.sessions.identify(text, ADDRESS)
    await eventually_async(lambda: not first.sessions.busy)
    caller = await first.sessions.identify(text, ADDRESS)
    assert caller.session
    assert caller.session.seen >= time.time() + HOUR
    live = bare.get("secret", NAME)["metadata"]
    assert live["resourceVersion"] != before
    assert live["resourceVersion"] == caller.account.version
    # Beyond the idle time of the log-in, but not of the last use.
    first.ahead = 9 * HOUR
    await first.sessions.identify(text, ADDRESS)
    first.ahead = 18 * HOUR
    with pytest.raises(UnauthenticatedError):
        await first.sessions.identify(text, ADDRESS)


@pytest.mark.parametrize("end", [log_out, change_password, remove])
async def test_use_that_is_written_down_late_brings_nothing_back(
    bare: Namespace, first: Replica, deaf: Replica, end: End
) -> None:
    await first.add()
    text = await first.login()
    await deaf.sessions.identify(text, ADDRESS)
    await end(bare, first, text)
    await idle_touch(deaf, text)
    assert kept(bare, "session.") == set()
    assert bool(kept(bare)) == (end is not remove)
    with pytest.raises(UnauthenticatedError):
        await deaf.sessions.identify(text, ADDRESS)


async def made_anew(at: Replica) -> None:
    await at.accounts.delete(EMAIL)
    await at.add()


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda at: at.set_password(OTHER_PASSWORD),
        lambda at: at.accounts.delete(EMAIL),
        lambda at: at.accounts.change(EMAIL, lambda account: replace(account, password=None)),
    ],
)
async def test_a_log_in_does_not_survive_what_happens_while_the_password_is_compared(
    bare: Namespace, first: Replica, deaf: Replica, meanwhile: Callable[[Replica], Awaitable[object]]
) -> None:
    await first.add()
    await deaf.accounts.refresh((await first.accounts.change(EMAIL, lambda account: account)).id)
    deaf.passwords.then = lambda: meanwhile(first)
    with pytest.raises(UnauthenticatedError):
        await deaf.login()
    assert kept(bare, "session.") == set()


async def test_a_log_in_goes_on_when_the_account_changes_but_not_its_password(first: Replica, deaf: Replica) -> None:
    account = await first.add()
    await deaf.accounts.refresh(account.id)
    deaf.passwords.then = lambda: first.accounts.change(EMAIL, lambda known: replace(known, name="Ada", admin=True))
    text = await deaf.login()
    caller = await deaf.sessions.identify(text, ADDRESS)
    assert (caller.account.name, caller.account.admin) == ("Ada", True)


async def test_a_log_in_at_an_account_made_anew_is_one_at_the_new_one(first: Replica, deaf: Replica) -> None:
    """The same password, so it is right for both; what was proven for the removed one does not count."""
    account = await first.add()
    await deaf.accounts.refresh(account.id)
    deaf.passwords.then = lambda: made_anew(first)
    text = await deaf.login()
    caller = await deaf.sessions.identify(text, ADDRESS)
    assert caller.account.created > account.created
    assert await first.sessions.identify(text, ADDRESS)


async def test_who_logs_in_by_another_way_is_still_that_account(bare: Namespace, first: Replica, deaf: Replica) -> None:
    async def add() -> Account:
        return await first.accounts.add(Account(email=EMAIL, created=time.time(), identity="https://issuer.example 42"))

    account = await add()
    text, session, _ = await deaf.sessions.open(account, ADDRESS, "oidc", until=time.time() + 60)
    assert session.expires <= time.time() + 60
    assert (await first.sessions.identify(text, ADDRESS)).session == session
    await first.accounts.delete(EMAIL)
    for _ in range(2):
        with pytest.raises(UnauthenticatedError):
            await deaf.sessions.open(account, ADDRESS, "oidc")
        with suppress(ConflictError):
            await add()
    assert kept(bare, "session.") == set()


async def test_a_hash_with_old_parameters_is_replaced_and_nobody_is_logged_out(bare: Namespace, first: Replica) -> None:
    await first.add()
    before = await first.login()
    async with replica(bare, passes=2) as later:
        texts = await asyncio.gather(*(later.login() for _ in range(4)))
        account = later.accounts.find(EMAIL)
        assert account
        assert account.password
        assert "t=2" in account.password
        assert not later.passwords.needs_rehash(account.password)
        for text in (before, *texts):
            assert await later.sessions.identify(text, ADDRESS)


async def test_edits_at_the_same_time_lose_nothing(bare: Namespace, first: Replica, second: Replica) -> None:
    account = await first.add()
    await second.accounts.refresh(account.id)
    ends = [await first.login() for _ in range(5)]
    for text in ends:
        await second.sessions.identify(text, ADDRESS)
    tokens = [a_token(number) for number in range(10)]

    async def made(at: Replica, number: int) -> None:
        await at.accounts.change(EMAIL, lambda known: known.with_token(tokens[number]))

    texts = await asyncio.gather(
        *(at.login() for at in (first, second) for _ in range(5)),
        *(_none(log_out(bare, second, text)) for text in ends),
        *(_none(made(at, number)) for number, at in enumerate((first, second) * 5)),
    )
    for text in filter(None, texts):
        assert await first.sessions.identify(text, ADDRESS)
        assert await second.sessions.identify(text, ADDRESS)
    assert len(kept(bare, "session.")) == 10
    assert kept(bare, "token.") == {f"token.{token.id}" for token in tokens}


async def _none(work: Awaitable[object]) -> str:
    await work
    return ""


async def test_an_account_is_made_by_one_of_two(bare: Namespace, first: Replica, second: Replica) -> None:
    outcomes = await asyncio.gather(first.add(), second.add("ADA@example.com".lower()), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Account", "ConflictError"]
    with pytest.raises(ConflictError):
        await second.add()


async def test_what_others_did_is_seen_by_an_edit_whatever_is_remembered(first: Replica, deaf: Replica) -> None:
    token, now = a_token(), time.time()
    account = await first.add()
    await deaf.accounts.refresh(account.id)
    await first.accounts.change(EMAIL, lambda known: known.with_token(token))
    revoked = await deaf.accounts.change(EMAIL, lambda known: known.revoked(token.id, now))
    assert revoked.tokens[token.id].revoked == now

    def picky(known: Account) -> Account:
        if not known.admin:
            raise ForbiddenError("only for administrators")
        return replace(known, name="Ada")

    with pytest.raises(ForbiddenError):
        await deaf.accounts.change(EMAIL, picky)
    await first.accounts.change(EMAIL, lambda known: replace(known, admin=True))
    assert (await deaf.accounts.change(EMAIL, picky)).name == "Ada"


async def test_nothing_is_written_by_a_trial(bare: Namespace, first: Replica) -> None:
    ghost = await first.accounts.add(Account(email=EMAIL, created=1.0), dry_run=True)
    assert ghost.email == EMAIL
    assert kept(bare) == set()
    assert first.accounts.find(EMAIL) is None
    await first.add()
    with pytest.raises(ConflictError):
        await first.accounts.add(Account(email=EMAIL, created=1.0), dry_run=True)
    before = bare.get("secret", NAME)
    text, session, after = await first.sessions.login(EMAIL, PASSWORD, ADDRESS, dry_run=True)
    assert session.id in after.sessions
    with pytest.raises(UnauthenticatedError):
        await first.sessions.identify(text, ADDRESS)
    await first.sessions.change_password(EMAIL, PASSWORD, OTHER_PASSWORD, ADDRESS, dry_run=True)
    await first.accounts.delete(EMAIL, dry_run=True)
    assert bare.get("secret", NAME) == before
    assert await first.login()


async def test_an_account_that_is_not_there_cannot_be_changed(first: Replica) -> None:
    never: Any = pytest.fail
    with pytest.raises(NotFoundError):
        await first.accounts.change(EMAIL, never)
    with pytest.raises(NotFoundError):
        await first.accounts.delete(EMAIL)
    await first.add()
    await first.accounts.delete(EMAIL)
    with pytest.raises(NotFoundError):
        await first.accounts.change(EMAIL, never)


async def test_a_wrong_present_password_changes_nothing(bare: Namespace, first: Replica) -> None:
    await first.add()
    text = await first.login()
    with pytest.raises(ForbiddenError):
        await first.sessions.change_password(EMAIL, OTHER_PASSWORD, "a long new password", ADDRESS)
    assert await first.sessions.identify(text, ADDRESS)
    assert await first.login()
