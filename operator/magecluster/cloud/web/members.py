"""Members of a team."""

from typing import Any

from aiohttp import web

from magecluster.api.mageteam import MageTeamSpec, Member, Role
from magecluster.cloud.access.email import canonical
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.errors import ConflictError, InvalidRequestError, NotFoundError
from magecluster.cloud.web import paging
from magecluster.cloud.web.call import Call, answer, done, planned
from magecluster.cloud.web.route import CURSOR, DRY_RUN, LIMIT, Route, may
from magecluster.cloud.web.teams import TEAM
from magecluster.cloud.web.wire.sessions import Planned
from magecluster.cloud.web.wire.teams import MemberAnswer, MemberList, MemberPut

MEMBERS = TEAM + "/members"
MEMBER = MEMBERS + "/{email}"


async def list_(call: Call) -> web.Response:
    """Members by e-mail."""
    page, metadata = paging.page(call, call.of().spec.members, lambda member: member.email)
    return answer({"members": [shown(call, member) for member in page], "metadata": metadata})


async def put(call: Call) -> web.Response:
    """Add a member, or change a role."""
    email, role = _email(call), call.sent(MemberPut).member.role
    await joined(call, call.of().metadata.name, email, role)
    more = {"dry_run": planned("member")} if call.dry_run else {}
    return answer({"member": shown(call, Member(email=email, role=role)), **more})


async def delete(call: Call) -> web.Response:
    """Remove a member."""
    email = _email(call)
    if not _of(call.of().spec, email):
        raise NotFoundError(f"{email} is no member of the team")

    def edit(spec: MageTeamSpec) -> MageTeamSpec:
        if there := _of(spec, email):
            call.audit["changes"] = {email: [there.role, None]}
        return _guarded(call, spec, [member for member in spec.members if canonical(member.email) != email])

    await call.services.teams.change(call.of().metadata.name, edit, dry_run=call.dry_run)
    return done(call, "member")


async def joined(call: Call, team: str, email: str, role: Role) -> None:
    """Let somebody belong to a team in this role, whatever it was before. Raises `CloudError`, `KubeError`."""

    def edit(spec: MageTeamSpec) -> MageTeamSpec:
        there = _of(spec, email)
        call.audit["changes"] = {email: [there.role if there else None, role]}
        others = [member for member in spec.members if canonical(member.email) != email]
        place = spec.members.index(there) if there else len(others)
        return _guarded(call, spec, [*others[:place], Member(email=email, role=role), *others[place:]])

    await call.services.teams.change(team, edit, dry_run=call.dry_run)


def shown(call: Call, member: Member) -> dict[str, Any]:
    """`Member` of the wire."""
    account = call.services.accounts.find(member.email)
    return {"email": member.email, "role": member.role, "has_account": account is not None}


def _of(spec: MageTeamSpec, email: str) -> Member | None:
    return next((member for member in spec.members if canonical(member.email) == email), None)


def _guarded(call: Call, spec: MageTeamSpec, members: list[Member]) -> MageTeamSpec:
    """A team keeps an Admin, unless an administrator of the installation decides otherwise. Raises `ConflictError`."""
    had, has = (any(member.role is Role.ADMIN for member in side) for side in (spec.members, members))
    if had and not has and not (call.caller and call.caller.platform_admin):
        raise ConflictError("the team would have no Admin: make somebody else one first")
    return spec.model_copy(update={"members": members})


def _email(call: Call) -> str:
    email = canonical(call.path("email"))
    if email is None:
        raise InvalidRequestError({"email": "is no e-mail address like somebody@example.com, in ASCII"})
    return email


ROUTES = (
    Route(
        method="GET",
        path=MEMBERS,
        name="listMembers",
        summary="Read the members of a team, by e-mail",
        access=may(Permission.TEAM),
        handler=list_,
        gives=MemberList,
        tag="members",
        parameters=(LIMIT, CURSOR),
    ),
    Route(
        method="PUT",
        path=MEMBER,
        name="putMember",
        summary="Add a member, or change the role of one",
        access=may(Permission.MEMBERS),
        handler=put,
        takes=MemberPut,
        gives=MemberAnswer,
        tag="members",
        parameters=(DRY_RUN,),
        also={409: "The team would have no Admin"},
    ),
    Route(
        method="DELETE",
        path=MEMBER,
        name="deleteMember",
        summary="Remove a member; what the account may in the team ends at once",
        access=may(Permission.MEMBERS),
        handler=delete,
        gives=Planned,
        success=204,
        tag="members",
        parameters=(DRY_RUN,),
        also={200: "With `dryRun`", 409: "The team would have no Admin"},
    ),
)
