"""Accounts: all of them in memory, kept up to date by a watch, and written by patches of exactly one version."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from weakref import WeakValueDictionary

import structlog

from magecluster.api.model import Manifest
from magecluster.cloud.access.account import LABELS, Account, InvalidAccountError, secret_of
from magecluster.cloud.access.credentials import ServiceToken, Session
from magecluster.cloud.access.email import account_id, canonical
from magecluster.cloud.errors import CloudError, ConflictError, NotFoundError
from magecluster.cloud.store.signal import Signal
from magecluster.kube.connection import Connection, list_all
from magecluster.kube.errors import ConflictError as KubeConflictError
from magecluster.kube.errors import NotFoundError as KubeNotFoundError
from magecluster.kube.kinds import SECRETS, Identity

SELECTOR = ",".join(f"{label}={value}" for label, value in LABELS.items())
"""Finds the Secrets of all accounts."""
ATTEMPTS = 20
BACKOFF_SECONDS = 0.02
MOST_GRAVES = 10_000
FOREVER = float("inf")

Edit = Callable[[Account], Account]
"""Called again for each version that it meets. Raises `CloudError` where it is not to be made."""

logger = structlog.stdlib.get_logger(__name__)


class Entry(NamedTuple):
    """One Secret."""

    uid: str
    version: int
    account: Account | None
    """`None` when the Secret is not usable: nobody can log in by it."""


class Accounts:
    """A sink of a reflector of Secrets, see `SELECTOR`; without one it knows what it was asked for."""

    def __init__(self, connection: Connection, namespace: str, clock: Callable[[], float]) -> None:
        self.namespace = namespace
        self.news = Signal()
        """Fired at each change of any account."""
        self.clock = clock
        """Seconds since 1970."""
        self._connection = connection
        self._entries: dict[str, Entry] = {}
        """By the name of the Secret."""
        self._digests: dict[str, tuple[str, str]] = {}
        """Of every session and token: name of the Secret, id."""
        self._graves: OrderedDict[str, float] = OrderedDict()
        """UIDs that were seen to go, and at which version: answers that were under way then come too late."""
        self._lists = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def put(self, live: Manifest) -> None:
        """Take in what is newer than what is known."""
        metadata = live["metadata"]
        name, uid, version = metadata["name"], metadata["uid"], int(metadata["resourceVersion"])
        known = self._entries.get(name)
        if (known and known.version >= version) or self._graves.get(uid, 0) >= version:
            return
        try:
            account = Account.parse(live)
        except InvalidAccountError as error:
            logger.warning("Secret %s/%s is not usable as an account: %s", self.namespace, name, error)
            account = None
        self._index(name, Entry(uid, version, account))

    def remove(self, live: Manifest) -> None:
        """Forget what was deleted, or is no account any more."""
        metadata = live["metadata"]
        self._bury(metadata["name"], metadata["uid"], int(metadata["resourceVersion"]))

    def retain(self, identities: set[Identity], _: str | None = None, /) -> None:
        """Forget everything else: a complete list was read; there is one namespace only."""
        self._lists += 1
        for name, entry in list(self._entries.items()):
            if (self.namespace, name, entry.uid) not in identities:
                self._index(name, None)

    def find(self, email: str) -> Account | None:
        """The newest known state of an account."""
        address = canonical(email)
        entry = self._entries.get(secret_of(account_id(address))) if address else None
        account = entry.account if entry else None
        return account if account and account.email == address else None

    def by_digest(self, digest: str) -> tuple[Account, Session | ServiceToken] | None:
        """The session or service token with this digest, whether it still can be used or not, and whose it is."""
        if (place := self._digests.get(digest)) is None:
            return None
        account = self._entries[place[0]].account
        found = account and (account.sessions.get(place[1]) or account.tokens.get(place[1]))
        return (account, found) if account and found else None

    def all(self) -> list[Account]:
        """Every usable account that is known, by e-mail."""
        found = (entry.account for entry in self._entries.values())
        return sorted((account for account in found if account), key=lambda account: account.email)

    def count(self) -> int:
        """How many Secrets there are, usable or not."""
        return len(self._entries)

    async def load(self) -> None:
        """Read all once, where no reflector runs. Raises `KubeError`."""
        for live in await list_all(self._connection, SECRETS.path(self.namespace), labelSelector=SELECTOR):
            self.put(live)

    async def refresh(self, id_: str) -> None:
        """Ask the API server for one account, of which another replica may know more. Raises `KubeError`."""
        name = secret_of(id_)
        before = self._entries.get(name)
        try:
            await self._learn(name, lambda: self._connection.get(SECRETS.path(self.namespace, name)))
        except KubeNotFoundError:
            # Unless somebody made it since the API server said no.
            if before and self._entries.get(name) == before:
                self._bury(name, before.uid, FOREVER)

    async def add(self, account: Account, *, dry_run: bool = False) -> Account:
        """Raises `ConflictError` of the Cloud API when it is there, `KubeError`."""
        manifest, name = account.secret(self.namespace), secret_of(account.id)
        path = SECRETS.path(self.namespace)
        try:
            live = await self._learn(
                name, lambda: self._connection.create(path, manifest, dry_run=dry_run), dry_run=dry_run
            )
        except KubeConflictError as error:
            raise ConflictError("there is an account with this e-mail: change that one") from error
        return Account.parse(live)

    async def change(self, email: str, edit: Edit, *, dry_run: bool = False) -> Account:
        """Make an edit of whatever version is the newest when it is written.

        What others wrote meanwhile stays, and what they removed stays away: the edit sees it. Raises `NotFoundError` of
        the Cloud API, what the edit raises, `KubeError`.
        """
        id_ = account_id(email)
        # Our own requests queue up here, instead of all but one being refused by the API server.
        async with self._locks.setdefault(id_, asyncio.Lock()):
            account = self.find(email)
            for attempt in range(ATTEMPTS):
                newest = account is None
                if account is None:
                    account = await self._read(email)
                done = await self._attempt(account, edit, newest=newest, dry_run=dry_run)
                if done is not None:
                    return done
                account = None
                await asyncio.sleep(BACKOFF_SECONDS * attempt)
        raise ConflictError("the account is changed by others again and again: try again")

    async def delete(self, email: str, *, dry_run: bool = False) -> None:
        """Delete an account, and with it all its sessions and tokens. Raises like `change`."""
        name = secret_of(account_id(email))
        path = SECRETS.path(self.namespace, name)
        try:
            # Also one that cannot be used; and it is the newest that is meant, whoever wrote it.
            uid = str((await self._connection.get(path))["metadata"]["uid"])
            await self._connection.delete(path, uid=uid, resource_version=None, dry_run=dry_run)
        except KubeNotFoundError as error:
            raise _nobody() from error
        except KubeConflictError as error:
            raise ConflictError("the account was made anew meanwhile: look at it, and try again") from error
        if not dry_run:
            self._bury(name, uid, FOREVER)

    async def _attempt(self, account: Account, edit: Edit, *, newest: bool, dry_run: bool) -> Account | None:
        """`None` when it has to be made of a newer version."""
        try:
            after = edit(account)
        except CloudError:
            if newest:
                raise
            return None
        if after == account:
            return account if newest else None
        patch = account.patch(after.pruned(self.clock()))
        name = secret_of(account.id)
        path = SECRETS.path(self.namespace, name)
        try:
            live = await self._learn(
                name, lambda: self._connection.merge(path, patch, dry_run=dry_run), dry_run=dry_run
            )
        except (KubeConflictError, KubeNotFoundError):
            return None
        return Account.parse(live)

    async def _read(self, email: str) -> Account:
        await self.refresh(account_id(email))
        if (account := self.find(email)) is None:
            raise _nobody()
        return account

    async def _learn(self, name: str, ask: Callable[[], Awaitable[Manifest]], *, dry_run: bool = False) -> Manifest:
        """Ask, and take in the answer."""
        lists = self._lists
        live = await ask()
        if dry_run:
            return live
        if self._lists == lists:
            self.put(live)
        else:
            # A complete list was read meanwhile. If the Secret is not in it, our answer may be from before its
            # deletion, which no watch will tell any more: only the API server knows.
            await self.refresh(name.removeprefix(secret_of("")))
        return live

    def _bury(self, name: str, uid: str, version: float) -> None:
        known = self._entries.get(name)
        if known and known.uid == uid and known.version <= version:
            self._index(name, None)
        self._graves[uid] = max(version, self._graves.get(uid, 0))
        while len(self._graves) > MOST_GRAVES:
            self._graves.popitem(last=False)

    def _index(self, name: str, entry: Entry | None) -> None:
        """Replace an entry, and tell."""
        before = self._entries.pop(name, None)
        for one in _credentials(before):
            if self._digests.get(one.digest) == (name, one.id):
                del self._digests[one.digest]
        if entry:
            self._entries[name] = entry
        self._digests |= {one.digest: (name, one.id) for one in _credentials(entry)}
        self.news.fire()


def _credentials(entry: Entry | None) -> list[Session | ServiceToken]:
    account = entry.account if entry else None
    return [*account.sessions.values(), *account.tokens.values()] if account else []


def _nobody() -> NotFoundError:
    return NotFoundError("there is no account with this e-mail: make it, or look for it in the list")
