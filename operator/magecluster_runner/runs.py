"""What `POST /api/runs` asks for: one block of a pipeline, executed now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from mage_ai.data_preparation.models.block.dynamic.utils import is_dynamic_block_child
from mage_ai.data_preparation.models.constants import BlockType, PipelineType
from mage_ai.data_preparation.models.pipeline import Pipeline
from mage_ai.orchestration.db.models.schedules import BlockRun
from mage_ai.settings.platform import project_platform_activated
from mage_ai.settings.repo import set_repo_path
from mage_ai.settings.utils import base_repo_dirname, base_repo_path

from magecluster_runner import configuration, inputs, outputs, records, variables
from magecluster_runner.execution import BlockError, Run, execute, keep_logs, told
from magecluster_runner.inputs import name_of, word
from magecluster_runner.records import TEXT
from magecluster_runner.wire import Json, RefusedError

if TYPE_CHECKING:
    from mage_ai.data_preparation.models.block import Block
    from mage_ai.orchestration.db.models.schedules import PipelineSchedule

KINDS = (
    BlockType.CUSTOM,
    BlockType.DATA_EXPORTER,
    BlockType.DATA_LOADER,
    BlockType.DBT,
    BlockType.SENSOR,
    BlockType.TRANSFORMER,
)


class Call(NamedTuple):
    """The request: the eight options of the document, and whose it is."""

    token: str
    token_scope: str
    pipeline_uuid: str
    block_uuid: str
    variables: Json
    project: str | None
    record: bool
    store_variables: bool
    run_upstream_blocks: bool
    incomplete_only: bool


def run(request: Json, folder: str, note: Callable[[Json], None]) -> bytes:
    """The answer. Raises `RefusedError`."""
    configuration.forget()
    call = Call(request["token"], request["token_scope"], **request["run"])
    trigger = records.trigger_of(call.token)
    pipeline, block = _found(call, trigger)
    made = inputs.plan(
        block, inputs.finder(pipeline), upstream=call.run_upstream_blocks, incomplete_only=call.incomplete_only
    )
    _check([*made.order], call)
    draft = records.draft(trigger, pipeline.uuid, call.variables)
    partition = draft.execution_partition
    kept = records.Records(draft, note)
    keep_logs(kept=call.record)
    if call.record:
        kept.begin([name_of(each) for each in made.order])
    stored = None if call.store_variables else f"{folder}/variables"
    variables.redirect(pipeline, partition, made.sources, stored)
    given = variables.of_run(variables.given(draft, pipeline), call.variables)
    given.setdefault("context", {})  # one for all blocks of the run
    shared = Run(pipeline, draft.id, partition, given, call.variables, kept, block, call.store_variables)
    try:
        found = _execute(shared, made.order)
        answer = outputs.encoded({"run": {"output": found}})
    except BlockError as failed:
        raise _refusal(failed, block) from failed
    except Exception as failure:
        kept.fail(name_of(block), told(failure))
        raise
    kept.complete()
    return answer + b"\n"


def _execute(run: Run, order: list[Block]) -> list[Any]:
    found: list[Any] = []
    for position, block in enumerate(order):
        result = execute(run, block)
        if result is None:
            for skipped in order[position:]:
                run.records.done(name_of(skipped), BlockRun.BlockRunStatus.CONDITION_FAILED)
            return []
        found = result
    return found


def _refusal(failed: BlockError, target: Block) -> RefusedError:
    message = str(failed.cause)[:TEXT]
    if isinstance(failed.cause, SystemExit):
        message = f"The block called sys.exit({message})"
    if failed.block.split(":")[0] != target.uuid:
        message = f"Upstream block {failed.block}: {message}"
    return RefusedError(500, type(failed.cause).__name__, message)


def _found(call: Call, trigger: PipelineSchedule) -> tuple[Pipeline, Block]:
    """The pipeline and the block that are meant. Raises `RefusedError`."""
    path = _project(call.project)
    if call.token_scope == "Pipeline" and trigger.pipeline_uuid != call.pipeline_uuid:  # noqa: S105  no token
        raise RefusedError(403, "forbidden", "The token is of a trigger of another pipeline; use one of this pipeline")
    pipeline = None
    if _is_name(call.pipeline_uuid):
        options: Json = {"repo_path": path, "use_repo_path": True} if path else {}
        pipeline = Pipeline.get(call.pipeline_uuid, check_if_exists=True, all_projects=True, **options)
    if pipeline is None or not Path(pipeline.config_path).is_file():
        place = f" in project {call.project}" if call.project else ""
        raise RefusedError(404, "not_found", f"There is no pipeline {call.pipeline_uuid}{place}; mind the case")
    found = {**pipeline.callbacks_by_uuid, **pipeline.conditionals_by_uuid, **pipeline.blocks_by_uuid}
    block = found.get(call.block_uuid)
    if block is None:
        message = f"Pipeline {call.pipeline_uuid} has no block {call.block_uuid}; mind the case"
        raise RefusedError(404, "not_found", message)
    if pipeline.type != PipelineType.PYTHON:
        message = f"Pipeline {pipeline.uuid} is of type {word(pipeline.type)}; only blocks of python pipelines"
        raise RefusedError(422, "unsupported", f"{message} are executed one by one")
    return pipeline, block


def _project(name: str | None) -> str | None:
    """The folder of a project, which becomes the one that this process works for. Raises `RefusedError`."""
    if name is None:
        return None
    path = _folder(name)
    if not path:
        raise RefusedError(404, "not_found", f"There is no project {name}; leave it out for the one that is served")
    set_repo_path(path)
    return path


def _folder(project: str) -> str:
    """Of a project beside the one that is served, or within it; empty when there is none of that name."""
    if _is_name(project):
        places = [base_repo_path()] if project_platform_activated() else []
        for place in [*places, base_repo_dirname()]:
            if Path(place, project, "metadata.yaml").is_file():
                return str(Path(place, project))
    return ""


def _is_name(text: str) -> bool:
    """Whether it can be the name of a folder, and leads nowhere else."""
    return text not in ("", "..") and "\0" not in text and Path(text).name == text


def _check(order: list[Block], call: Call) -> None:
    """Whether all blocks are of a kind that can be executed here. Raises `RefusedError`."""
    for block in order:
        why = _reason(block, call)
        if why:
            raise RefusedError(422, "unsupported", f"Block {block.uuid} {why}")


def _reason(block: Block, call: Call) -> str:
    if block.type in (BlockType.CALLBACK, BlockType.CONDITIONAL):
        return f"is a {word(block.type)}, which is executed with the block that it belongs to; name that one"
    if block.type not in KINDS:
        return f"is of type {word(block.type)}, which is not executed by itself"
    if block.is_data_integration():
        return "is a data integration, which needs a run of the whole pipeline; trigger that"
    if is_dynamic_block_child(block):
        if block.is_dynamic_v2:
            return "belongs to a dynamic block of version 2, which needs a run of the whole pipeline; trigger that"
        if not call.record:
            return "is executed once for each output of a dynamic block, which needs records; set record to true"
    return ""
