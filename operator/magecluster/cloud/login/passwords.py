"""Passwords: hashed and compared by a few threads that give way to everything else."""

import asyncio
import os
import threading
from base64 import b32encode, b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError

from magecluster.cloud.errors import InvalidRequestError, TooManyRequestsError

SHORTEST, LONGEST = 12, 1024
NICENESS = 10
RETRY_SECONDS = 2.0
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""OWASP's profile of argon2id for little memory: 19 MiB, 2 passes, 1 lane."""

T = TypeVar("T")


class Passwords:
    """At most `workers` hashes at a time and `waiting` behind them, so that a flood of log-ins costs what we say."""

    def __init__(self, workers: int = 1, waiting: int = 16, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, hash_len=32, salt_len=16
        )
        self._nobody = _nobodys_hash(self._hasher)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="passwords", initializer=_give_way)
        self._places = threading.BoundedSemaphore(workers + waiting)

    async def hash(self, text: str) -> str:
        """Raises `TooManyRequestsError`."""
        return await self._run(lambda: self._hasher.hash(_bytes(text)))

    async def verify(self, known: str | None, text: str) -> bool:
        """Whether the text is the password of this hash; the same work without one. Raises `TooManyRequestsError`."""
        return await self._run(lambda: self._verify(known, text))

    def needs_rehash(self, known: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(known)

    def close(self) -> None:
        """Begin nothing any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, known: str | None, text: str) -> bool:
        try:
            return self._hasher.verify(known or self._nobody, _bytes(text)) and bool(known)
        except VerifyMismatchError:
            return False
        except (VerificationError, ValueError):
            # What is kept is no hash, for somebody edited it by hand. With ours, it can only be that memory is short.
            if not known:
                raise
            return self._verify(None, text)

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise TooManyRequestsError(
                "too many people log in at this moment: try again in a moment", retry_after=RETRY_SECONDS
            )
        try:
            running = self._pool.submit(work)
        except RuntimeError:
            self._places.release()
            raise
        # A place is free when its thread is: not when the client that waited for it has gone.
        running.add_done_callback(self._leave)
        return await asyncio.wrap_future(running)

    def _leave(self, _: "Future[T]") -> None:
        self._places.release()


def check_new(text: str) -> None:
    """Raises `InvalidRequestError` for what shall not become a password."""
    if not SHORTEST <= len(text) <= LONGEST:
        raise InvalidRequestError({"password": f"has to have {SHORTEST} to {LONGEST} characters"})


def generated(random: Callable[[int], bytes]) -> str:
    """A password of 120 bits, without characters that are taken for each other."""
    return b32encode(random(15)).decode().lower()


def _bytes(text: str) -> bytes:
    # The same letters are typed differently on different systems, "é" as one character or as two.
    return normalize("NFC", text).encode("utf-8", "surrogatepass")


def _nobodys_hash(hasher: PasswordHasher) -> str:
    """The form of a hash with these parameters; finding a text for it is finding a preimage of zeros."""
    salt, digest = (b64encode(bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len))
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2{hasher.type.name.lower()}$v=19${costs}${salt}${digest}"


def _give_way() -> None:
    """Hashing keeps a core busy for tens of milliseconds, and the event loop wakes up many times meanwhile.

    Argon2 runs without Python's lock, so it is the kernel that decides who of us gets the core. On Linux, a niceness
    belongs to the thread, not to the process.
    """
    # A sandbox may forbid it; then log-ins are only less polite.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
