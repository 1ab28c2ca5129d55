"""The page of an invitation, with texts that no team and no address can have."""

import pytest

from magecluster.cloud.web.invitation_page import page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=\"alert('1')\">"
OFFER = {
    "team": "lab",
    "email": "new@example.com",
    "role": "Editor",
    "expires": "2026-07-04T08:00:00Z",
    "has_account": False,
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("field", ["team", "email", "role", "expires"])
def test_nothing_of_an_invitation_is_html(field: str, known: bool) -> None:  # noqa: FBT001
    text, harmless = (page({**OFFER, "has_account": known, field: what}).text or "" for what in (HOSTILE, "harmless"))
    assert text.count("<script") == harmless.count("<script") == 1
    assert text.count("<img") == 0
    assert text.count('"') == harmless.count('"')


def test_every_page_has_a_nonce_of_its_own() -> None:
    first, second = (page(OFFER).headers["Content-Security-Policy"] for _ in range(2))
    assert first != second
