"""Logging in and out, and one's own account."""

import re

from aiohttp import web

from magecluster.cloud.access.account import Account
from magecluster.cloud.access.account import Session as Opened
from magecluster.cloud.errors import CloudError, TooManyRequestsError
from magecluster.cloud.web import paging
from magecluster.cloud.web.call import Call, answer, done, planned
from magecluster.cloud.web.identity import check_api_key
from magecluster.cloud.web.route import API, CURSOR, DRY_RUN, LIMIT, Access, Parameter, Route
from magecluster.cloud.web.services import rfc3339
from magecluster.cloud.web.wire.sessions import (
    MeAnswer,
    PasswordPut,
    Planned,
    SessionAnswer,
    SessionList,
    SessionPost,
)

SESSIONS = API + "/sessions"
USER = API + "/user"
API_KEY = Parameter(
    "X-API-KEY", "header", "The key of the installation; the published one by default", {"type": "string"}
)


async def post(call: Call) -> web.Response:
    """Log in."""
    services, sent = call.services, call.sent(SessionPost).session
    check_api_key(call.request, services.settings)
    # What is no e-mail may be a password in the wrong field.
    call.audit["who"] = sent.email if re.fullmatch(r"[^@\s]+@[^@\s]+", sent.email) else None
    try:
        token, session, account = await services.sessions.login(
            sent.email, sent.password, call.address, dry_run=call.dry_run
        )
    except CloudError as refusal:
        services.metrics.login("limited" if isinstance(refusal, TooManyRequestsError) else "refused")
        raise
    services.metrics.login("success")
    if call.dry_run:
        return answer({"session": opened(None, session, account), "dry_run": planned("session")})
    call.audit["token"] = session.id
    return answer({"session": opened(token, session, account)})


def opened(token: str | None, session: Opened, account: Account) -> dict[str, object]:
    """`Session` of the wire."""
    return {"token": token, "expires": rfc3339(session.expires), "user": user(account)}


def user(account: Account) -> dict[str, object]:
    """`User` of the wire."""
    return {"email": account.email, "name": account.name or None, "admin": account.admin}


async def list_(call: Call) -> web.Response:
    """Where the account is logged in, oldest first."""
    caller, now = call.who(), call.services.clock()
    living = [session for session in caller.account.sessions.values() if session.expires > now]
    page, metadata = paging.page(call, living, lambda one: paging.oldest_first(one.created, one.id))
    sessions = [
        {
            "id": session.id,
            "created_at": rfc3339(session.created),
            "expires": rfc3339(session.expires),
            "last_used_at": rfc3339(session.seen),
            "address": session.address,
            "current": session.id == caller.id,
        }
        for session in page
    ]
    return answer({"sessions": sessions, "metadata": metadata})


async def delete(call: Call) -> web.Response:
    """Log out."""
    if not call.dry_run:
        await call.services.sessions.end(call.who())
    return done(call, "session")


async def me(call: Call) -> web.Response:
    """Who is logged in, and where he belongs to."""
    caller = call.who()
    teams = [
        {"team": team.metadata.name, "role": role}
        for team in call.services.teams.of(caller)
        if (role := caller.role(team)) and (caller.token is None or caller.token.team == team.metadata.name)
    ]
    return answer({"user": {**user(caller.account), "teams": teams}})


async def put_password(call: Call) -> web.Response:
    """Choose a new password; ends all sessions."""
    sent = call.sent(PasswordPut).user
    await call.services.sessions.change_password(
        call.who().account.email, sent.current_password, sent.password, call.address, dry_run=call.dry_run
    )
    return done(call, "password")


_DRY = {200: "With `dryRun`"}

ROUTES = (
    Route(
        method="POST",
        path=SESSIONS,
        name="createSession",
        summary="Log in with e-mail and password",
        access=Access.PUBLIC,
        handler=post,
        takes=SessionPost,
        gives=SessionAnswer,
        tag="sessions",
        parameters=(API_KEY, DRY_RUN),
        also={429: "Too many attempts for this account or from this address"},
    ),
    Route(
        method="GET",
        path=SESSIONS,
        name="listSessions",
        summary="Read where one is logged in",
        access=Access.SESSION,
        handler=list_,
        gives=SessionList,
        tag="sessions",
        parameters=(LIMIT, CURSOR),
    ),
    Route(
        method="DELETE",
        path=SESSIONS,
        name="deleteSession",
        summary="Log out: end this session",
        access=Access.SESSION,
        handler=delete,
        gives=Planned,
        success=204,
        tag="sessions",
        parameters=(DRY_RUN,),
        also=_DRY,
    ),
    Route(
        method="GET",
        path=USER,
        name="getUser",
        summary="Read who is logged in",
        access=Access.LOGIN,
        handler=me,
        gives=MeAnswer,
        tag="sessions",
    ),
    Route(
        method="PUT",
        path=USER + "/password",
        name="putPassword",
        summary="Choose a new password; ends all sessions of the account",
        access=Access.SESSION,
        handler=put_password,
        takes=PasswordPut,
        gives=Planned,
        success=204,
        tag="sessions",
        parameters=(DRY_RUN,),
        also=_DRY,
    ),
)
