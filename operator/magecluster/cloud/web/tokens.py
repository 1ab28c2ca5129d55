"""Service tokens: for programs that work in one team in the name of an account."""

import os
from typing import Any

from aiohttp import web

from magecluster.cloud.access.account import Account
from magecluster.cloud.access.credentials import ServiceToken
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.access.token import RANDOM_BYTES, TokenKind, make
from magecluster.cloud.errors import ConflictError, ForbiddenError, NotFoundError
from magecluster.cloud.web import idempotency, paging
from magecluster.cloud.web.call import Call, answer, done, planned
from magecluster.cloud.web.route import CURSOR, DRY_RUN, IDEMPOTENCY_KEY, LIMIT, Route, may
from magecluster.cloud.web.services import rfc3339
from magecluster.cloud.web.teams import TEAM
from magecluster.cloud.web.wire.sessions import Planned
from magecluster.cloud.web.wire.tokens import TokenAnswer, TokenList, TokenPost

TOKENS = TEAM + "/tokens"
TOKEN = TOKENS + "/{token}"
DAY = 24 * 3600.0


async def list_(call: Call) -> web.Response:
    """One's own, and for Admins those of all, oldest first."""
    everybody = Permission.MEMBERS in call.rights
    accounts = call.services.accounts.all() if everybody else [call.who().account]
    found = [(account, token) for account in accounts for token in _of(account, call)]
    page, metadata = paging.page(call, found, lambda one: paging.oldest_first(one[1].created, one[1].id))
    return answer({"tokens": [_shown(account, token) for account, token in page], "metadata": metadata})


async def post(call: Call) -> web.Response:
    """Make one; its text is shown now and never again, but to the same `Idempotency-Key`."""
    caller, sent = call.who(), call.sent(TokenPost).token
    if caller.session is None:
        raise ForbiddenError("a service token cannot make another one: log in with e-mail and password")
    call.require(frozenset(sent.scopes))
    seed, now = idempotency.seed(call), call.services.clock()
    issued = make(TokenKind.SERVICE, caller.account.id, seed or os.urandom(RANDOM_BYTES))
    token = ServiceToken(
        id=issued.id,
        digest=issued.digest,
        name=sent.name,
        team=call.of().metadata.name,
        scopes=frozenset(sent.scopes),
        created=now,
        expires=None if sent.expires_in_days is None else now + sent.expires_in_days * DAY,
        request=idempotency.fingerprint(call) if seed else None,
    )
    call.audit["changes"] = {f"tokens[{issued.id}]": [None, {"name": sent.name, "scopes": sorted(sent.scopes)}]}

    def edit(account: Account) -> Account:
        there = account.tokens.get(token.id)
        return account.with_token(token) if there is None else _repeated(call, account, there)

    account = await call.services.accounts.change(caller.account.email, edit, dry_run=call.dry_run)
    made = _shown(account, account.tokens.get(token.id, token))
    if call.dry_run:
        return answer({"token": made, "dry_run": planned("token")})
    return answer({"token": {**made, "token": issued.text}}, 201)


async def delete(call: Call) -> web.Response:
    """Revoke one: it is refused from now on."""
    owner, token = _found(call)
    now = call.services.clock()
    was = {"owner": owner.email, "name": token.name, "scopes": sorted(token.scopes)}
    call.audit["changes"] = {f"tokens[{token.id}]": [was, None]}

    def edit(account: Account) -> Account:
        return account.revoked(token.id, now)

    await call.services.accounts.change(owner.email, edit, dry_run=call.dry_run)
    return done(call, "token")


def _repeated(call: Call, account: Account, there: ServiceToken) -> Account:
    idempotency.check_same(there.request, call)
    if not there.lives(call.services.clock()):
        raise ConflictError("the token of this Idempotency-Key has ended: send a new key for a new token")
    return account


def _of(account: Account, call: Call) -> list[ServiceToken]:
    return [token for token in account.tokens.values() if token.team == call.of().metadata.name]


def _found(call: Call) -> tuple[Account, ServiceToken]:
    """Raises `NotFoundError`, also for tokens of others that one may not see."""
    id_ = call.path("token")
    everybody = Permission.MEMBERS in call.rights
    for account in call.services.accounts.all() if everybody else [call.who().account]:
        for token in _of(account, call):
            if token.id == id_:
                return account, token
    raise NotFoundError(f"there is no service token {id_}, or it is not yours")


def _shown(account: Account, token: ServiceToken) -> dict[str, Any]:
    def when(seconds: float | None) -> str | None:
        return None if seconds is None else rfc3339(seconds)

    return {
        "id": token.id,
        "name": token.name,
        "owner": account.email,
        "scopes": sorted(token.scopes),
        "created_at": rfc3339(token.created),
        "expires": when(token.expires),
        "last_used_at": when(token.seen),
        "revoked_at": when(token.revoked),
    }


ROUTES = (
    Route(
        method="GET",
        path=TOKENS,
        name="listTokens",
        summary="Read one's own service tokens, or as Admin those of all members",
        access=may(Permission.TEAM),
        handler=list_,
        gives=TokenList,
        tag="tokens",
        parameters=(LIMIT, CURSOR),
    ),
    Route(
        method="POST",
        path=TOKENS,
        name="createToken",
        summary="Make a service token; shown once",
        access=may(Permission.TEAM),
        handler=post,
        takes=TokenPost,
        gives=TokenAnswer,
        success=201,
        tag="tokens",
        parameters=(DRY_RUN, IDEMPOTENCY_KEY),
        also={200: "With `dryRun`", 409: "There are too many, or the token of this `Idempotency-Key` has ended"},
    ),
    Route(
        method="DELETE",
        path=TOKEN,
        name="deleteToken",
        summary="Revoke a service token",
        access=may(Permission.TEAM),
        handler=delete,
        gives=Planned,
        success=204,
        tag="tokens",
        parameters=(DRY_RUN,),
        also={200: "With `dryRun`"},
    ),
)
