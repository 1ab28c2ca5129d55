"""Tokens that this replica does not know yet, because another one has just made them."""

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from magecluster.cloud.access.account import Account
from magecluster.cloud.access.buckets import TokenBuckets
from magecluster.cloud.access.credentials import ServiceToken, Session
from magecluster.cloud.access.token import Parsed
from magecluster.cloud.errors import TooManyRequestsError
from magecluster.cloud.login.limits import source
from magecluster.cloud.store.accounts import Accounts


class Lookup:
    """Asks the API server, but seldom: everybody can make up tokens."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float]) -> None:
        self._accounts, self._clock = accounts, clock
        # A token is stored before it is given out, so what is not there once never will be.
        self._tokens = TokenBuckets(rate=1 / 60, burst=1)
        self._addresses = TokenBuckets(rate=2, burst=30)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def find(self, parsed: Parsed, address: str) -> tuple[Account, Session | ServiceToken] | None:
        """Raises `TooManyRequestsError`, `KubeError`."""
        # A browser begins with several requests at once: the others wait for the answer to the first.
        async with self._locks.setdefault(parsed.digest, asyncio.Lock()):
            found = self._accounts.by_digest(parsed.digest)
            now = self._clock()
            if found or self._tokens.take(parsed.digest, now):
                return found
            try:
                self._limit(address, now)
                await self._accounts.refresh(parsed.account_id)
            except BaseException:
                # Nothing was found out.
                self._tokens.refund(parsed.digest, now)
                raise
            return self._accounts.by_digest(parsed.digest)

    def _limit(self, address: str, now: float) -> None:
        if wait := self._addresses.take(source(address), now):
            raise TooManyRequestsError("too many tokens that nobody knows: wait, and then try again", retry_after=wait)
