"""The part of the Cloud API that speaks with an OpenID provider."""

import itertools
import os
import time
from typing import Any

import pytest
from tests.support.accounts import NAMESPACE, Shelf
from tests.support.oidc import CLIENT, Provider, visit

from magecluster.cloud.access.account import Account
from magecluster.cloud.errors import CloudError, UnauthenticatedError
from magecluster.cloud.login.oidc import configured
from magecluster.cloud.login.oidc.flow import OpenIdConnect
from magecluster.cloud.login.oidc.journey import Arrival
from magecluster.cloud.login.oidc.person import Person
from magecluster.cloud.login.passwords import Passwords
from magecluster.cloud.login.sessions import Sessions
from magecluster.cloud.settings import Oidc, Settings
from magecluster.cloud.store.accounts import Accounts

KEY = bytes(range(32))
REDIRECT = "http://mage.example/api/v1/oidc/callback"
DISCOVERY = "/.well-known/openid-configuration"


class Server:
    """One replica, with a clock that the test moves; without a store of its own it can write nothing."""

    def __init__(
        self,
        provider: Provider,
        key: bytes = KEY,
        *,
        store: tuple[Accounts, Sessions] | None = None,
        bootstrap: str | None = "admin@mage.local",
        **oidc: Any,
    ) -> None:
        self.ahead = 0.0
        self.provider = provider
        self._addresses = itertools.count()
        self.accounts, self.sessions = store or self._store()
        told = Oidc(**{"issuer": provider.url, "client_id": CLIENT, "client_secret": provider.secret, **oidc})
        settings = Settings(oidc=told, bootstrap_admin=bootstrap)
        found = configured(settings, key, self.accounts, self.sessions, os.urandom)
        assert found
        self.oidc: OpenIdConnect = found

    def clock(self) -> float:
        return time.time() + self.ahead

    async def leave(self) -> Arrival:
        """Begin, and log in at the provider: the browser is about to come back."""
        departure = await self.oidc.begin(REDIRECT)
        sent = await visit(departure.url)
        return Arrival(
            cookie=departure.cookie,
            state=sent.get("state"),
            code=sent.get("code"),
            error=sent.get("error"),
            issuer=sent.get("iss"),
        )

    async def come_back(self, arrival: Arrival, redirect: str = REDIRECT) -> Person:
        """Who it is; nothing is written."""
        return await self.oidc.identify(arrival, redirect, self._address())

    async def login(self) -> Person:
        return await self.come_back(await self.leave())

    async def session(self) -> tuple[str, Account]:
        """The same to the end: text of the token, account."""
        token, session, account = await self.oidc.finish(await self.leave(), REDIRECT, self._address())
        assert session.method == "oidc"
        return token, account

    async def refusal(self, kind: type[CloudError] = UnauthenticatedError, arrival: Arrival | None = None) -> str:
        with pytest.raises(kind) as refused:
            await self.come_back(arrival or await self.leave())
        return refused.value.message

    def _address(self) -> str:
        """Another one each time: limits have tests of their own."""
        return f"192.0.2.{next(self._addresses)}"

    def _store(self) -> tuple[Accounts, Sessions]:
        accounts = Accounts(Shelf(), NAMESPACE, self.clock)
        return accounts, Sessions(accounts, Passwords(), clock=self.clock, random=os.urandom)


def other(arrival: Arrival, **changes: str | None) -> Arrival:
    """Somebody changed it."""
    told = {name: getattr(arrival, name) for name in ("cookie", "state", "code", "error", "issuer")}
    return Arrival(**{**told, **changes})
