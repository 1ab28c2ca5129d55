"""What can be asked of the runner, by the name that a request has in `op`."""

from __future__ import annotations

import traceback
from hmac import compare_digest
from typing import Any, Callable

from mage_ai.data_preparation.models.triggers import ScheduleStatus, ScheduleType
from mage_ai.orchestration.db.models.schedules import PipelineRun, PipelineSchedule
from mage_ai.server.constants import VERSION
from sqlalchemy import exc

from magecluster_runner import callers, records, runs, wire
from magecluster_runner.inputs import word
from magecluster_runner.wire import Json, RefusedError

RUNS_LOOKED_AT = 500
"""Newest runs of a trigger among which one with a key is looked for."""


def answer(request: Json, folder: str, note: Callable[[Json], None]) -> bytes:
    """To any request, be it what it may."""
    try:
        return _answered(request, folder, note)
    except RefusedError as refused:
        return wire.line(refused.answer)
    except (exc.OperationalError, exc.ProgrammingError, exc.InterfaceError):
        traceback.print_exc()
        message = "Mage's database does not answer, or Mage has not set it up yet; try again in some seconds"
        return wire.line(wire.error(503, "database_unavailable", message))
    except (KeyError, TypeError) as failure:
        traceback.print_exc()
        return wire.line(wire.error(400, "bad_request", f"The runner does not understand the request: {failure!r}"))
    except Exception as failure:  # noqa: BLE001  of Mage, on the way to the block
        traceback.print_exc()
        return wire.line(wire.error(500, type(failure).__name__, str(failure)[: records.TEXT]))


def _answered(request: Json, folder: str, note: Callable[[Json], None]) -> bytes:
    if request.get("op") == "run":
        return runs.run(request, folder, note)
    simple: dict[Any, Callable[[Json], Json]] = {
        "caller": callers.caller,
        "ping": _ping,
        "trigger": _trigger,
        "run_of_key": _run_of_key,
        "failed": _failed,
    }
    if request.get("op") not in simple:
        raise RefusedError(400, "bad_request", "The runner knows no {!r}".format(request.get("op")))
    return wire.line(simple[request["op"]](request))


def _ping(_: Json) -> Json:
    return {"ok": True, "mage": VERSION}


def _trigger(request: Json) -> Json:
    """The trigger that may be started with a token."""
    number = str(request["id"])
    found = PipelineSchedule.query.get(int(number)) if number.isdigit() else None
    if found is None:
        raise RefusedError(404, "not_found", f"There is no trigger {number}; its number stands in the list of triggers")
    if found.schedule_type != ScheduleType.API:
        message = "Trigger %s is of type %s; only those of type API are started by a request"
        raise RefusedError(422, "not_an_api_trigger", message % (number, word(found.schedule_type)))
    if not found.token or not compare_digest(found.token.encode(), str(request["token"]).encode()):
        raise RefusedError(401, "unauthenticated", f"The token is not that of trigger {number}")
    if found.status != ScheduleStatus.ACTIVE:
        raise RefusedError(409, "inactive", f"Trigger {number} is inactive, so it starts nothing; enable it first")
    return {"trigger": {"id": found.id, "pipeline_uuid": found.pipeline_uuid, "status": word(found.status)}}


def _run_of_key(request: Json) -> Json:
    """The run of a trigger that was started with an idempotency key."""
    newest = PipelineRun.query.filter(PipelineRun.pipeline_schedule_id == int(request["trigger"]))
    for run in newest.order_by(PipelineRun.id.desc()).limit(RUNS_LOOKED_AT):
        if (run.metrics or {}).get("idempotency_key") == request["key"]:
            return {"pipeline_run": run.to_dict()}
    return {"pipeline_run": None}


def _failed(request: Json) -> Json:
    """Finish the records of a run whose process has ended, then say why it has."""
    failure = request["failure"]
    records.close(int(request["run"]["id"]), str(failure["message"]))
    return {"error": failure}
