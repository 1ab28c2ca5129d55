"""Accounts in memory: whatever order news and answers come in, nothing comes back that was taken away."""

import asyncio

import pytest
from tests.support.accounts import EMAIL, NAMESPACE, NOW, Shelf, a_session, a_token, an_account, live
from tests.support.eventually import eventually_async

from magecluster.cloud.access.account import secret_name
from magecluster.cloud.store.accounts import SELECTOR, Accounts

SESSION = a_session()
OLD, NEW = an_account().with_session(SESSION), an_account()
NAME = secret_name(EMAIL)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def accounts(shelf: Shelf) -> Accounts:
    return Accounts(shelf, NAMESPACE, lambda: NOW)


def test_an_account_is_found_by_email_and_by_its_digests(accounts: Accounts) -> None:
    token = a_token()
    accounts.put(live(OLD.with_token(token)))
    account = accounts.find("ADA@example.com")
    assert account
    assert account.version == "1"
    assert accounts.by_digest(SESSION.digest) == (account, SESSION)
    assert accounts.by_digest(token.digest) == (account, token)
    assert accounts.by_digest("0" * 64) is None
    assert accounts.find("eve@example.com") is None
    assert accounts.find("\u212ada@example.com") is None
    assert accounts.all() == [account]


def test_older_news_change_nothing(accounts: Accounts) -> None:
    accounts.put(live(NEW, version=10))
    accounts.put(live(OLD, version=9))
    assert accounts.by_digest(SESSION.digest) is None


def test_a_session_that_is_gone_is_found_no_more(accounts: Accounts) -> None:
    accounts.put(live(OLD, version=9))
    accounts.put(live(NEW, version=10))
    assert accounts.by_digest(SESSION.digest) is None


def test_versions_are_numbers(accounts: Accounts) -> None:
    accounts.put(live(OLD, version=9))
    accounts.put(live(NEW, version=100))
    accounts.put(live(OLD, version=99))
    assert accounts.by_digest(SESSION.digest) is None


def test_a_deleted_account_does_not_come_back_by_late_news(accounts: Accounts) -> None:
    accounts.put(live(OLD, version=8))
    accounts.remove(live(OLD, version=10))
    accounts.put(live(OLD, version=9))
    assert accounts.find(EMAIL) is None
    assert accounts.by_digest(SESSION.digest) is None


def test_an_account_that_was_made_anew_is_not_the_deleted_one(accounts: Accounts) -> None:
    accounts.put(live(OLD, version=8))
    accounts.put(live(NEW, version=11, uid="u-2"))
    accounts.remove(live(OLD, version=10))
    accounts.remove(live(OLD, version=12))
    accounts.put(live(OLD, version=9))
    account = accounts.find(EMAIL)
    assert account
    assert account.version == "11"
    assert accounts.by_digest(SESSION.digest) is None


def test_a_secret_that_left_the_selection_can_come_back(accounts: Accounts) -> None:
    accounts.put(live(OLD, version=8))
    accounts.remove(live(OLD, version=9))
    accounts.put(live(OLD, version=10))
    assert accounts.find(EMAIL)


def test_what_a_complete_list_has_not_is_forgotten(accounts: Accounts) -> None:
    accounts.put(live(OLD))
    accounts.put(live(an_account("bob@example.com"), uid="u-2"))
    accounts.retain({(NAMESPACE, secret_name("bob@example.com"), "u-2"), (NAMESPACE, NAME, "another")})
    assert accounts.find(EMAIL) is None
    assert accounts.by_digest(SESSION.digest) is None
    assert accounts.find("bob@example.com")


def test_a_secret_that_became_unusable_lets_nobody_in_and_does_not_fall_back(accounts: Accounts) -> None:
    accounts.put(live(OLD, version=8))
    broken = live(OLD, version=10)
    del broken["data"]["account"]
    accounts.put(broken)
    accounts.put(live(OLD, version=9))
    assert accounts.find(EMAIL) is None
    assert accounts.by_digest(SESSION.digest) is None
    assert accounts.count() == 1
    accounts.put(live(OLD, version=11))
    assert accounts.by_digest(SESSION.digest)


async def test_news_are_told(accounts: Accounts) -> None:
    for happen, news in (
        (accounts.put, live(OLD, version=8)),
        (accounts.put, live(NEW, version=9)),
        (accounts.remove, live(NEW, version=10)),
    ):
        waiting = asyncio.create_task(accounts.news.wait(10))
        await asyncio.sleep(0)
        happen(news)
        assert await waiting


async def test_an_account_of_another_replica_is_asked_for(accounts: Accounts, shelf: Shelf) -> None:
    shelf.secrets[NAME] = live(OLD, version=8)
    await accounts.refresh(OLD.id)
    assert accounts.by_digest(SESSION.digest)
    shelf.secrets.clear()
    await accounts.refresh(OLD.id)
    assert accounts.find(EMAIL) is None


async def test_an_answer_that_comes_after_the_deletion_brings_nothing_back(accounts: Accounts, shelf: Shelf) -> None:
    accounts.put(live(OLD, version=8))
    shelf.secrets[NAME] = live(OLD, version=9)
    shelf.hold = asyncio.Event()
    late = asyncio.create_task(accounts.refresh(OLD.id))
    await eventually_async(lambda: shelf.reads)
    accounts.remove(live(OLD, version=10))
    shelf.hold.set()
    await late
    assert accounts.find(EMAIL) is None


async def test_an_answer_that_comes_after_a_complete_list_is_asked_for_again(accounts: Accounts, shelf: Shelf) -> None:
    """The watch was broken meanwhile, so nobody was told of the deletion."""
    shelf.secrets[NAME] = live(OLD, version=9)
    shelf.hold = asyncio.Event()
    late = asyncio.create_task(accounts.refresh(OLD.id))
    await eventually_async(lambda: shelf.reads)
    shelf.secrets.clear()
    accounts.retain(set())
    shelf.hold.set()
    await late
    assert accounts.find(EMAIL) is None
    assert shelf.reads == 2


async def test_that_there_was_none_does_not_remove_what_was_made_since(accounts: Accounts, shelf: Shelf) -> None:
    shelf.hold = asyncio.Event()
    late = asyncio.create_task(accounts.refresh(OLD.id))
    await eventually_async(lambda: shelf.reads)
    accounts.put(live(OLD, version=9))
    shelf.hold.set()
    await late
    assert accounts.find(EMAIL)


def test_the_selector_names_the_labels() -> None:
    labels = live(OLD)["metadata"]["labels"]
    assert ",".join(f"{label}={value}" for label, value in labels.items()) == SELECTOR
