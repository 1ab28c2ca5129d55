"""The rows in Mage's database by which its run history shows a run.

A run is written down as FAILED before anything of it is done, and becomes COMPLETED when all is done, so that whatever
dies in between leaves the truth. It is never INITIAL or RUNNING: Mage's scheduler would start it once more.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mage_ai.data_preparation.models.triggers import ScheduleType
from mage_ai.orchestration.db import db_connection
from mage_ai.orchestration.db.models.schedules import BlockRun, PipelineRun, PipelineSchedule
from sqlalchemy import bindparam, select
from sqlalchemy.orm.attributes import set_committed_value

from magecluster_runner.wire import Json, RefusedError

if TYPE_CHECKING:
    from typing import Any, Callable

_OF_TOKEN = (
    select(PipelineSchedule)
    .where(PipelineSchedule.schedule_type == ScheduleType.API, PipelineSchedule.token == bindparam("token"))
    .order_by(PipelineSchedule.id)
    .limit(1)
)
TEXT = 10_000
"""Characters of an error that are kept."""


def trigger_of(token: str) -> PipelineSchedule:
    """The API trigger with this token, active or not: where Mage says how to get a token, it is not made active.

    Raises `RefusedError`.
    """
    found = db_connection.session.execute(_OF_TOKEN, {"token": token}).scalars().first()
    if found is None:
        raise RefusedError(404, "not_found", "The token is of no API trigger; copy it from the trigger's page")
    return found


def draft(trigger: PipelineSchedule, pipeline_uuid: str, variables: Json) -> PipelineRun:
    """A run that is in no database yet. Its partition is its own: the folder of its outputs and logs."""
    now = datetime.now(timezone.utc)
    partition = f"{trigger.id}/{now:%Y%m%dT%H%M%S_%f}_{uuid.uuid4().hex[:8]}"
    run = PipelineRun(
        pipeline_schedule_id=trigger.id,
        pipeline_uuid=pipeline_uuid,
        execution_date=now.replace(tzinfo=None),  # Mage's own dates are in UTC without saying so
        started_at=now,
        status=PipelineRun.PipelineRunStatus.FAILED,
        variables={**variables, "execution_partition": partition},
    )
    set_committed_value(run, "pipeline_schedule", trigger)  # without adding the run to the trigger's runs
    return run


class Records:
    """The rows of one run; none at all when it is not to be recorded."""

    def __init__(self, run: PipelineRun, note: Callable[[Json], None]) -> None:
        self._run, self._note = run, note
        self._blocks: dict[str, BlockRun] = {}

    def begin(self, blocks: list[str]) -> None:
        """Write down the run, and that none of its blocks has been executed."""
        session = db_connection.session
        session.add(self._run)
        session.flush()
        for name in blocks:
            self._blocks[name] = BlockRun(
                pipeline_run_id=self._run.id, block_uuid=name, status=BlockRun.BlockRunStatus.UPSTREAM_FAILED
            )
            session.add(self._blocks[name])
        self._start(blocks[0])
        self._commit()
        self._note({"run": {"id": self._run.id}})

    def start(self, block: str) -> int | None:
        """Write down that a block fails, unless it does not; returns its number."""
        row = self._blocks.get(block)
        if row is None:
            return None
        if row.started_at is None:
            self._start(block)
            self._commit()
        return int(row.id)

    def add(self, row: BlockRun) -> None:
        """Take over a row that Mage has made for a part of a block."""
        self._blocks[row.block_uuid] = row

    def done(self, block: str, status: Any = BlockRun.BlockRunStatus.COMPLETED) -> None:
        """Write down how a block ended, with the next commit."""
        if block in self._blocks:
            self._blocks[block].status = status
            self._blocks[block].completed_at = datetime.now(timezone.utc)

    def fail(self, block: str, told: Json) -> None:
        """Write down why a block failed."""
        if block in self._blocks:
            row = self._blocks[block]
            row.status = BlockRun.BlockRunStatus.FAILED
            row.metrics = {**(row.metrics or {}), "error": told}
            row.completed_at = self._run.completed_at = datetime.now(timezone.utc)
            self._commit()
            self._note({"run": None})

    def complete(self) -> None:
        """Write down that the run has succeeded."""
        if self._blocks:
            self._run.completed_at = datetime.now(timezone.utc)
            self._run.status = PipelineRun.PipelineRunStatus.COMPLETED
            self._commit()
            self._note({"run": None})

    def _start(self, block: str) -> None:
        row = self._blocks[block]
        row.status, row.started_at = BlockRun.BlockRunStatus.FAILED, datetime.now(timezone.utc)

    def _commit(self) -> None:
        session = db_connection.session()
        session.expire_on_commit = False  # nobody else changes these rows, so they need not be read again
        try:
            session.commit()
        except Exception:
            session.rollback()
            raise
        finally:
            session.expire_on_commit = True


def close(number: int, message: str) -> None:
    """Finish the rows of a run whose process has been ended."""
    run = PipelineRun.query.get(number)
    if run is None or run.completed_at is not None:
        return
    now = datetime.now(timezone.utc)
    run.completed_at = now
    for row in run.block_runs:
        if row.status == BlockRun.BlockRunStatus.FAILED and row.completed_at is None:
            row.completed_at = now
            row.metrics = {**(row.metrics or {}), "error": {"error": message[:TEXT], "errors": [], "message": message}}
    db_connection.session.commit()
