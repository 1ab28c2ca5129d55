"""Tokens: their form, what is kept of them, what they never show."""

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magecluster.cloud.access.token import Issued, TokenKind, make, parse

OWNER = "0123456789abcdef"


@given(st.binary(min_size=32, max_size=32), st.sampled_from([TokenKind.SESSION, TokenKind.SERVICE]))
def test_what_is_made_is_recognised(random: bytes, kind: TokenKind) -> None:
    issued = make(kind, OWNER, random)
    assert re.fullmatch(rf"{kind}_{OWNER}_[A-Za-z0-9_-]{{43}}", issued.text)
    assert issued.digest == sha256(issued.text.encode()).hexdigest()
    assert issued.id == issued.digest[:12]
    parsed = parse(issued.text)
    assert parsed
    assert (parsed.kind, parsed.account_id, parsed.digest, parsed.id) == (kind, OWNER, issued.digest, issued.id)


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True), st.binary(min_size=32, max_size=32))
def test_an_invitation_belongs_to_a_team(team: str, random: bytes) -> None:
    parsed = parse(make(TokenKind.INVITATION, team, random).text)
    assert parsed
    assert (parsed.kind, parsed.account_id) == (TokenKind.INVITATION, team)


def test_the_same_bytes_make_the_same_token_and_others_another_one() -> None:
    first = make(TokenKind.SERVICE, OWNER, bytes(32))
    assert first == make(TokenKind.SERVICE, OWNER, bytes(32))
    assert first.digest != make(TokenKind.SESSION, OWNER, bytes(32)).digest
    assert first.digest != make(TokenKind.SERVICE, OWNER, bytes(31) + b"\1").digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mcs",
        f"mcs_{OWNER}_",
        f"mcs_{OWNER}_{'A' * 42}",
        f"mcs_{OWNER}_{'A' * 44}",
        f"mcs_{OWNER}_{'A' * 43}\n",
        f" mcs_{OWNER}_{'A' * 43}",
        f"mcs_{OWNER.upper()}_{'A' * 43}",
        f"mcs_{OWNER[:-1]}_{'A' * 43}",
        f"mcs_lab_{'A' * 43}",
        f"mcx_{OWNER}_{'A' * 43}",
        f"mci_-lab_{'A' * 43}",
        f"mci_Lab_{'A' * 43}",
        f"mci_{'a' * 64}_{'A' * 43}",
        f"mcs_{OWNER}_{'é' * 43}",
        f"mcs_٠123456789abcdef_{'A' * 43}",  # noqa: RUF001  a digit, but not ours
    ],
)
def test_what_has_another_form_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(("owner", "random"), [("lab", bytes(32)), (OWNER, bytes(31)), ("", bytes(32))])
def test_nothing_is_made_that_would_not_be_recognised(owner: str, random: bytes) -> None:
    with pytest.raises(ValueError, match="token"):
        make(TokenKind.SESSION, owner, random)


def test_neither_text_nor_digest_is_shown() -> None:
    issued: Issued = make(TokenKind.SESSION, OWNER, bytes(range(32)))
    shown = f"{issued!r} {parse(issued.text)!r}"
    assert issued.id in shown
    assert issued.text[20:] not in shown
    assert issued.digest[12:] not in shown
