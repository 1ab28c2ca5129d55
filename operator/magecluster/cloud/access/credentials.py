"""What an account has beside a password: sessions and service tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, FiniteFloat, TypeAdapter

from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.access.token import ID_LENGTH

MOST_SESSIONS = 100
MOST_TOKENS = 100
"""That can be used."""
MOST_TOMBSTONES = 200
TOMBSTONE_SECONDS = 30 * 24 * 3600.0
"""How long a service token is still listed after its end. A repeated request to make it finds it here."""

Method = Literal["password", "oidc"]
Seconds = FiniteFloat
"""Since 1970, UTC. Never infinite and never "not a number", which no comparison would end."""
T = TypeVar("T", "Session", "ServiceToken")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in somewhere."""

    __pydantic_config__: ClassVar = ConfigDict(strict=True)

    id: str
    digest: str = field(repr=False)
    created: Seconds
    expires: Seconds
    seen: Seconds
    """When it was used, not to the minute: see `Sessions`."""
    address: str
    """Of the client that logged in."""
    method: Method

    def lives(self, now: float, idle_seconds: float) -> bool:
        """Whether it can be used at this time."""
        return now < min(self.expires, self.seen + idle_seconds)


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A program that works in one team in the name of the account; it never can do more than the account itself."""

    __pydantic_config__: ClassVar = ConfigDict(strict=True)

    id: str
    digest: str = field(repr=False)
    name: str
    team: str
    scopes: frozenset[Permission]
    created: Seconds
    expires: Seconds | None = None
    seen: Seconds | None = None
    revoked: Seconds | None = None
    request: str | None = field(default=None, repr=False)
    """Digest of the request that made it, by which a repetition is told from another request."""

    def lives(self, now: float) -> bool:
        """Whether it can be used at this time."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def ended(self, now: float) -> float | None:
        """Since when it cannot be used any more."""
        ends = [end for end in (self.revoked, self.expires) if end is not None and end <= now]
        return min(ends) if ends else None


_ADAPTERS: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (Session, ServiceToken)}
"""Making one takes longer than reading a hundred sessions with it."""


def kept_sessions(sessions: Iterable[Session], now: float) -> dict[str, Session]:
    """Those that have not expired, at most 100, the ones used last."""
    alive = sorted((s for s in sessions if now < s.expires), key=attrgetter("seen"), reverse=True)
    return by_id(alive[:MOST_SESSIONS])


def kept_tokens(tokens: Iterable[ServiceToken], now: float) -> dict[str, ServiceToken]:
    """All that can be used, and those that ended not long ago, at most 200, the newest."""
    alive, ended = [], []
    for token in tokens:
        end = token.ended(now)
        if end is None:
            alive.append(token)
        elif now < end + TOMBSTONE_SECONDS:
            ended.append((end, token))
    ended.sort(key=lambda pair: pair[0], reverse=True)
    return by_id([*alive, *(token for _, token in ended[:MOST_TOMBSTONES])])


def by_id(found: Iterable[T]) -> dict[str, T]:
    """For looking them up."""
    return {one.id: one for one in found}


def read(kind: type[T], prefix: str, data: Mapping[str, str]) -> dict[str, T]:
    """From the keys of a Secret that begin so. Raises `ValueError`."""
    found: dict[str, T] = {}
    for key, text in data.items():
        if not key.startswith(prefix):
            continue
        one = _ADAPTERS[kind].validate_json(text)
        # Under another name it would survive its own removal.
        if key != prefix + one.id or one.id != one.digest[:ID_LENGTH]:
            raise ValueError("a key has another name than its content")
        found[one.id] = one
    return found


def written(prefix: str, ones: Iterable[T]) -> dict[str, bytes]:
    """The opposite."""
    return {prefix + one.id: _ADAPTERS[type(one)].dump_json(one) for one in ones}
