"""E-mails: one spelling a person, and nothing that only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magecluster.cloud.access.email import account_id, canonical


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.Lovelace+Mage@EXAMPLE.com", "ada.lovelace+mage@example.com"),
        ("admin@localhost", "admin@localhost"),
        ("o'neil@a-b.example", "o'neil@a-b.example"),
    ],
)
def test_case_does_not_matter(text: str, expected: str) -> None:
    assert canonical(text) == expected
    assert account_id(text) == account_id(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "a@b@example.com",
        " ada@example.com",
        "ada@example.com\n",
        "ada @example.com",
        "ada\0@example.com",
        "ada@-example.com",
        "ada@example..com",
        "ada@example.com.",
        '"a b"@example.com',
        "\u212aelvin@example.com",
        "ad\u0430@example.com",
        "ada\u200b@example.com",
        "ada@exam\u017fple.com",
        "\uff41da@example.com",
        "ada@b\u00fccher.example",
        f"{'a' * 65}@example.com",
        f"a@{'a' * 64}.com",
        f"a@{'a.' * 126}com",
    ],
)
def test_what_is_no_address_or_looks_like_another_one_is_refused(text: str) -> None:
    assert canonical(text) is None


@given(st.text())
def test_every_text_has_an_id_and_a_canonical_address_stays(text: str) -> None:
    assert len(account_id(text)) == 16
    found = canonical(text)
    assert found is None or canonical(found) == found == text.lower()


def test_also_a_text_that_is_no_unicode_has_an_id() -> None:
    assert canonical("\ud800@example.com") is None
    assert len(account_id("\ud800@example.com")) == 16
