"""Texts that prove who somebody is: made once, shown once, and kept only as a digest.

A token is 32 random bytes, so a plain SHA-256 of it cannot be turned back; a slow hash would protect nothing more.
"""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256

RANDOM_BYTES = 32
ID_LENGTH = 12


class TokenKind(StrEnum):
    """What a token opens; its first letters, by which scanners of source code find lost ones."""

    SESSION = "mcs"
    SERVICE = "mct"
    INVITATION = "mci"


_OWNER = {
    TokenKind.SESSION: r"[0-9a-f]{16}",
    TokenKind.SERVICE: r"[0-9a-f]{16}",
    TokenKind.INVITATION: r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?",
}
_SHAPE = re.compile(
    "|".join(f"(?:(?P<{kind}>{kind})_(?P<{kind}_owner>{owner})_[A-Za-z0-9_-]{{43}})" for kind, owner in _OWNER.items())
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text that has the form of a token; whether it is one, the stored digests tell."""

    kind: TokenKind
    account_id: str
    """Where to look for it; of an invitation, the team."""
    digest: str = field(repr=False)
    """SHA-256 of the text, hexadecimal: all that is ever stored of it."""
    id: str
    """What people and logs call it: the beginning of the digest."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token."""

    text: str = field(repr=False)
    """Given to its owner, and then forgotten."""
    id: str
    digest: str = field(repr=False)


def make(kind: TokenKind, account_id: str, random: bytes) -> Issued:
    """A token of these 32 random bytes; the same bytes make the same token. An invitation has its team as account."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a token is made of {RANDOM_BYTES} bytes")
    text = f"{kind}_{account_id}_{urlsafe_b64encode(random).decode().rstrip('=')}"
    parsed = parse(text)
    if parsed is None:
        raise ValueError(f"no {kind} token can belong to such an account")
    return Issued(text, parsed.id, parsed.digest)


def is_id(text: str) -> bool:
    """Whether it can be what people call a token; the token itself, put in its place, is not."""
    return re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", text) is not None


@lru_cache(maxsize=1024)
def parse(text: str) -> Parsed | None:
    """What the text would be a token of; `None` when it cannot be one. Remembered, because most are sent often."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    kind = next(kind for kind in TokenKind if found[kind])
    digest = sha256(text.encode()).hexdigest()
    return Parsed(kind, found[f"{kind}_owner"], digest, digest[:ID_LENGTH])
