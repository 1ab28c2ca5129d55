"""Writing down that sessions and service tokens are used, in the background and seldom."""

import asyncio
from collections.abc import Callable

import structlog

from magecluster.cloud.access.account import Account
from magecluster.cloud.access.buckets import TokenBuckets
from magecluster.cloud.access.caller import Caller
from magecluster.cloud.errors import CloudError
from magecluster.cloud.store.accounts import Accounts
from magecluster.kube.errors import KubeError

RETRY_SECONDS = 60.0

logger = structlog.stdlib.get_logger(__name__)


class Touch:
    """An edit like all others: it finds nothing to touch where somebody has logged out meanwhile."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float], *, every: float) -> None:
        """At most once in `every` seconds for each session or token."""
        self._accounts, self._clock, self._every = accounts, clock, every
        self._tries = TokenBuckets(rate=1 / min(every, RETRY_SECONDS), burst=1)
        self._tasks: set[asyncio.Task[None]] = set()

    def used(self, caller: Caller) -> None:
        """Note it, if it was not noted lately."""
        now = self._clock()
        if not self._due(caller, now) or self._tries.take(caller.digest, now):
            return
        task = asyncio.create_task(self._write(caller, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return bool(self._tasks)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write(self, caller: Caller, now: float) -> None:
        def edit(account: Account) -> Account:
            return account.touched(caller.id, now)

        try:
            await self._accounts.change(caller.account.email, edit)
        except (KubeError, CloudError) as error:
            # The session goes on: a later request tries again, long before the idle time is over.
            logger.warning("Could not note that session or token %s is used: %s", caller.id, error)

    def _due(self, caller: Caller, now: float) -> bool:
        seen = caller.session.seen if caller.session else caller.token.seen if caller.token else None
        return seen is None or now - seen >= self._every
