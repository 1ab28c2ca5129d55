"""Where the outputs of one run are kept, and where its blocks find those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mage_ai.data_preparation.variable_manager import VariableManager
from mage_ai.orchestration.db.models import schedules

if TYPE_CHECKING:
    from mage_ai.data_preparation.models.pipeline import Pipeline
    from mage_ai.orchestration.db.models.schedules import PipelineRun


def redirect(pipeline: Pipeline, partition: str, sources: dict[str, str | None], folder: str | None) -> None:
    """Have the pipeline find outputs of `sources` in their partitions, and keep its own in `folder` if there is one.

    It is done to this one object, which serves one run.
    """
    kept: VariableManager = pipeline.variable_manager
    used = VariableManager(repo_path=kept.repo_path, variables_dir=folder) if folder else kept
    theirs_by_block, theirs_object = kept.get_variables_by_block, kept.get_variable_object
    ours_by_block, ours_object = used.get_variables_by_block, used.get_variable_object

    def is_other(block: str, asked: str | None) -> bool:
        return asked == partition and _base(block) in sources

    def by_block(pipeline_uuid: str, block_uuid: str, partition: str | None = None, **options: Any) -> Any:
        if is_other(block_uuid, partition):
            return theirs_by_block(pipeline_uuid, block_uuid, partition=sources[_base(block_uuid)], **options)
        return ours_by_block(pipeline_uuid, block_uuid, partition=partition, **options)

    def variable_object(
        pipeline_uuid: str,
        block_uuid: str,
        variable_uuid: str | None = None,
        partition: str | None = None,
        **options: Any,
    ) -> Any:
        if is_other(block_uuid, partition):
            theirs = sources[_base(block_uuid)]
            return theirs_object(pipeline_uuid, block_uuid, variable_uuid, partition=theirs, **options)
        return ours_object(pipeline_uuid, block_uuid, variable_uuid, partition=partition, **options)

    used.get_variables_by_block, used.get_variable_object = by_block, variable_object
    pipeline.variable_manager = used


def given(run: PipelineRun, pipeline: Pipeline) -> dict[str, Any]:
    """What Mage gives a run's blocks, with the variables of this pipeline instead of one that is read once more.

    The other one would also be that of the project that is served, when the run is of another project.
    """
    original = schedules.get_global_variables

    def of_pipeline(*_: Any, **__: Any) -> Any:
        return original(pipeline.uuid, pipeline=pipeline)

    schedules.get_global_variables = of_pipeline
    try:
        return dict(run.get_variables())
    finally:
        schedules.get_global_variables = original


def of_run(given: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """What blocks see: what Mage gives (`PipelineRun.get_variables`), over which the request's variables win.

    Mage makes dates of those of an interval, and these are taken as it made them.
    """
    return {**given, **{name: value for name, value in request.items() if not name.startswith("interval_")}}


def _base(block: str) -> str:
    """Children of dynamic blocks are called block/0, block/1 and so on."""
    return block.partition("/")[0]
