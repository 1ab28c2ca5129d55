"""An account: what is in its Secret, and its edits."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.support.accounts import DAY, EMAIL, NOW, a_session, a_token, an_account, live
from tests.support.cloud import merged

from magecluster.api.model import Manifest
from magecluster.cloud.access.account import Account, InvalidAccountError, secret_name
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.errors import LimitError


def full() -> Account:
    """An account with a value in each field."""
    account = an_account(admin=True, identity="https://issuer.example 42", groups=("data", "ops"))
    token = a_token(
        2,
        scopes=frozenset({Permission.READ, Permission.POWER}),
        expires=NOW + DAY,
        seen=NOW + 0.1,
        revoked=NOW + 0.2,
        request="d1",
    )
    return account.with_session(a_session()).with_token(a_token(1)).with_token(token)


def test_what_is_written_is_read() -> None:
    for account in (full(), an_account(), an_account(password=None)):
        assert Account.parse(live(account, version=7)) == replace(account, version="7")


def test_the_secret_has_a_name_of_digits_and_no_token() -> None:
    secret = full().secret("mage-system")
    assert secret["metadata"]["name"] == secret_name(EMAIL) == f"magecluster-user-{an_account().id}"
    assert secret["type"] == "magecluster.io/account"
    assert set(secret["data"]) == {
        "account",
        "password",
        *(f"session.{key}" for key in full().sessions),
        *(f"token.{key}" for key in full().tokens),
    }


def test_nothing_secret_is_shown() -> None:
    shown = repr(full())
    assert "argon2" not in shown
    assert not any(digest[12:] in shown for digest in (a_session().digest, a_token(1).digest, a_token(2).digest))
    assert "argon2" not in str(a_session())
    assert a_session().digest[12:] not in repr(a_session())
    assert a_token(request="body").digest[12:] not in repr(a_token())


def data(change: Callable[[dict[str, str]], object]) -> Callable[[Manifest], object]:
    """A change of the Secret's data, decoded."""

    def apply(secret: Manifest) -> None:
        texts = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        change(texts)
        secret["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}

    return apply


SESSION = f"session.{a_session().id}"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda secret: secret.update(type="Opaque"),
        lambda secret: secret["metadata"].pop("labels"),
        lambda secret: secret["metadata"]["labels"].update({"app.kubernetes.io/component": "other"}),
        lambda secret: secret["metadata"].update(name=secret_name("eve@example.com")),
        lambda secret: secret["metadata"].update(deletionTimestamp="2026-07-01T08:00:00Z"),
        lambda secret: secret.pop("data"),
        lambda secret: secret["data"].update(account="%%%"),
        lambda secret: secret["data"].update(account=base64.b64encode(b"\xff").decode()),
        data(lambda texts: texts.pop("account")),
        data(lambda texts: texts.update(account="{}")),
        data(lambda texts: texts.update(account=texts["account"].replace("false", '"false"'))),
        data(lambda texts: texts.update(account=texts["account"].replace(EMAIL, "Ada@example.com"))),
        data(lambda texts: texts.update(account=texts["account"].replace(EMAIL, "eve@example.com"))),
        data(lambda texts: texts.update({SESSION: "{"})),
        data(lambda texts: texts.update({SESSION: texts[SESSION].replace(f'"expires":{NOW + DAY}', '"expires":NaN')})),
        data(lambda texts: texts.update({SESSION: texts[SESSION].replace("password", "magic")})),
        data(lambda texts: texts.update({"session.other": texts[SESSION]})),
        data(lambda texts: texts.update({SESSION: texts[SESSION].replace(a_session().digest, "0" * 64)})),
    ],
)
def test_what_is_no_account_is_refused_without_quoting_it(spoil: Callable[[Manifest], Any]) -> None:
    secret = live(an_account().with_session(a_session()))
    spoil(secret)
    with pytest.raises(InvalidAccountError) as refused:
        Account.parse(secret)
    assert "argon2" not in str(refused.value)
    assert a_session().digest[12:] not in str(refused.value)


def test_a_field_of_a_later_version_is_no_harm() -> None:
    secret = live(an_account())
    data(lambda texts: texts.update(account=texts["account"].replace("{", '{"later":1,', 1), later="x"))(secret)
    assert Account.parse(secret).email == EMAIL


def test_a_patch_says_what_changed_for_this_version_only() -> None:
    before = Account.parse(live(full(), version=7))
    after = before.without_session(a_session().id).with_password("$argon2id$another").with_session(a_session(3))
    patch = before.patch(after)
    assert patch["metadata"] == {"resourceVersion": "7"}
    assert set(patch["data"]) == {SESSION, "password", f"session.{a_session(3).id}"}
    assert patch["data"][SESSION] is None
    assert Account.parse(merged(live(full(), version=7), patch)) == after
    assert before.patch(before)["data"] == {}


def test_a_new_password_ends_all_sessions_in_one_write_and_leaves_service_tokens() -> None:
    before = full().with_session(a_session(3))
    after = before.with_password("$argon2id$another")
    assert not after.sessions
    assert after.tokens == before.tokens
    assert [value for key, value in before.patch(after)["data"].items() if key.startswith("session.")] == [None, None]


def test_another_hash_of_the_same_password_ends_nothing() -> None:
    after = full().rehashed("$argon2id$another")
    assert (after.password, after.sessions) == ("$argon2id$another", full().sessions)


def test_a_touch_brings_nothing_back() -> None:
    account = full().without_session(a_session().id)
    assert account.touched(a_session().id, NOW + 5) == account
    assert full().with_password("x").touched(a_session().id, NOW + 5).sessions == {}


def test_a_touch_moves_time_only_forward() -> None:
    session, token = a_session().id, a_token(1).id
    later = full().touched(session, NOW + 5).touched(token, NOW + 6)
    assert (later.sessions[session].seen, later.tokens[token].seen) == (NOW + 5, NOW + 6)
    assert later.touched(session, NOW).touched(token, NOW) == later
    assert later.sessions[session].expires == a_session().expires


def test_the_session_unused_for_longest_makes_room() -> None:
    account = an_account()
    for number in range(100):
        account = account.with_session(a_session(number, created=NOW + number))
    account = account.touched(a_session(0).id, NOW + 200)
    account = account.with_session(a_session(100, created=NOW + 100))
    assert len(account.sessions) == 100
    assert a_session(1).id not in account.sessions
    assert a_session(0).id in account.sessions
    assert a_session(100).id in account.sessions


def test_a_new_session_has_room_even_where_clocks_differ() -> None:
    account = an_account()
    for number in range(100):
        account = account.with_session(a_session(number, seen=NOW + 3600))
    assert a_session(100).id in account.with_session(a_session(100)).sessions


def test_sessions_end_absolutely_and_when_idle() -> None:
    session = a_session(expires=NOW + 100)
    assert session.lives(NOW + 9.9, 10)
    assert not session.lives(NOW + 10, 10)
    assert replace(session, seen=NOW + 95).lives(NOW + 99.9, 10)
    assert not replace(session, seen=NOW + 95).lives(NOW + 100, 10)


def test_service_tokens_end_when_revoked_or_expired() -> None:
    assert a_token().lives(NOW + 1000 * DAY)
    assert not a_token(expires=NOW + 1).lives(NOW + 1)
    assert not a_token(revoked=NOW).lives(NOW)
    assert not a_token(revoked=NOW, expires=NOW + DAY).lives(NOW)


def test_a_revoked_token_stays_a_tombstone_and_is_not_revoked_later() -> None:
    token = a_token(1)
    revoked = full().revoked(token.id, NOW + 1)
    assert revoked.tokens[token.id].revoked == NOW + 1
    assert revoked.revoked(token.id, NOW + 2) == revoked
    assert full().revoked("nothing", NOW) == full()


def test_pruning_drops_what_is_over() -> None:
    account = an_account(
        tokens={
            one.id: one
            for one in (
                a_token(1),
                a_token(2, revoked=NOW),
                a_token(3, expires=NOW),
                a_token(4, expires=NOW + 40 * DAY),
            )
        }
    ).with_session(a_session())
    assert account.pruned(NOW + DAY - 1) == account
    assert not account.pruned(NOW + DAY).sessions
    assert set(account.pruned(NOW + 30 * DAY - 1).tokens) == set(account.tokens)
    assert set(account.pruned(NOW + 30 * DAY).tokens) == {a_token(1).id, a_token(4).id}


def test_an_account_cannot_fill_its_secret() -> None:
    account = an_account()
    for number in range(100):
        account = account.with_token(a_token(number))
    with pytest.raises(LimitError):
        account.with_token(a_token(100))
    for number in range(300):
        token = a_token(number, created=NOW + number)
        account = account.revoked(token.id, NOW + number).with_token(token).revoked(token.id, NOW + number)
    pruned = account.pruned(NOW + 300)
    assert len(pruned.tokens) == 200
    assert a_token(299).id in pruned.tokens
