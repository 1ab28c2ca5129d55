"""Who accepts an invitation: somebody new, or the account that was invited.

Whoever invites has the link as well and can open it himself. So no link makes an account that has rights anywhere but
in the team that it leads to: roles go by e-mail, and all that are waiting for it would be his.
"""

from magecluster.cloud.access.account import Account
from magecluster.cloud.access.email import account_id, canonical
from magecluster.cloud.errors import ConflictError, InvalidRequestError, UnauthenticatedError
from magecluster.cloud.login.passwords import check_new
from magecluster.cloud.web import identity
from magecluster.cloud.web.call import Call
from magecluster.cloud.web.wire.teams import AcceptancePost

_LOG_IN = "there is an account with this e-mail already: log in as it, then accept with its token"
_ELSEWHERE = (
    "an invitation makes no account for this e-mail, because it has rights elsewhere: an administrator of the "
    "installation makes the account (magecluster user add), or its owner logs in once by the OpenID Connect provider; "
    "then an invitation can be accepted"
)
"""Without the names of teams, which are nothing to whoever asks."""


async def is_known(call: Call, email: str) -> bool:
    """Whether there is an account: another replica may just have made it. Raises `KubeError`."""
    accounts = call.services.accounts
    if accounts.find(email) is None:
        await accounts.refresh(account_id(email))
    return accounts.find(email) is not None


async def check_unknown(call: Call, team: str, email: str) -> None:
    """An account that a link makes may have no rights but in this team. Raises `ConflictError`, `KubeError`."""
    first = canonical(call.services.settings.bootstrap_admin or "")
    if email == first or await call.services.teams.naming(email) - {team}:
        raise ConflictError(_ELSEWHERE)


async def make_account(call: Call, team: str, email: str) -> None:
    """With the password that was sent. Raises `CloudError`, `KubeError`."""
    wish = call.sent(AcceptancePost).invitation
    if wish.password is None:
        raise InvalidRequestError({"invitation.password": "is missing: choose one for the new account"})
    check_new(wish.password)
    await check_unknown(call, team, email)
    hashed = await call.services.passwords.hash(wish.password)
    account = Account(email=email, name=wish.name or "", created=call.services.clock(), password=hashed)
    try:
        await call.services.accounts.add(account, dry_run=call.dry_run)
    except ConflictError:
        raise UnauthenticatedError(_LOG_IN) from None


async def check_logged_in(call: Call, email: str) -> None:
    """Raises `UnauthenticatedError` unless the request has a session of that account."""
    shown = identity.token_of(call.request)
    if shown is None:
        raise UnauthenticatedError(_LOG_IN)
    caller = await call.services.sessions.identify(shown.token, call.address)
    if shown.by_cookie:
        identity.check_same_site(call.request, call.services.settings)
    if caller.session is None or caller.account.email != email:
        raise UnauthenticatedError(_LOG_IN)
    call.caller = caller
