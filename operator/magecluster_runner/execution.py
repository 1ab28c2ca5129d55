"""One block of a run, executed as Mage's scheduler has it executed: conditions, retries, tests, callbacks, log."""

from __future__ import annotations

import logging
import os
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from mage_ai.data_preparation.executors import block_executor
from mage_ai.data_preparation.logging.logger_manager import LoggerManager
from mage_ai.data_preparation.models.block.dynamic.utils import is_dynamic_block_child

from magecluster_runner.inputs import name_of
from magecluster_runner.records import TEXT
from magecluster_runner.system import lift_memory_limit

if TYPE_CHECKING:
    from mage_ai.data_preparation.models.block import Block
    from mage_ai.data_preparation.models.pipeline import Pipeline
    from mage_ai.orchestration.db.models.schedules import BlockRun

    from magecluster_runner.records import Records
    from magecluster_runner.wire import Json

LOG_BYTES = 10 * 1024 * 1024
"""Of the log of one block. Mage itself keeps ten times twice as much."""


_LOGGERS = block_executor.LoggerManagerFactory


class BlockError(Exception):
    """A block has failed, which has been written down."""

    def __init__(self, block: str, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.block, self.cause = block, cause


class Run(NamedTuple):
    """What the blocks of one run have in common."""

    pipeline: Pipeline
    number: int | None
    """Of the PipelineRun, if there is one."""
    partition: str
    variables: dict[str, Any]
    request: dict[str, Any]
    """The request's variables, which win over all."""
    records: Records
    target: Block
    stored: bool
    """Whether outputs are kept when the run is over."""


def execute(run: Run, block: Block) -> list[Any] | None:
    """The outputs of a block, or None when a condition said that it shall not be executed. Raises `BlockError`."""
    name = name_of(block)
    number = run.records.start(name)
    try:
        executor = _Executor(run, name, number)
        outputs = executor.outputs(run, number)
        if executor.passed and is_dynamic_block_child(block):
            outputs = [_single(_child(run, row)) for row in outputs]
    except BlockError as failed:
        run.records.fail(name, told(failed.cause))
        raise
    except BaseException as failure:  # sys.exit, too, ends the block and nothing else
        lift_memory_limit()
        run.records.fail(name, told(failure))
        raise BlockError(name, failure) from failure
    if not executor.passed:
        return None
    run.records.done(name)
    return outputs


def keep_logs(*, kept: bool) -> None:
    """Have this process write logs of blocks where Mage writes them, or nowhere."""
    block_executor.LoggerManagerFactory = _LOGGERS if kept else _NoLogs


class _NoLogs(LoggerManager):
    @classmethod
    def get_logger_manager(cls, **options: Any) -> LoggerManager:
        return cls(**options)

    def get_log_filepath(self, *_: Any, **__: Any) -> str:
        return os.devnull


def _child(run: Run, row: BlockRun) -> list[Any]:
    """One execution of a dynamic child, which Mage has made a row for."""
    run.records.add(row)
    number = run.records.start(row.block_uuid)
    try:
        outputs = _Executor(run, row.block_uuid, number).outputs(run, number)
    except BaseException as failure:
        run.records.fail(row.block_uuid, told(failure))
        raise BlockError(row.block_uuid, failure) from failure
    run.records.done(row.block_uuid)
    return outputs


def _single(outputs: list[Any]) -> Any:
    return outputs[0] if len(outputs) == 1 else outputs


class _Executor(block_executor.BlockExecutor):
    """Mage's, but for whoever writes down what becomes of the block."""

    def __init__(self, run: Run, name: str, number: int | None) -> None:
        super().__init__(run.pipeline, name, execution_partition=run.partition, block_run_id=number)
        self.passed = True
        self.logger_manager.logger.addFilter(_Budget())
        # Standard output is where those look who have no log of the run.
        self.logger_manager.logger.propagate = run.number is None
        block = run.pipeline.get_block(name)
        # Outputs that nobody reads again need not be written, and need not be of a kind that Mage can write.
        self._written = run.stored or block is not run.target or bool(block.callback_block or block.callback_blocks)
        self._change(block, run.request)

    def _change(self, block: Block, request: dict[str, Any]) -> None:
        enrich, test = block.enrich_global_vars, block.run_tests

        def enriched(global_vars: Any = None, dynamic_block_index: int | None = None) -> Any:
            found = enrich(global_vars, dynamic_block_index=dynamic_block_index)
            found.update(request)
            return found

        def tested(**options: Any) -> None:
            if getattr(block, "test_functions", None):  # without any, Mage reads all outputs for nothing
                result = options.get("outputs")
                test(**{**options, "outputs": result["output"] if isinstance(result, dict) else result})

        block.enrich_global_vars, block.run_tests = enriched, tested

    def outputs(self, run: Run, number: int | None) -> list[Any]:
        result = self.execute(
            block_run_id=number,
            cache_block_output_in_memory=not self._written,
            global_vars=dict(run.variables),
            on_complete=_nothing,
            on_failure=_nothing,
            pipeline_run_id=run.number,
            skip_logging=True,  # it would be sent to the makers of Mage
        )
        return list(result["output"] if isinstance(result, dict) else result or [])

    def _execute_conditional(self, *given: Any, **named: Any) -> bool:
        self.passed = bool(super()._execute_conditional(*given, **named))
        return self.passed


class _Budget(logging.Filter):
    """Lets so much through, and says when it has ended."""

    def __init__(self) -> None:
        super().__init__()
        self._left = LOG_BYTES

    def filter(self, record: logging.LogRecord) -> bool:
        if self._left <= 0:
            return False
        self._left -= len(str(record.msg))
        if self._left <= 0:
            record.msg = '{"level": "WARNING", "message": "The log of this block is full; the rest is left out"}'
        return True


def _nothing(*_: Any, **__: Any) -> None:
    """Called when a block has ended, which is written down elsewhere."""


def told(failure: BaseException) -> Json:
    """As Mage's own runs keep it, and its pages show it."""
    trace = "".join(traceback.format_exception(type(failure), failure, failure.__traceback__))
    return {"error": str(failure)[:TEXT], "errors": trace[-TEXT:].splitlines(), "message": trace[-TEXT:]}
