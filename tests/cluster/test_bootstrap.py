"""What is made once, the first administrator and the server's key, and what people make by the command line."""

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from tests.support.fixtures import ROOT
from tests.support.kube import Namespace
from tests.support.replicas import ADDRESS, OTHER_PASSWORD, PASSWORD, Replica, replica

from magecluster.cloud.access.account import Account, secret_name
from magecluster.cloud.errors import UnauthenticatedError
from magecluster.cloud.login import bootstrap
from magecluster.cloud.store.keys import InvalidKeyError, server_key

ADMIN = "admin@mage.local"
EMAIL = "bob@example.com"


@pytest.fixture
async def first(bare: Namespace) -> AsyncIterator[Replica]:
    async with replica(bare) as found:
        yield found


@pytest.fixture
async def second(bare: Namespace) -> AsyncIterator[Replica]:
    async with replica(bare, watching=False) as found:
        yield found


async def ensure(at: Replica) -> Account | None:
    return await bootstrap.ensure(at.connection, at.namespace, at.accounts, at.passwords, ADMIN)


def data(space: Namespace, name: str = bootstrap.NAME) -> dict[str, str]:
    """Of a Secret."""
    found = space.get("secret", name).get("data", {})
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in found.items()}


def secrets(space: Namespace) -> set[str]:
    return {secret["metadata"]["name"] for secret in space.all("secrets")}


async def test_what_is_no_address_leaves_no_secret_behind(bare: Namespace, first: Replica) -> None:
    assert await bootstrap.ensure(first.connection, bare.name, first.accounts, first.passwords, "bob") is None
    assert bootstrap.NAME not in secrets(bare)
    assert await ensure(first), "the right address counts"


async def test_one_of_two_makes_the_first_administrator(bare: Namespace, first: Replica, second: Replica) -> None:
    outcomes = await asyncio.gather(ensure(first), ensure(second))
    assert len([account for account in outcomes if account]) == 1
    given = data(bare)
    assert given["email"] == ADMIN
    _, _, account = await second.sessions.login(given["email"], given["password"], ADDRESS)
    assert account.admin
    assert secrets(bare) == {bootstrap.NAME, secret_name(ADMIN)}
    assert await ensure(first) is None
    assert data(bare) == given


async def test_who_continues_after_a_crash_uses_the_same_password(bare: Namespace, first: Replica) -> None:
    bare.kubectl(
        "create", "secret", "generic", bootstrap.NAME, "--from-literal", "email=Boss@example.com", "--from-literal",
        f"password={PASSWORD}",
    )  # fmt: skip
    account = await ensure(first)
    assert account
    assert account.email == "boss@example.com"
    assert await first.sessions.login("boss@example.com", PASSWORD, ADDRESS)


@pytest.mark.parametrize("crash", [False, True])
async def test_an_administrator_who_was_removed_does_not_come_back(
    bare: Namespace, first: Replica, *, crash: bool
) -> None:
    assert await ensure(first)
    if crash:
        # It ended between the account and the note that it was made; the next start makes up for it.
        bare.kubectl("annotate", "secret", bootstrap.NAME, f"{bootstrap.DONE}-")
        assert await ensure(first) is None
    await first.accounts.delete(ADMIN)
    assert await ensure(first) is None
    assert secrets(bare) == {bootstrap.NAME}
    bare.kubectl("delete", "secret", bootstrap.NAME)
    assert await ensure(first)


async def test_where_there_are_accounts_none_is_made(bare: Namespace, first: Replica, second: Replica) -> None:
    await first.add(EMAIL)
    assert await ensure(second) is None
    assert secrets(bare) == {secret_name(EMAIL)}


async def test_an_account_that_is_unusable_is_one(bare: Namespace, first: Replica, second: Replica) -> None:
    """Else a slip of the hand would make an administrator."""
    await first.add(EMAIL)
    bare.patch("secret", secret_name(EMAIL), {"data": {"account": None}})
    assert await ensure(second) is None
    assert secrets(bare) == {secret_name(EMAIL)}


async def test_a_password_that_is_too_short_makes_no_account(bare: Namespace, first: Replica) -> None:
    bare.kubectl(
        "create", "secret", "generic", bootstrap.NAME, "--from-literal", f"email={ADMIN}", "--from-literal",
        "password=short",
    )  # fmt: skip
    assert await ensure(first) is None
    assert secrets(bare) == {bootstrap.NAME}


async def test_all_replicas_have_the_same_key(bare: Namespace, first: Replica, second: Replica) -> None:
    keys = await asyncio.gather(*(server_key(at.connection, bare.name) for at in (first, second) * 3))
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    assert await server_key(first.connection, bare.name) == keys[0]


async def test_a_key_is_added_to_a_secret_that_is_there(bare: Namespace, first: Replica, second: Replica) -> None:
    bare.kubectl("create", "secret", "generic", "magecluster-cloud-api", "--from-literal", "mine=kept")
    keys = await asyncio.gather(*(server_key(at.connection, bare.name) for at in (first, second)))
    assert keys[0] == keys[1]
    assert data(bare, "magecluster-cloud-api")["mine"] == "kept"


async def test_a_key_that_is_too_short_is_not_used(bare: Namespace, first: Replica) -> None:
    bare.kubectl("create", "secret", "generic", "magecluster-cloud-api", "--from-literal", "key=short")
    with pytest.raises(InvalidKeyError, match="delete it"):
        await server_key(first.connection, bare.name)


def user(space: Namespace, *options: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """`magecluster user …` as a process without a terminal."""
    place = ("--kubeconfig", str(space.cluster.kubeconfig), "--namespace", space.name)
    return subprocess.run(
        [sys.executable, "-m", "magecluster", "user", *options, *place],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
    )


async def test_accounts_by_the_command_line(bare: Namespace, first: Replica) -> None:
    made = await asyncio.to_thread(
        user, bare, "add", "Bob@Example.com", "--name", "Bob B.", "--admin", "--password-stdin", given=PASSWORD + "\n"
    )
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "Made the account\n")
    text, _, account = await first.sessions.login(EMAIL, PASSWORD, ADDRESS)
    assert (account.name, account.admin) == ("Bob B.", True)

    changed = await asyncio.to_thread(user, bare, "passwd", EMAIL, "--password-stdin", given=OTHER_PASSWORD)
    assert (changed.returncode, changed.stderr) == (0, "Changed the password\n")
    async with asyncio.timeout(10):
        while first.accounts.by_digest(next(iter(account.sessions.values())).digest):
            await first.accounts.news.wait(0.1)
    with pytest.raises(UnauthenticatedError):
        await first.sessions.identify(text, ADDRESS)
    await first.sessions.login(EMAIL, OTHER_PASSWORD, ADDRESS)

    listed = await asyncio.to_thread(user, bare, "list")
    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["EMAIL", "NAME", "ADMIN", "PASSWORD", "SESSIONS", "TOKENS"],
        [EMAIL, "Bob", "B.", "yes", "yes", "1", "0"],
    ]

    removed = await asyncio.to_thread(user, bare, "remove", EMAIL)
    assert (removed.returncode, removed.stderr) == (0, "Removed the account\n")
    assert secrets(bare) == set()


async def test_without_a_terminal_a_password_is_made_and_told_once(bare: Namespace, first: Replica) -> None:
    for action in ("add", "passwd"):
        done = await asyncio.to_thread(user, bare, action, EMAIL)
        assert done.returncode == 0, done.stderr
        password = done.stdout.removesuffix("\n")
        assert len(password) == 24
        assert password not in done.stderr
        assert await first.sessions.login(EMAIL, password, ADDRESS)


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        (("add", "bob"), "", "EMAIL is no e-mail address: write it like somebody@example.com, in ASCII"),
        (("add", EMAIL, "--password-stdin"), "short\n", "password: has to have 12 to 1024 characters"),
        (("add", EMAIL, "--password-stdin"), "", "password: has to have 12 to 1024 characters"),
        (("add", ADMIN), "", "there is an account with this e-mail: change that one"),
        (("passwd", EMAIL), "", "there is no account with this e-mail: make it, or look for it in the list"),
        (("remove", EMAIL), "", "there is no account with this e-mail: make it, or look for it in the list"),
    ],
)
async def test_what_goes_wrong_is_one_line(
    bare: Namespace, first: Replica, options: tuple[str, ...], given: str, message: str
) -> None:
    await first.add(ADMIN)
    done = await asyncio.to_thread(user, bare, *options, given=given)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"magecluster: {message}\n")


def test_no_api_server_is_one_line(bare: Namespace) -> None:
    done = user(bare, "list", "--context", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("magecluster: no Kubernetes to talk to")
    assert done.stderr.count("\n") == 1
