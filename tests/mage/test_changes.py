"""The changes to Mage, in processes that import its real code."""

import os
import subprocess
from pathlib import Path

import pytest

from devkit.local_mage import environment

OPERATOR = Path(__file__).parents[2] / "operator"
STARTUP = OPERATOR / "magecluster_runner" / "startup"

REAL_MAGE = """
import sys
from mage_ai.settings.repo import set_repo_path
set_repo_path(sys.argv[1])
from mage_ai.orchestration.db.models.schedules import PipelineRun, PipelineSchedule
import mage_ai.orchestration.db.models.schedules as schedules

says = {}
schedules.get_global_variables = lambda pipeline: says
def env(run=None, event=None, trigger=None, pipeline=None, extra=None):
    global says
    says = pipeline
    schedule = PipelineSchedule(variables=trigger)
    made = PipelineRun(pipeline_uuid="p", variables=run, event_variables=event, pipeline_schedule=schedule)
    return made.get_variables(extra_variables=extra)["env"]
run, event, trigger, pipeline, extra = ({"env": who} for who in ("run", "event", "trigger", "pipeline", "extra"))
print("FOUND", env(), env(run), env(run, event, trigger, pipeline), env(None, event, trigger, pipeline))
print("FOUND", env(None, None, trigger, pipeline), env(None, None, None, pipeline), env(run, extra=extra))
print("FOUND", env({"env": None}), env({"other": 1}, {"other": 2}))
"""


pytestmark = pytest.mark.timeout(120)


def python(code: str, folder: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run code where Mage is installed, with a project in that folder."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "MAGE_DATA_DIR": str(folder)}
    return subprocess.run(
        [environment(), "-c", code, folder], env=variables, cwd=folder, capture_output=True, text=True, check=False
    )


INSTALL = "from magecluster_runner import changes; changes.install(); changes.install()"
WAYS = {
    "when Python starts": (STARTUP, "", ""),
    "by whoever will import Mage": (OPERATOR, INSTALL, ""),
    "by whoever has imported Mage": (OPERATOR, "", INSTALL),
    "by all of them": (STARTUP, INSTALL, INSTALL),
}


@pytest.mark.parametrize(("first", "before", "after"), WAYS.values(), ids=WAYS)
def test_env_is_what_the_nearest_one_says(tmp_path: Path, first: Path, before: str, after: str) -> None:
    code = f"{before}\n{REAL_MAGE}".replace("\nsays = {}", f"\n{after}\nsays = {{}}")
    done = python(code, tmp_path, first, OPERATOR)
    said = [line.partition("FOUND ")[2] for line in done.stdout.splitlines() if "FOUND" in line]
    assert said == ["prod run run event", "trigger pipeline extra", "None prod"], done.stderr
    assert "NOT CHANGED" not in done.stderr


def test_everything_else_stays_as_mage_makes_it(tmp_path: Path) -> None:
    code = (
        REAL_MAGE.partition("\nsays = {}")[0]
        + """
import datetime
schedules.get_global_variables = lambda pipeline: {"env": "pipeline", "a": 1, "ds": "pipeline"}
run = PipelineRun(id=5, pipeline_uuid="p", variables={"env": "run", "b": 2, "execution_partition": "4/5", "ds": "run"},
    event_variables={"c": 3, "b": 4}, execution_date=datetime.datetime(2026, 1, 2, 3),
    pipeline_schedule=PipelineSchedule(name="mine", variables={"a": 6}))
print("FOUND", sorted(run.get_variables(extra_variables={"d": 7}).items()))
"""
    )
    plain, changed = (python(code, tmp_path, *path).stdout.partition("FOUND ")[2] for path in ((), (STARTUP,)))
    assert "('env', 'prod')" in plain
    assert changed == plain.replace("('env', 'prod')", "('env', 'run')")
