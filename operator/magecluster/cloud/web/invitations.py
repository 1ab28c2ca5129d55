"""Invitations by a one-time link: nobody needs to send mail, and whoever invites chooses how the link travels."""

import os
from typing import Any

from aiohttp import web

from magecluster.api.mageteam import MageTeam
from magecluster.cloud.access.email import canonical
from magecluster.cloud.access.invitation import Invitation
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.access.token import RANDOM_BYTES, Parsed, TokenKind, make, parse
from magecluster.cloud.errors import GoneError, InvalidRequestError, NotFoundError, TooManyRequestsError
from magecluster.cloud.web import idempotency, identity, newcomer, paging
from magecluster.cloud.web.call import Call, answer, done, planned
from magecluster.cloud.web.invitation_page import page
from magecluster.cloud.web.members import joined
from magecluster.cloud.web.route import API, CURSOR, DRY_RUN, IDEMPOTENCY_KEY, LIMIT, Access, Route, may
from magecluster.cloud.web.services import rfc3339
from magecluster.cloud.web.teams import TEAM
from magecluster.cloud.web.wire.sessions import Planned
from magecluster.cloud.web.wire.teams import (
    AcceptancePost,
    InvitationAnswer,
    InvitationList,
    InvitationPost,
    OfferAnswer,
)

INVITATIONS = TEAM + "/invitations"
INVITATION = INVITATIONS + "/{invitation}"
LINK = API + "/invitations/{token}"
HOUR = 3600.0


async def list_(call: Call) -> web.Response:
    """Open invitations, oldest first."""
    team = call.of().metadata
    found = await call.services.invitations.of(team.name, team.uid)
    page, metadata = paging.page(call, found.values(), lambda one: paging.oldest_first(one.created, one.id))
    return answer({"invitations": [_shown(one) for one in page], "metadata": metadata})


async def post(call: Call) -> web.Response:
    """Invite; the link is shown now and never again, but to the same `Idempotency-Key`."""
    sent, team, now = call.sent(InvitationPost).invitation, call.of().metadata, call.services.clock()
    email = canonical(sent.email)
    if email is None:
        raise InvalidRequestError({"invitation.email": "is no e-mail address like somebody@example.com, in ASCII"})
    if not await newcomer.is_known(call, email):
        await newcomer.check_unknown(call, team.name, email)
    seed = idempotency.seed(call)
    issued = make(TokenKind.INVITATION, team.name, seed or os.urandom(RANDOM_BYTES))
    invitation = Invitation(
        id=issued.id,
        digest=issued.digest,
        email=email,
        role=sent.role,
        team_uid=team.uid,
        by=call.who().account.email,
        created=now,
        expires=now + sent.expires_in_hours * HOUR,
        request=idempotency.fingerprint(call) if seed else None,
    )
    call.audit["changes"] = {f"invitations[{issued.id}]": [None, {"email": email, "role": sent.role}]}
    there = (await call.services.invitations.of(team.name, team.uid)).get(issued.id) if seed else None
    if there:
        idempotency.check_same(there.request, call)
    else:
        await call.services.invitations.add(team.name, invitation, dry_run=call.dry_run)
    shown = _shown(there or invitation)
    if call.dry_run:
        return answer({"invitation": shown, "dry_run": planned("invitation")})
    link = identity.origin(call.request, call.services.settings) + LINK.format(token=issued.text)
    return answer({"invitation": {**shown, "link": link}}, 201)


async def delete(call: Call) -> web.Response:
    """Withdraw an invitation."""
    id_, team = call.path("invitation"), call.of().metadata
    if there := (await call.services.invitations.of(team.name, team.uid)).get(id_):
        call.audit["changes"] = {f"invitations[{id_}]": [{"email": there.email, "role": there.role}, None]}
    if not await call.services.invitations.remove(team.name, id_, dry_run=call.dry_run):
        raise NotFoundError(f"there is no open invitation {id_}")
    return done(call, "invitation")


async def look(call: Call) -> web.Response:
    """What a link offers; changes nothing, because programs follow links."""
    team, invitation, _ = await _opened(call)
    offer = {
        "team": team.metadata.name,
        "email": invitation.email,
        "role": invitation.role,
        "expires": rfc3339(invitation.expires),
        "has_account": call.services.accounts.find(invitation.email) is not None,
    }
    if "text/html" in call.request.headers.get("Accept", ""):
        return page(offer)
    return answer({"invitation": offer})


async def accept(call: Call) -> web.Response:
    """Become a member, with a new account or with the one that is logged in.

    The account comes first: making it is what only one of several can do. Whoever is interrupted after that logs in and
    accepts again.
    """
    team, invitation, parsed = await _opened(call)
    call.audit |= {"team": team.metadata.name, "who": invitation.email}
    if not await newcomer.is_known(call, invitation.email):
        await newcomer.make_account(call, team.metadata.name, invitation.email)
    else:
        await newcomer.check_logged_in(call, invitation.email)
    await joined(call, team.metadata.name, invitation.email, invitation.role)
    await call.services.invitations.remove(team.metadata.name, parsed.id, dry_run=call.dry_run)
    return done(call, "member")


async def _opened(call: Call) -> tuple[MageTeam, Invitation, Parsed]:
    """Raises `NotFoundError`, `GoneError`, `TooManyRequestsError`."""
    wait = call.services.rates.take(f"address {call.address}", call.services.clock())
    if wait:
        raise TooManyRequestsError("too many requests from this address: slow down", retry_after=wait)
    parsed = parse(call.path("token"))
    if parsed is None or parsed.kind is not TokenKind.INVITATION:
        raise NotFoundError("this is no link of an invitation: copy all of it")
    call.audit["invitation"] = parsed.id
    team = call.services.teams.find(parsed.account_id)
    gone = GoneError("the invitation was used or withdrawn, or is too old: ask for a new one")
    if team is None:
        raise gone
    invitation = (await call.services.invitations.of(team.metadata.name, team.metadata.uid)).get(parsed.id)
    if invitation is None or invitation.digest != parsed.digest:
        raise gone
    return team, invitation, parsed


def _shown(invitation: Invitation) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "invited_by": invitation.by,
        "created_at": rfc3339(invitation.created),
        "expires": rfc3339(invitation.expires),
    }


_DRY = {200: "With `dryRun`"}
_LINK_ENDS = {410: "It was used or withdrawn, or is too old"}

ROUTES = (
    Route(
        method="GET",
        path=INVITATIONS,
        name="listInvitations",
        summary="Read the open invitations of a team",
        access=may(Permission.MEMBERS),
        handler=list_,
        gives=InvitationList,
        tag="members",
        parameters=(LIMIT, CURSOR),
    ),
    Route(
        method="POST",
        path=INVITATIONS,
        name="createInvitation",
        summary="Invite somebody by a link that is shown once",
        access=may(Permission.MEMBERS),
        handler=post,
        takes=InvitationPost,
        gives=InvitationAnswer,
        success=201,
        tag="members",
        parameters=(DRY_RUN, IDEMPOTENCY_KEY),
        also={200: "With `dryRun`", 409: "There are too many, or the e-mail has rights elsewhere and no account yet"},
    ),
    Route(
        method="DELETE",
        path=INVITATION,
        name="deleteInvitation",
        summary="Withdraw an invitation",
        access=may(Permission.MEMBERS),
        handler=delete,
        gives=Planned,
        success=204,
        tag="members",
        parameters=(DRY_RUN,),
        also=_DRY,
    ),
    Route(
        method="GET",
        path=LINK,
        name="getInvitation",
        summary="Read what a link offers; a browser gets a page",
        access=Access.PUBLIC,
        handler=look,
        gives=OfferAnswer,
        tag="members",
        also=_LINK_ENDS,
    ),
    Route(
        method="POST",
        path=LINK,
        name="acceptInvitation",
        summary="Accept: with a password for a new account, or logged in as the one that was invited",
        access=Access.PUBLIC,
        handler=accept,
        takes=AcceptancePost,
        gives=Planned,
        success=204,
        tag="members",
        parameters=(DRY_RUN,),
        also={
            **_DRY,
            **_LINK_ENDS,
            409: "The team would have no Admin, or the e-mail has rights elsewhere and no account yet",
        },
    ),
)
