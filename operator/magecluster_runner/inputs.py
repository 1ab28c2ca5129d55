"""Which blocks of a pipeline are executed for one of them, and where the others' outputs are taken from.

Existing outputs of a block are those of its latest successful execution, be that in a run or in the editor.
"""

from __future__ import annotations

import contextlib
from datetime import timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mage_ai.data_preparation.models.block.dynamic.utils import is_dynamic_block_child
from mage_ai.data_preparation.models.constants import BlockType
from mage_ai.orchestration.db.models.schedules import BlockRun, PipelineRun, PipelineSchedule
from sqlalchemy import or_

from magecluster_runner.wire import RefusedError

if TYPE_CHECKING:
    from typing import Callable

    from mage_ai.data_preparation.models.block import Block
    from mage_ai.data_preparation.models.pipeline import Pipeline

LOOKED_AT = 20
"""Newest successful executions of a block whose outputs are looked for; older ones are hardly kept for so long."""


class Place(NamedTuple):
    """Where outputs of a block are."""

    partition: str | None
    """Of a run; None for the editor."""
    written: float
    """Seconds since 1970."""


class Plan(NamedTuple):
    """What is to be done for a block."""

    order: list[Block]
    """To be executed, one after the other."""
    sources: dict[str, str | None]
    """Partitions with the outputs of other blocks, by the names of these."""


def plan(
    target: Block, find: Callable[[Block], Place | None], *, upstream: bool = False, incomplete_only: bool = False
) -> Plan:
    """With `upstream`, everything above; with `incomplete_only` too, only what has no outputs yet.

    Raises `RefusedError` when nothing above is to be executed and outputs are missing.
    """
    made = Plan([], {})
    seen, missing = {target.uuid}, []

    def visit(block: Block) -> None:
        for above in block.upstream_blocks:
            if above.uuid in seen:
                continue
            seen.add(above.uuid)
            place = None if upstream and not incomplete_only else find(above)
            if place:
                made.sources[above.uuid] = place.partition
            elif upstream:
                visit(above)
            elif above.type != BlockType.SENSOR:  # it has no outputs, ever
                missing.append(above.uuid)
        made.order.append(block)

    visit(target)
    if missing:
        names = ", ".join(missing)
        raise RefusedError(
            409,
            "missing_inputs",
            f"Block {target.uuid} needs the outputs of {names}, and there are none to take; "
            f"set run_upstream_blocks to true, or execute {names} first",
        )
    return made


def finder(pipeline: Pipeline) -> Callable[[Block], Place | None]:
    """Looks for existing outputs of a pipeline's blocks."""

    def find(block: Block) -> Place | None:
        if is_dynamic_block_child(block):  # Mage finds all of its outputs only where it counts its executions
            return None
        places = [place for place in (_in_runs(pipeline, block), _in_editor(pipeline, block)) if place]
        return max(places, key=lambda place: place.written, default=None)

    return find


def word(kind: Any) -> str:
    """A type as Mage's files have it, for which its objects have a member or the text."""
    return str(getattr(kind, "value", kind))


def name_of(block: Block) -> str:
    """How block runs name it."""
    return str(block.uuid_replicated if block.replicated_block else block.uuid)


def _in_runs(pipeline: Pipeline, block: Block) -> Place | None:
    query = (
        BlockRun.query.join(PipelineRun, BlockRun.pipeline_run_id == PipelineRun.id)
        .join(PipelineSchedule, PipelineRun.pipeline_schedule_id == PipelineSchedule.id)
        .filter(
            PipelineRun.pipeline_uuid == pipeline.uuid,
            or_(PipelineSchedule.repo_path == pipeline.repo_path, PipelineSchedule.repo_path.is_(None)),
            BlockRun.block_uuid == name_of(block),
            BlockRun.status == BlockRun.BlockRunStatus.COMPLETED,
            BlockRun.completed_at.isnot(None),
        )
        .order_by(BlockRun.completed_at.desc(), BlockRun.id.desc())
    )
    for row in query.limit(LOOKED_AT):
        partition = row.pipeline_run.execution_partition
        if block.type == BlockType.SENSOR or _outputs(pipeline, block, partition):
            return Place(partition, row.completed_at.replace(tzinfo=timezone.utc).timestamp())
    return None


def _in_editor(pipeline: Pipeline, block: Block) -> Place | None:
    names = _outputs(pipeline, block, None)
    if not names:
        return None
    variable = pipeline.variable_manager.get_variable_object(pipeline.uuid, block.uuid, names[0])
    return Place(None, _changed(variable.variable_path))


def _outputs(pipeline: Pipeline, block: Block, partition: str | None) -> list[Any]:
    return list(pipeline.variable_manager.get_variables_by_block(pipeline.uuid, block.uuid, partition=partition))


def _changed(folder: str) -> float:
    """When anything in it was written last; 0 where it is no folder of this machine."""
    newest = 0.0
    for path in (Path(folder), *Path(folder).rglob("*")):
        with contextlib.suppress(OSError):
            newest = max(newest, path.stat().st_mtime)
    return newest
