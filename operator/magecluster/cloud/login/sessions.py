"""Sessions: made by a log-in, recognised by their token, ended by a log-out, by time, or with their account."""

from collections.abc import Callable
from functools import partial

from magecluster.cloud.access.account import Account
from magecluster.cloud.access.caller import Caller
from magecluster.cloud.access.credentials import Method, ServiceToken, Session
from magecluster.cloud.access.email import account_id
from magecluster.cloud.access.token import RANDOM_BYTES, TokenKind, make, parse
from magecluster.cloud.errors import ForbiddenError, NotFoundError, TooManyRequestsError, UnauthenticatedError
from magecluster.cloud.login.limits import LoginLimits
from magecluster.cloud.login.lookup import Lookup
from magecluster.cloud.login.passwords import Passwords, check_new
from magecluster.cloud.login.touch import Touch
from magecluster.cloud.store.accounts import Accounts

ATTEMPTS = 3
"""Passwords that are compared when the account's changes while somebody logs in."""


class ChangedError(UnauthenticatedError):
    """What was proven when somebody logged in is not true any more."""


class Sessions:
    """Used on several replicas at the same time: what counts is in the Secret of the account."""

    def __init__(  # noqa: PLR0913  all of them are names
        self,
        accounts: Accounts,
        passwords: Passwords,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        session_seconds: float = 24 * 3600.0,
        idle_seconds: float = 8 * 3600.0,
        limits: LoginLimits | None = None,
    ) -> None:
        """`clock` in seconds since 1970; `random` makes so many bytes that nobody can guess.

        A session ends `session_seconds` after the log-in, and `idle_seconds` after it was used last. As its use is
        written down only every eighth of that time, it can be an eighth less.
        """
        self._accounts, self._passwords = accounts, passwords
        self._clock, self._random = clock, random
        self._session_seconds, self._idle_seconds = session_seconds, idle_seconds
        self._limits = limits or LoginLimits()
        self._lookup = Lookup(accounts, clock)
        self._touch = Touch(accounts, clock, every=self._idle_seconds / 8)

    async def login(
        self, email: str, password: str, address: str, *, dry_run: bool = False
    ) -> tuple[str, Session, Account]:
        """The text of the token, the session and the account.

        Raises `UnauthenticatedError`, the same whatever was wrong; `TooManyRequestsError`, `KubeError`.
        """
        self._limits.attempt(email, address, self._clock())
        for _ in range(ATTEMPTS):
            account = await self._proven(email, password)
            fresh = await self._rehashed(account, password)
            try:
                opened = await self._open(account, address, "password", fresh=fresh, dry_run=dry_run)
            except ChangedError:
                continue
            self._limits.success(email, self._clock())
            return opened
        raise _wrong()

    async def open(
        self, account: Account, address: str, method: Method, *, until: float | None = None, dry_run: bool = False
    ) -> tuple[str, Session, Account]:
        """A session for somebody who has proven that this account, as it is, is theirs; `until` is the latest end.

        Raises `UnauthenticatedError` when what they have proven is not true any more, `KubeError`.
        """
        return await self._open(account, address, method, until=until, dry_run=dry_run)

    async def change_password(
        self, email: str, password: str, new: str, address: str, *, dry_run: bool = False
    ) -> Account:
        """Another password, for somebody who knows the present one; all sessions of the account end.

        Raises `InvalidRequestError`, `ForbiddenError`, `TooManyRequestsError`, `KubeError`.
        """
        check_new(new)
        self._limits.attempt(email, address, self._clock())
        try:
            account = await self._proven(email, password)
            hashed = await self._passwords.hash(new)

            def edit(newest: Account) -> Account:
                return _still(newest, account).with_password(hashed)

            changed = await self._accounts.change(email, edit, dry_run=dry_run)
        except (UnauthenticatedError, NotFoundError):
            raise ForbiddenError("the present password is another one: nothing was changed") from None
        self._limits.success(email, self._clock())
        return changed

    async def identify(self, text: str, address: str) -> Caller:
        """Whose token this is, at this moment. Raises `UnauthenticatedError`, `TooManyRequestsError`, `KubeError`."""
        parsed = parse(text)
        if parsed is None or parsed.kind is TokenKind.INVITATION:
            raise _nobody()
        found = self._accounts.by_digest(parsed.digest) or await self._lookup.find(parsed, address)
        caller = self._caller(found)
        if caller is None or caller.account.id != parsed.account_id:
            raise _nobody()
        self._touch.used(caller)
        return caller

    def again(self, caller: Caller) -> Caller | None:
        """The same caller as of now, for what takes long; `None` when the token is not accepted any more."""
        return self._caller(self._accounts.by_digest(caller.digest))

    async def end(self, caller: Caller) -> None:
        """Log out, on every replica. Raises `ForbiddenError`, `KubeError`."""
        if caller.session is None:
            raise ForbiddenError("a service token does not log out: revoke it")
        try:
            await self._accounts.change(caller.account.email, partial(_without, caller.session.id))
        except NotFoundError:
            return

    @property
    def busy(self) -> bool:
        """Whether something is being written in the background."""
        return self._touch.busy

    async def close(self) -> None:
        """Give up what runs in the background."""
        await self._touch.close()
        self._passwords.close()

    async def _proven(self, email: str, password: str) -> Account:
        """The account whose password this is: one comparison, whoever and whatever is wrong."""
        account = self._accounts.find(email)
        known = account.password if account else None
        if await self._passwords.verify(known, password) and account:
            return account
        # Another replica may have heard of the account or of its password a moment ago, and a second comparison is made
        # only in that moment.
        await self._accounts.refresh(account_id(email))
        account = self._accounts.find(email)
        newer = account.password if account else None
        if account and newer and newer != known and await self._passwords.verify(newer, password):
            return account
        raise _wrong()

    async def _rehashed(self, account: Account, password: str) -> str | None:
        if account.password is None or not self._passwords.needs_rehash(account.password):
            return None
        try:
            return await self._passwords.hash(password)
        except TooManyRequestsError:
            # The next log-in can do it.
            return None

    async def _open(
        self,
        account: Account,
        address: str,
        method: Method,
        *,
        fresh: str | None = None,
        until: float | None = None,
        dry_run: bool = False,
    ) -> tuple[str, Session, Account]:
        now = self._clock()
        issued = make(TokenKind.SESSION, account.id, self._random(RANDOM_BYTES))
        expires = now + self._session_seconds
        session = Session(
            id=issued.id,
            digest=issued.digest,
            created=now,
            expires=expires if until is None else min(expires, until),
            seen=now,
            address=address,
            method=method,
        )

        def edit(newest: Account) -> Account:
            proven = _still(newest, account)
            return (proven.rehashed(fresh) if fresh else proven).with_session(session)

        try:
            changed = await self._accounts.change(account.email, edit, dry_run=dry_run)
        except NotFoundError:
            raise ChangedError(_wrong().message) from None
        return issued.text, session, changed

    def _caller(self, found: tuple[Account, Session | ServiceToken] | None) -> Caller | None:
        if found is None:
            return None
        account, key = found
        now = self._clock()
        if isinstance(key, Session):
            return Caller(account, session=key) if key.lives(now, self._idle_seconds) else None
        return Caller(account, token=key) if key.lives(now) else None


def _without(id_: str, account: Account) -> Account:
    return account.without_session(id_)


def _still(newest: Account, proven: Account) -> Account:
    """Raises `ChangedError`."""
    if _proof(newest) != _proof(proven):
        raise ChangedError(_wrong().message)
    return newest


def _proof(account: Account) -> tuple[str | None, str | None, float]:
    """What a log-in rests on. A removed account that was made again has another time, and another salt."""
    return account.password, account.identity, account.created


def _wrong() -> UnauthenticatedError:
    return UnauthenticatedError("the e-mail and the password do not belong together: check both")


def _nobody() -> UnauthenticatedError:
    return UnauthenticatedError("nobody is logged in by this token, or no longer: log in again")
