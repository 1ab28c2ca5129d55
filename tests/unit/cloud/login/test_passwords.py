"""Passwords: the same work for everybody, and never more of it than was said."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from tests.support.eventually import eventually_async
from typing_extensions import override

from magecluster.cloud.errors import InvalidRequestError, TooManyRequestsError
from magecluster.cloud.login.passwords import NICENESS, Passwords, check_new, generated

TEXT = "correct horse battery staple"


class Watched(PasswordHasher):
    """Little work, that is counted and can be held up."""

    def __init__(self, passes: int = 1) -> None:
        super().__init__(time_cost=passes, memory_cost=8, parallelism=1)
        self.hashes: list[str | bytes] = []
        self.niceness: int | None = None
        self.go_on = threading.Event()
        self.go_on.set()

    @override
    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.hashes.append(hash)
        self.niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        assert self.go_on.wait(10)
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> Watched:
    return Watched()


@pytest.fixture
async def passwords(hasher: Watched) -> AsyncIterator[Passwords]:
    found = Passwords(workers=1, waiting=2, hasher=hasher)
    yield found
    hasher.go_on.set()
    found.close()


async def test_hashes_have_the_profile_of_owasp_and_a_salt() -> None:
    passwords = Passwords()
    first, second = await passwords.hash(TEXT), await passwords.hash(TEXT)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert await passwords.verify(first, TEXT)
    assert not await passwords.verify(first, TEXT + "r")
    assert not await passwords.verify(None, TEXT)
    passwords.close()


async def test_without_a_hash_the_same_work_is_done(passwords: Passwords, hasher: Watched) -> None:
    known = await passwords.hash(TEXT)
    tries: list[tuple[str | None, str]] = [(known, "wrong"), (None, TEXT), ("", TEXT), (known, "x" * 100_000)]
    for given, text in tries:
        assert not await passwords.verify(given, text)
    assert len(hasher.hashes) == len(tries)
    assert all(extract_parameters(str(used)) == extract_parameters(known) for used in hasher.hashes)


@pytest.mark.parametrize("rubbish", ["x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "é", "$argon2id$v=19$m=8$a$b"])
async def test_what_is_no_hash_lets_nobody_in(passwords: Passwords, hasher: Watched, rubbish: str) -> None:
    assert not await passwords.verify(rubbish, TEXT)
    assert len(hasher.hashes) == 2, "the second with the work of everybody"


async def test_letters_are_the_same_however_they_are_typed(passwords: Passwords) -> None:
    known = await passwords.hash("caf\u00e9 caf\u00e9 caf\u00e9")
    assert await passwords.verify(known, "cafe\u0301 cafe\u0301 cafe\u0301")
    assert not await passwords.verify(known, "cafe cafe cafe")
    assert not await passwords.verify(known, "CAF\u00c9 CAF\u00c9 CAF\u00c9")


async def test_a_text_that_is_no_unicode_is_only_wrong(passwords: Passwords) -> None:
    assert not await passwords.verify(await passwords.hash(TEXT), "\ud800" * 12)


async def test_a_flood_is_refused_and_told_when_to_come_again(passwords: Passwords, hasher: Watched) -> None:
    hasher.go_on.clear()
    under_way = [asyncio.create_task(passwords.verify(None, TEXT)) for _ in range(3)]
    await eventually_async(lambda: hasher.hashes)
    with pytest.raises(TooManyRequestsError) as refused:
        await passwords.verify(None, TEXT)
    with pytest.raises(TooManyRequestsError):
        await passwords.hash(TEXT)
    assert int(refused.value.headers["Retry-After"]) >= 1
    hasher.go_on.set()
    assert await asyncio.gather(*under_way) == [False] * 3
    assert not await passwords.verify(None, TEXT)


async def test_a_client_that_goes_away_leaves_its_place_only_when_the_thread_is_free(
    passwords: Passwords, hasher: Watched
) -> None:
    hasher.go_on.clear()
    under_way = [asyncio.create_task(passwords.verify(None, TEXT)) for _ in range(3)]
    await eventually_async(lambda: hasher.hashes)
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    # The one that runs goes on; the two that waited never begin.
    waiting = [asyncio.create_task(passwords.verify(None, TEXT)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequestsError):
        await passwords.verify(None, TEXT)
    hasher.go_on.set()
    await asyncio.gather(*waiting)
    assert len(hasher.hashes) == 3


async def test_hashing_gives_way_to_the_event_loop(passwords: Passwords, hasher: Watched) -> None:
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    await passwords.verify(None, TEXT)
    assert hasher.niceness == NICENESS > mine
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


async def test_a_hash_with_other_parameters_is_old(passwords: Passwords) -> None:
    today, once = await passwords.hash(TEXT), Watched(passes=3).hash(TEXT)
    assert await passwords.verify(once, TEXT)
    assert passwords.needs_rehash(once)
    assert not passwords.needs_rehash(today)


@pytest.mark.parametrize(("length", "fine"), [(0, False), (11, False), (12, True), (1024, True), (1025, False)])
def test_a_new_password_has_a_length(length: int, *, fine: bool) -> None:
    if fine:
        check_new("x" * length)
        return
    with pytest.raises(InvalidRequestError) as refused:
        check_new("x" * length)
    assert set(refused.value.fields) == {"password"}
    assert "xx" not in refused.value.message


def test_generated_passwords_are_random_and_good_enough() -> None:
    found = {generated(os.urandom) for _ in range(100)}
    assert len(found) == 100
    for password in found:
        check_new(password)
        assert len(password) == 24
        assert set(password) <= set("abcdefghijklmnopqrstuvwxyz234567")
