"""One run of a block of our own, in the parent, before anybody asks for anything.

Whatever Mage and its libraries do only once (import, compile statements, templates and patterns) is then done for all
children; without it, each of them did it for its one request, which took most of the time.
"""

from __future__ import annotations

import tempfile
import traceback
from pathlib import Path

from mage_ai.data_preparation.models.pipeline import Pipeline
from mage_ai.orchestration.db import db_connection, engine
from mage_ai.orchestration.db.models.schedules import PipelineSchedule
from sqlalchemy import exc

from magecluster_runner import inputs, outputs, records, variables
from magecluster_runner.execution import Run, execute
from magecluster_runner.wire import Json, RefusedError

_NAME = "magecluster_rehearsal"
_BLOCK = """
@data_loader
def load(*args, **kwargs):
    return 1
"""
_PIPELINE = f"""
blocks:
- name: {_NAME}
  uuid: {_NAME}
  type: data_loader
  language: python
  configuration: {{}}
name: {_NAME}
type: python
uuid: {_NAME}
variables: {{}}
"""


def rehearse() -> None:
    """Never raises: a run that comes first takes longer then, and tells what is wrong."""
    try:
        with tempfile.TemporaryDirectory(prefix="magecluster-runner-") as folder:
            _execute(Path(folder))
    except Exception:  # noqa: BLE001  of Mage, or of its database
        traceback.print_exc()


def statements() -> None:
    """Those of a run that is recorded; nothing of it is kept."""
    db_connection.start_session(force=True)
    try:
        records.trigger_of("")
    except (RefusedError, exc.SQLAlchemyError):
        db_connection.session.rollback()
    finally:
        db_connection.close_session()
        engine.dispose()


def _execute(folder: Path) -> None:
    project = folder / _NAME
    for path, text in {
        "metadata.yaml": "project_type: standalone\n",
        f"pipelines/{_NAME}/metadata.yaml": _PIPELINE,
        f"data_loaders/{_NAME}.py": _BLOCK,
    }.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    pipeline = Pipeline.get(_NAME, repo_path=str(project), use_repo_path=True)
    pipeline.repo_config.variables_dir = str(folder)  # for the log
    trigger = PipelineSchedule(id=0, name=_NAME, pipeline_uuid=_NAME)
    draft = records.draft(trigger, _NAME, {})
    block = pipeline.get_block(_NAME)
    made = inputs.plan(block, lambda _: None)
    variables.redirect(pipeline, draft.execution_partition, made.sources, str(folder / "variables"))
    given = variables.of_run(variables.given(draft, pipeline), {})
    kept = records.Records(draft, _ignored)
    for stored in (True, False):
        found = execute(Run(pipeline, None, draft.execution_partition, given, {}, kept, block, stored), block)
        outputs.encoded({"run": {"output": found}})


def _ignored(_: Json) -> None:
    """Nobody is told."""
