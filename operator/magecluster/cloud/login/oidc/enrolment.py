"""The account of a person whom the provider vouches for: made at the first login, brought up to date at each.

An e-mail address alone opens no account that is there already. Only the identity does that made it.
"""

from dataclasses import replace

import structlog

from magecluster.cloud.access.account import Account
from magecluster.cloud.errors import ConflictError, NotFoundError, UnavailableError
from magecluster.cloud.login.oidc.person import Person
from magecluster.cloud.store.accounts import Accounts

RETRY_SECONDS = 5.0

logger = structlog.stdlib.get_logger(__name__)


class Enrolment:
    """Never makes an administrator of the installation."""

    def __init__(self, accounts: Accounts, *, after_first: bool) -> None:
        """`after_first`: the server makes an administrator when there is no account, so nobody may be there before."""
        self._accounts, self._after_first = accounts, after_first

    async def account(self, person: Person) -> Account:
        """Raises `ConflictError` when the account is not this person's, `UnavailableError`, `KubeError`."""

        def edit(account: Account) -> Account:
            _check(account, person)
            return replace(account, name=person.name or account.name, groups=person.groups)

        try:
            return await self._accounts.change(person.email, edit)
        except NotFoundError:
            pass
        try:
            return await self._make(person)
        except ConflictError:
            # Another replica was faster, or the Secret is there and is not usable.
            try:
                return await self._accounts.change(person.email, edit)
            except NotFoundError:
                raise ConflictError(
                    "the account with this e-mail is damaged: an administrator removes it with"
                    " 'magecluster user remove', and the next login makes a new one"
                ) from None

    async def _make(self, person: Person) -> Account:
        if self._after_first and not self._accounts.count():
            raise UnavailableError(
                "there is no administrator yet: try again, or make one with 'magecluster user add --admin'",
                retry_after=RETRY_SECONDS,
            )
        account = Account(
            email=person.email,
            name=person.name,
            created=self._accounts.clock(),
            identity=person.identity,
            groups=person.groups,
        )
        made = await self._accounts.add(account)
        logger.info("Made an account for %s, at the first login by OpenID Connect", person.email)
        return made


def _check(account: Account, person: Person) -> None:
    """Raises `ConflictError`."""
    if account.identity == person.identity:
        return
    owner = "belongs to somebody else at the OpenID Connect provider" if account.identity else "has a password"
    first = "" if account.identity else "log in with that, or "
    raise ConflictError(
        f"there is an account with this e-mail, which {owner}: {first}ask an administrator to remove it with"
        " 'magecluster user remove'; the next login then makes a new one"
    )
