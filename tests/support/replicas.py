"""Two processes' worth of accounts and sessions against one API server."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from tests.support.kube import Namespace
from typing_extensions import override

from magecluster.api.labels import CLOUD_API
from magecluster.cloud.access.account import Account
from magecluster.cloud.login.passwords import Passwords
from magecluster.cloud.login.sessions import Sessions
from magecluster.cloud.store.accounts import SELECTOR, Accounts
from magecluster.kube.connection import Connection
from magecluster.kube.kinds import SECRETS
from magecluster.kube.reflector import Reflector

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "something else entirely"
EMAIL = "ada@example.com"
ADDRESS = "192.0.2.7"


class Interrupted(Passwords):
    """Little work, and something that happens right after a comparison, once."""

    def __init__(self, passes: int = 1) -> None:
        super().__init__(waiting=100, hasher=PasswordHasher(time_cost=passes, memory_cost=8, parallelism=1))
        self.then: Callable[[], Awaitable[object]] | None = None

    @override
    async def verify(self, known: str | None, text: str) -> bool:
        answer = await super().verify(known, text)
        happen, self.then = self.then, None
        if happen:
            await happen()
        return answer


class Replica:
    """One process of the Cloud API, as far as accounts go."""

    def __init__(self, connection: Connection, namespace: str, *, passes: int = 1) -> None:
        self.connection, self.namespace = connection, namespace
        self.ahead = 0.0
        """Seconds that its clock goes ahead."""
        self.accounts = Accounts(connection, namespace, self.clock)
        self.passwords = Interrupted(passes)
        self.sessions = Sessions(self.accounts, self.passwords, clock=self.clock, random=os.urandom)

    def clock(self) -> float:
        return time.time() + self.ahead

    async def add(self, email: str = EMAIL, password: str = PASSWORD, *, admin: bool = False) -> Account:
        hashed = await self.passwords.hash(password)
        return await self.accounts.add(Account(email=email, admin=admin, created=self.clock(), password=hashed))

    async def login(self, password: str = PASSWORD) -> str:
        """The text of the token."""
        text, _, _ = await self.sessions.login(EMAIL, password, ADDRESS)
        return text

    async def set_password(self, password: str) -> Account:
        hashed = await self.passwords.hash(password)
        return await self.accounts.change(EMAIL, lambda account: account.with_password(hashed))


@asynccontextmanager
async def replica(space: Namespace, *, watching: bool = True, passes: int = 1) -> AsyncIterator[Replica]:
    """One that watches, or one that hears nothing of what others do."""
    async with Connection(space.cluster.kubeconfig, None, manager=CLOUD_API) as connection:
        found = Replica(connection, space.name, passes=passes)
        reflector = Reflector(connection, SECRETS, found.accounts, namespace=space.name, selector=SELECTOR)
        task = asyncio.create_task(reflector.run()) if watching else None
        try:
            if task:
                await asyncio.wait_for(reflector.synced.wait(), 30)
            yield found
        finally:
            await found.sessions.close()
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                # A watch that is cut off closes its socket in a later round of the loop, which may be the last one.
                await asyncio.sleep(0.01)
