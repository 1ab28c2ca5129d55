"""Teams: which namespace they work in, and how much they may use."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from magecluster.api.mageteam import MageTeam, MageTeamSpec
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.errors import ConflictError, InvalidRequestError
from magecluster.cloud.web import idempotency, paging
from magecluster.cloud.web.body import wrong
from magecluster.cloud.web.call import Call, answer, done, planned
from magecluster.cloud.web.route import API, CURSOR, DRY_RUN, IDEMPOTENCY_KEY, LIMIT, Access, Route, may
from magecluster.cloud.web.wire.sessions import Planned
from magecluster.cloud.web.wire.teams import TeamAnswer, TeamList, TeamPatch, TeamPost

TEAMS = API + "/teams"
TEAM = TEAMS + "/{team}"


async def list_(call: Call) -> web.Response:
    """Teams of the caller."""
    caller = call.who()
    found = [team for team in call.services.teams.of(caller) if caller.rights(team)]
    page, metadata = paging.page(call, found, lambda team: team.metadata.name)
    return answer({"teams": [_shown(call, team) for team in page], "metadata": metadata})


async def get(call: Call) -> web.Response:
    """One team."""
    return answer({"team": _shown(call, call.of())})


async def post(call: Call) -> web.Response:
    """Make a team."""
    sent = call.sent(TeamPost).team
    call.audit |= {"team": sent.id, "changes": {"namespace": [None, sent.namespace]}}
    spec = _spec(sent.model_dump(mode="json", exclude={"id"}))
    call.audit["changes"] = _audited(None, spec)
    call.require_served(sent.id, sent.namespace)
    async with idempotency.turn(call):
        team = _made_before(call, call.services.teams.all()) or await _make(call, sent.id, spec)
    return _answer(call, team, ["team"], 201)


async def patch(call: Call) -> web.Response:
    """Change a team."""
    sent, name = call.sent(TeamPatch).team, call.path("team")
    changed = sorted(sent.model_fields_set)
    wire = sent.model_dump(mode="json", exclude_unset=True)
    empty: dict[str, Any] = {"limits": {}, "groups": [], "secrets": []}
    reset = {field: empty[field] for field in wire if wire[field] is None and field in empty}

    def edit(spec: MageTeamSpec) -> MageTeamSpec:
        kept = spec.model_dump(mode="json")
        limits = {"limits": {**kept["limits"], **wire["limits"]}} if wire.get("limits") else {}
        after = _spec({**kept, **wire, **reset, **limits})
        call.audit["changes"] = _audited(spec, after)
        return after

    return _answer(call, await call.services.teams.change(name, edit, dry_run=call.dry_run), changed)


async def delete(call: Call) -> web.Response:
    """Delete a team; its clusters run on."""
    name = call.path("team")
    was = await call.services.teams.delete(name, dry_run=call.dry_run)
    if was:
        call.audit["changes"] = _audited(was.spec, None)
    return done(call, "team")


async def _make(call: Call, name: str, spec: MageTeamSpec) -> MageTeam:
    teams = call.services.teams
    try:
        return await teams.add(name, spec, annotations=idempotency.annotations(call), dry_run=call.dry_run)
    except ConflictError:
        # Another replica may have made it by this very request.
        there = await teams.fresh(name) if idempotency.mark(call) else None
        if there and (made := _made_before(call, [there])):
            return made
        raise


def _made_before(call: Call, teams: Iterable[MageTeam]) -> MageTeam | None:
    """By the same key. Raises `InvalidRequestError` if that was with another body."""
    return next((team for team in teams if idempotency.is_repeated(call, team.metadata.annotations)), None)


def _audited(before: MageTeamSpec | None, after: MageTeamSpec | None) -> dict[str, list[Any]]:
    """Name of a field → value before and after, of those that differ."""
    old, new = _fields(before), _fields(after)
    return {name: [old.get(name), new.get(name)] for name in {**old, **new} if old.get(name) != new.get(name)}


def _fields(spec: MageTeamSpec | None) -> dict[str, Any]:
    """Each of the limits is a field of its own."""
    wire = spec.model_dump(mode="json", exclude_defaults=True) if spec else {}
    limits = {f"limits.{name}": value for name, value in wire.pop("limits", {}).items()}
    return {**wire, **limits}


def _spec(wire: dict[str, Any]) -> MageTeamSpec:
    """What the types of the wire let through has to be right for Kubernetes, too. Raises `InvalidRequestError`."""
    try:
        return MageTeamSpec.model_validate(wire, by_name=True)
    except ValidationError as error:
        raise InvalidRequestError({f"team.{field}": told for field, told in wrong(error).items()}) from None


def _answer(call: Call, team: MageTeam, changed: list[str], status: int = 200) -> web.Response:
    more = {"dry_run": planned(*changed)} if call.dry_run else {}
    status = 200 if call.dry_run else status
    headers = {"Location": TEAM.format(team=team.metadata.name)} if status == 201 else None  # noqa: PLR2004  Created
    return answer({"team": _shown(call, team), **more}, status, headers)


def _shown(call: Call, team: MageTeam) -> dict[str, Any]:
    spec = team.spec
    return {
        "id": team.metadata.name,
        "namespace": spec.namespace,
        "display_name": spec.display_name,
        "role": call.who().role(team),
        "limits": spec.limits.model_dump(mode="json"),
        "groups": [group.model_dump(mode="json") for group in spec.groups],
        "secrets": list(spec.secrets),
    }


_TAKEN = {200: "With `dryRun`", 409: "The id or the namespace is taken"}

ROUTES = (
    Route(
        method="GET",
        path=TEAMS,
        name="listTeams",
        summary="Read the teams that one belongs to",
        access=Access.LOGIN,
        handler=list_,
        gives=TeamList,
        tag="teams",
        parameters=(LIMIT, CURSOR),
    ),
    Route(
        method="POST",
        path=TEAMS,
        name="createTeam",
        summary="Make a team",
        access=Access.PLATFORM,
        handler=post,
        takes=TeamPost,
        gives=TeamAnswer,
        success=201,
        tag="teams",
        parameters=(DRY_RUN, IDEMPOTENCY_KEY),
        also=_TAKEN,
    ),
    Route(
        method="GET",
        path=TEAM,
        name="getTeam",
        summary="Read a team",
        access=may(Permission.TEAM),
        handler=get,
        gives=TeamAnswer,
        tag="teams",
    ),
    Route(
        method="PATCH",
        path=TEAM,
        name="patchTeam",
        summary="Change limits, groups, name or Secrets of a team",
        access=Access.PLATFORM,
        handler=patch,
        takes=TeamPatch,
        gives=TeamAnswer,
        tag="teams",
        parameters=(DRY_RUN,),
        also={409: "Somebody else changes the same team"},
    ),
    Route(
        method="DELETE",
        path=TEAM,
        name="deleteTeam",
        summary="Delete a team; its clusters run on and can be reached by `kubectl` only",
        access=Access.PLATFORM,
        handler=delete,
        gives=Planned,
        success=204,
        tag="teams",
        parameters=(DRY_RUN,),
        also={200: "With `dryRun`"},
    ),
)
