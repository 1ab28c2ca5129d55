"""Teams: which namespace they work in, and how much they may use."""

from typing import Any

from aiohttp import web

from magecluster.api.mageteam import Limits, MageTeam, MageTeamSpec
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.web import paging
from magecluster.cloud.web.call import Call, answer, done, planned
from magecluster.cloud.web.route import API, CURSOR, DRY_RUN, LIMIT, Access, Route, may
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
    wire = sent.model_dump(mode="json", exclude={"id", "limits"})
    spec = MageTeamSpec.model_validate(wire, by_name=True).model_copy(update={"limits": _limits(sent.limits)})
    team = await call.services.teams.add(sent.id, spec, dry_run=call.dry_run)
    return _answer(call, team, ["team"], 201)


async def patch(call: Call) -> web.Response:
    """Change a team."""
    sent, name = call.sent(TeamPatch).team, call.path("team")
    changed = sorted(sent.model_fields_set)
    call.audit["changes"] = {field: [None, None] for field in changed}
    wire = sent.model_dump(mode="json", exclude_unset=True)
    if "limits" in changed:
        wire["limits"] = _limits(sent.limits).model_dump(mode="json") if sent.limits else {}

    def edit(spec: MageTeamSpec) -> MageTeamSpec:
        kept = spec.model_dump(mode="json")
        reset: dict[str, list[Any]] = {
            field: [] for field in ("groups", "secrets") if field in wire and wire[field] is None
        }
        return MageTeamSpec.model_validate({**kept, **wire, **reset}, by_name=True)

    return _answer(call, await call.services.teams.change(name, edit, dry_run=call.dry_run), changed)


async def delete(call: Call) -> web.Response:
    """Delete a team; its clusters run on."""
    name = call.path("team")
    await call.services.teams.delete(name, dry_run=call.dry_run)
    return done(call, "team")


def _limits(wire: Any) -> Limits:
    return Limits.model_validate(wire.model_dump(mode="json"), by_name=True)


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
        parameters=(DRY_RUN,),
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
