"""Log-ins that are refused, and callers that are recognised. What is written is tested on a real API server."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.support.accounts import DAY, EMAIL, NAMESPACE, NOW, Shelf, a_session, a_token, an_account, live
from typing_extensions import override

from magecluster.cloud.access.account import ServiceToken, Session, secret_name
from magecluster.cloud.access.token import TokenKind, make
from magecluster.cloud.errors import ForbiddenError, TooManyRequestsError, UnauthenticatedError
from magecluster.cloud.login.passwords import Passwords
from magecluster.cloud.login.sessions import Sessions
from magecluster.cloud.store.accounts import Accounts
from magecluster.kube.errors import UnavailableError

ADDRESS = "192.0.2.7"
GUESS = "whatever"


class Counted(Passwords):
    """Compares nothing and counts: how long a comparison takes is tested with the passwords."""

    def __init__(self) -> None:
        super().__init__()
        self.compared: list[str | None] = []

    @override
    async def verify(self, known: str | None, text: str) -> bool:
        self.compared.append(known)
        return False


class Login:
    """All parts, and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.shelf, self.passwords = Shelf(), Counted()
        self.accounts = Accounts(self.shelf, NAMESPACE, lambda: self.now)
        self.sessions = Sessions(self.accounts, self.passwords, clock=lambda: self.now, random=os.urandom)

    async def refusal(self, email: str, password: str = GUESS, address: str = ADDRESS) -> UnauthenticatedError:
        with pytest.raises(UnauthenticatedError) as refused:
            await self.sessions.login(email, password, address)
        return refused.value


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    found = Login()
    yield found
    await found.sessions.close()


async def test_who_is_refused_does_not_learn_why(login: Login) -> None:
    """Same answer, same work: one comparison and one question to the API server."""
    for number, account in enumerate((an_account(), an_account("oidc@example.com", password=None))):
        login.shelf.secrets[secret_name(account.email)] = live(account, uid=f"u-{number}")
        login.accounts.put(live(account, uid=f"u-{number}"))
    answers = []
    for email in (EMAIL, EMAIL.upper(), "oidc@example.com", "nobody@example.com", "no address", "\ud800", ""):
        before = len(login.passwords.compared), login.shelf.reads
        refused = await login.refusal(email)
        answers.append((refused.body(), refused.headers))
        assert (len(login.passwords.compared), login.shelf.reads) == (before[0] + 1, before[1] + 1), email
    assert all(answer == answers[0] for answer in answers)
    assert EMAIL not in str(answers[0])


async def test_a_password_that_another_replica_has_just_changed_is_compared_again(login: Login) -> None:
    login.accounts.put(live(an_account(password="old"), version=1))
    login.shelf.secrets[secret_name(EMAIL)] = live(an_account(password="new"), version=2)
    await login.refusal(EMAIL)
    assert login.passwords.compared == ["old", "new"]
    await login.refusal(EMAIL)
    assert login.passwords.compared == ["old", "new", "new"]


async def test_a_limit_tells_nothing_about_the_account_and_costs_no_work(login: Login) -> None:
    login.accounts.put(live(an_account()))
    told = []
    for email in (EMAIL, "nobody@example.com", "no address"):
        for number in range(10):
            await login.refusal(email, address=f"198.51.{len(email)}.{number}")
        before = len(login.passwords.compared), login.shelf.reads
        with pytest.raises(TooManyRequestsError) as refused:
            await login.sessions.login(email, GUESS, ADDRESS)
        assert (len(login.passwords.compared), login.shelf.reads) == before
        told.append((refused.value.body(), refused.value.headers))
    assert told == [told[0]] * 3
    assert told[0][1] == {"Retry-After": "30"}


async def test_changing_a_password_is_limited_like_a_log_in(login: Login) -> None:
    login.accounts.put(live(an_account()))
    for _ in range(10):
        with pytest.raises(ForbiddenError):
            await login.sessions.change_password(EMAIL, "guess", "a long new password", ADDRESS)
    with pytest.raises(TooManyRequestsError):
        await login.sessions.change_password(EMAIL, "guess", "a long new password", ADDRESS)


SESSION = make(TokenKind.SESSION, an_account().id, (1).to_bytes(32))
SERVICE = make(TokenKind.SERVICE, an_account().id, (1).to_bytes(32))


async def test_tokens_are_recognised(login: Login) -> None:
    login.accounts.put(live(an_account().with_session(a_session()).with_token(a_token(seen=NOW))))
    by_session = await login.sessions.identify(SESSION.text, ADDRESS)
    by_token = await login.sessions.identify(SERVICE.text, ADDRESS)
    assert (by_session.session, by_session.token) == (a_session(), None)
    assert (by_token.session, by_token.token) == (None, a_token(seen=NOW))
    assert by_session.account.email == by_token.account.email == EMAIL
    assert login.shelf.reads == 0


@pytest.mark.parametrize(
    ("session", "now"),
    [
        (a_session(seen=NOW + 20 * 3600), NOW + DAY),
        (a_session(seen=NOW + 10 * 3600), NOW + 18 * 3600),
        (a_session(), NOW + 8 * 3600),
        (a_session(expires=NOW + 60), NOW + 60),
    ],
)
async def test_sessions_end_by_time(login: Login, session: Session, now: float) -> None:
    login.accounts.put(live(replace(an_account(), sessions={a_session().id: session})))
    login.now = now - 0.001
    caller = await login.sessions.identify(SESSION.text, ADDRESS)
    login.now = now
    assert login.sessions.again(caller) is None
    with pytest.raises(UnauthenticatedError):
        await login.sessions.identify(SESSION.text, ADDRESS)


@pytest.mark.parametrize("token", [a_token(seen=NOW, expires=NOW), a_token(seen=NOW, revoked=NOW - 1)])
async def test_service_tokens_end(login: Login, token: ServiceToken) -> None:
    login.accounts.put(live(replace(an_account(), tokens={a_token().id: token})))
    with pytest.raises(UnauthenticatedError):
        await login.sessions.identify(SERVICE.text, ADDRESS)


async def test_what_is_no_token_is_not_asked_for(login: Login) -> None:
    invitation = make(TokenKind.INVITATION, "lab", bytes(32)).text
    for text in ("", "x", SESSION.text[:-1], SESSION.text + " ", invitation):
        with pytest.raises(UnauthenticatedError):
            await login.sessions.identify(text, ADDRESS)
    assert login.shelf.reads == 0


async def test_a_token_of_another_replica_is_asked_for_once_by_all_who_wait(login: Login) -> None:
    login.shelf.secrets[secret_name(EMAIL)] = live(an_account().with_session(a_session()))
    login.shelf.hold = asyncio.Event()
    together = [asyncio.create_task(login.sessions.identify(SESSION.text, ADDRESS)) for _ in range(6)]
    await asyncio.sleep(0)
    login.shelf.hold.set()
    assert {caller.id for caller in await asyncio.gather(*together)} == {SESSION.id}
    assert login.shelf.reads == 1


async def test_tokens_that_nobody_knows_are_not_asked_for_again_and_again(login: Login) -> None:
    for _ in range(50):
        with pytest.raises(UnauthenticatedError):
            await login.sessions.identify(SESSION.text, ADDRESS)
    assert login.shelf.reads == 1


async def test_made_up_tokens_do_not_flood_the_api_server(login: Login) -> None:
    refused = 0
    for number in range(200):
        text = make(TokenKind.SESSION, an_account().id, number.to_bytes(32)).text
        with pytest.raises((UnauthenticatedError, TooManyRequestsError)) as answer:
            await login.sessions.identify(text, ADDRESS)
        refused += answer.type is TooManyRequestsError
    assert (login.shelf.reads, refused) == (30, 170)
    # Nor do they keep others from working.
    login.accounts.put(live(an_account().with_session(a_session(500, seen=NOW))))
    known = make(TokenKind.SESSION, an_account().id, (500).to_bytes(32)).text
    assert await login.sessions.identify(known, ADDRESS)


async def test_a_token_is_not_refused_because_the_api_server_was_away(login: Login) -> None:
    login.shelf.away = True
    with pytest.raises(UnavailableError):
        await login.sessions.identify(SESSION.text, ADDRESS)
    login.shelf.away = False
    login.shelf.secrets[secret_name(EMAIL)] = live(an_account().with_session(a_session()))
    assert await login.sessions.identify(SESSION.text, ADDRESS)


async def test_a_token_copied_to_another_account_is_worth_nothing(login: Login) -> None:
    """Whoever can write one Secret shall not become somebody else by it; nor somebody else become him."""
    eve = replace(an_account("eve@example.com", admin=True), sessions={a_session().id: a_session()})
    login.accounts.put(live(eve))
    with pytest.raises(UnauthenticatedError):
        await login.sessions.identify(SESSION.text, ADDRESS)


async def test_rights_are_those_of_now(login: Login) -> None:
    login.accounts.put(live(an_account(admin=True).with_session(a_session()), version=1))
    caller = await login.sessions.identify(SESSION.text, ADDRESS)
    assert caller.platform_admin
    login.accounts.put(live(an_account().with_session(a_session()), version=2))
    again = login.sessions.again(caller)
    assert again
    assert not again.platform_admin
    login.accounts.put(live(an_account(), version=3))
    assert login.sessions.again(caller) is None


async def test_a_service_token_does_not_log_out(login: Login) -> None:
    login.accounts.put(live(an_account().with_token(a_token(seen=NOW))))
    with pytest.raises(ForbiddenError):
        await login.sessions.end(await login.sessions.identify(SERVICE.text, ADDRESS))
