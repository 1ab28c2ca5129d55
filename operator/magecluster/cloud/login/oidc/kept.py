"""Something that the provider says of itself and that seldom changes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from magecluster.cloud.errors import CloudError

FRESH_SECONDS = 3600.0
"""After so long it is asked for again."""
STALE_SECONDS = 24 * 3600.0
"""So long it is used while the provider does not answer."""
AGAIN_SECONDS = 10.0
"""The provider is not asked more often than this, whatever happens."""

T = TypeVar("T")
logger = structlog.stdlib.get_logger(__name__)


class Kept(Generic[T]):
    """Asked for by one at a time; the others wait for that answer."""

    def __init__(self, what: str, fetch: Callable[[], Awaitable[T]], clock: Callable[[], float]) -> None:
        """`what` is for the log."""
        self._what, self._fetch, self._clock = what, fetch, clock
        self._value: T | None = None
        self._read = float("-inf")
        """When the value was read."""
        self._asked = float("-inf")
        self._failure: CloudError | None = None
        """Of the last attempt."""
        self._lock = asyncio.Lock()

    async def get(self) -> T:
        """Raises what the fetch raises."""
        async with self._lock:
            return await self._known(FRESH_SECONDS)

    async def newer(self) -> T:
        """The same when the known value does not do: asked for again, unless that was done a moment ago."""
        async with self._lock:
            value = await self._known(AGAIN_SECONDS)
            if self._failure:
                raise self._failure.with_traceback(None)
            return value

    async def _known(self, fresh: float) -> T:
        now = self._clock()
        if self._value is not None and 0 <= now - self._read < fresh:
            return self._value
        if not 0 <= now - self._asked < AGAIN_SECONDS:
            await self._ask()
        if self._value is None or now - self._read >= STALE_SECONDS:
            # There was an error, else there were a value.
            raise self._failure.with_traceback(None) if self._failure else RuntimeError(self._what)
        return self._value

    async def _ask(self) -> None:
        try:
            self._value, self._failure = await self._fetch(), None
            self._read = self._clock()
        except CloudError as error:
            self._failure = error
            if self._value is not None:
                logger.warning("Could not read the %s of the OpenID Connect provider again: %s", self._what, error)
        # Counted from the end of the attempt: whoever waited for it does not wait for another one.
        self._asked = self._clock()
