"""A login under way. It can end on another replica than it began on, so nothing of it is kept in memory.

The cookie is 32 random bytes, the time, and a seal that only the server can make. What the provider is told and has to
send back (state, nonce), and the secret of PKCE, are made of the cookie by the server's key: whoever reads a cookie
learns none of them, and whoever makes one up is found out.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from magecluster.cloud.errors import UnauthenticatedError

SECONDS = 600
"""How long somebody may take to log in at the provider."""
SKEW_SECONDS = 60
"""How far the clocks of two replicas may be apart."""
TIME_BYTES, RANDOM_BYTES, SEAL_BYTES = 8, 32, 32
COOKIE_BYTES = TIME_BYTES + RANDOM_BYTES + SEAL_BYTES


@dataclass(frozen=True, slots=True)
class Journey:
    """One login, from the redirect to the provider until the provider sends the browser back."""

    cookie: str = field(repr=False)
    state: str = field(repr=False)
    """Comes back with the browser: the answer belongs to this login."""
    nonce: str = field(repr=False)
    """Comes back in the ID token: it was made for this login."""
    verifier: str = field(repr=False)
    """Goes to the token endpoint: the code was given to this login (PKCE, RFC 7636)."""


class Departure(NamedTuple):
    """A login that begins."""

    url: str
    """Where the browser goes."""
    cookie: str
    """What it brings back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """The browser comes back from the provider. Everything in it may be made up."""

    cookie: str | None = field(repr=False)
    state: str | None = field(repr=False)
    code: str | None = field(repr=False)
    error: str | None = None
    issuer: str | None = None
    """RFC 9207."""


class Journeys:
    """Begins and continues logins, with the same key on every replica."""

    def __init__(self, key: bytes, audience: str, clock: Callable[[], float], random: Callable[[int], bytes]) -> None:
        """`audience` is the provider and the client there: a login that began with another one cannot go on."""
        self._key = hmac.digest(key, b"oidc" + audience.encode(), "sha256")
        self._clock, self._random = clock, random

    def begin(self) -> Journey:
        """A new login."""
        content = int(self._clock()).to_bytes(TIME_BYTES) + self._random(RANDOM_BYTES)
        return self._journey(content, content + self._made("seal", content))

    def resume(self, cookie: str | None, state: str | None) -> Journey:
        """The login that this browser began. Raises `UnauthenticatedError`."""
        sealed = _decoded(cookie or "")
        content, seal = sealed[:-SEAL_BYTES], sealed[-SEAL_BYTES:]
        if len(sealed) != COOKIE_BYTES or not hmac.compare_digest(seal, self._made("seal", content)):
            raise _unknown()
        age = self._clock() - int.from_bytes(content[:TIME_BYTES])
        journey = self._journey(content, sealed)
        given = (state or "").encode("utf-8", "surrogatepass")
        if not -SKEW_SECONDS <= age < SECONDS or not hmac.compare_digest(journey.state.encode(), given):
            raise _unknown()
        return journey

    def _journey(self, content: bytes, sealed: bytes) -> Journey:
        state, nonce, verifier = (_text(self._made(what, content)) for what in ("state", "nonce", "verifier"))
        return Journey(_text(sealed), state, nonce, verifier)

    def _made(self, what: str, content: bytes) -> bytes:
        return hmac.digest(self._key, what.encode() + content, "sha256")


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(cookie: str) -> bytes:
    try:
        return urlsafe_b64decode(cookie)
    except ValueError:
        return b""


def _unknown() -> UnauthenticatedError:
    return UnauthenticatedError(
        "this login was not begun in this browser, or too long ago, or another one was begun since: begin again"
    )
