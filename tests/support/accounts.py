"""Accounts as the API server keeps them."""

import asyncio
from typing import Any

from typing_extensions import override

from magecluster.api.model import Manifest
from magecluster.cloud.access.account import Account, ServiceToken, Session
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.access.token import TokenKind, make
from magecluster.kube.connection import Connection
from magecluster.kube.errors import NotFoundError, UnavailableError

NOW = 1_800_000_000.0
NAMESPACE = "mage-system"
EMAIL = "ada@example.com"
DAY = 24 * 3600.0


def an_account(email: str = EMAIL, **more: Any) -> Account:
    return Account(**{"email": email, "name": "Ada", "created": NOW, "password": "$argon2id$of-a-test", **more})


def a_session(number: int = 1, *, created: float = NOW, account: Account | None = None, **more: Any) -> Session:
    issued = make(TokenKind.SESSION, (account or an_account()).id, number.to_bytes(32))
    fields = {"expires": created + DAY, "seen": created, "address": "192.0.2.1", "method": "password", **more}
    return Session(id=issued.id, digest=issued.digest, created=created, **fields)


def a_token(number: int = 1, *, created: float = NOW, **more: Any) -> ServiceToken:
    issued = make(TokenKind.SERVICE, an_account().id, number.to_bytes(32))
    fields: dict[str, Any] = {"name": "ci", "team": "lab", "scopes": frozenset({Permission.READ}), **more}
    return ServiceToken(id=issued.id, digest=issued.digest, created=created, **fields)


def live(account: Account, version: int = 1, uid: str = "u-1") -> Manifest:
    """The Secret as it is read."""
    secret = account.secret(NAMESPACE)
    secret["metadata"] |= {"uid": uid, "resourceVersion": str(version)}
    return secret


class Shelf(Connection):
    """Answers to reads, given by the test; it cannot be written to: that is for a real API server."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self.secrets: dict[str, Manifest] = {}
        self.reads = 0
        self.away = False
        self.hold: asyncio.Event | None = None
        """While it is set, an answer waits for it: it is as old as the question."""

    @override
    async def request(self, method: str, path: str, *_: Any, **__: Any) -> Manifest:
        assert method == "GET", method
        self.reads += 1
        if self.away:
            raise UnavailableError("away")
        found = self.secrets.get(path.rpartition("/")[2])
        if self.hold:
            await self.hold.wait()
        if found is None:
            raise NotFoundError("no such Secret", status=404)
        return found
