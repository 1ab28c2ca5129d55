"""The start-up hook in real Python processes; tests/mage has it with Mage's real code."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[3] / "operator" / "magecluster_runner"
STARTUP = RUNNER / "startup"
SCHEDULES = "mage_ai/orchestration/db/models/schedules.py"


def python(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a new process with these folders on its path."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.fixture
def other_mage(tmp_path: Path) -> Path:
    """A mage_ai whose PipelineRun is not the one that is known."""
    folder = tmp_path / "other"
    for parent in (folder / SCHEDULES).relative_to(folder).parents[:-1]:
        (folder / parent).mkdir(parents=True, exist_ok=True)
        (folder / parent / "__init__.py").touch()
    (folder / SCHEDULES).write_text(
        "class PipelineRun:\n    def get_variables(self):\n        return {'env': 'prod'}\n"
    )
    return folder


def test_the_sitecustomize_behind_it_is_executed_as_if_it_were_alone(elsewhere: Path) -> None:
    (elsewhere / "sitecustomize.py").write_text("print('mine', __name__, __file__)\nVALUE = 7\n")
    alone = python("import sitecustomize; print(sitecustomize.VALUE)", elsewhere)
    (link := elsewhere / "link").symlink_to(STARTUP)
    for path in ((STARTUP, elsewhere), (STARTUP, link, elsewhere), (link, STARTUP, elsewhere), (elsewhere, STARTUP)):
        behind = python("import sitecustomize; print(sitecustomize.VALUE)", *path)
        assert (behind.stdout, behind.stderr, behind.returncode) == (alone.stdout, "", 0)


def test_two_copies_of_it_on_the_path_execute_the_one_behind_them_once(elsewhere: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "startup"
    copy.mkdir(parents=True)
    (copy / "sitecustomize.py").write_text((STARTUP / "sitecustomize.py").read_text())
    (elsewhere / "sitecustomize.py").write_text("print('mine')\n")
    assert python("", STARTUP, copy, elsewhere).stdout == "mine\n"


def test_a_sitecustomize_that_fails_is_told_by_python_and_stops_nothing(elsewhere: Path) -> None:
    (elsewhere / "sitecustomize.py").write_text("raise ValueError('theirs')\n")
    alone, behind = (python("print('goes on')", *path) for path in ((elsewhere,), (STARTUP, elsewhere)))
    assert behind.stdout == "goes on\n"
    assert behind.stderr == alone.stderr
    assert "theirs" in behind.stderr


@pytest.mark.parametrize("break_it", ["changes.py is missing", "changes.py is no Python"])
def test_a_broken_package_stops_no_process(elsewhere: Path, other_mage: Path, break_it: str) -> None:
    startup = elsewhere / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text((STARTUP / "sitecustomize.py").read_text())
    if "no Python" in break_it:
        (elsewhere / "changes.py").write_text("this is none\n")
    done = python("import mage_ai; print('goes on')", startup, other_mage)
    assert (done.stdout, done.returncode) == ("goes on\n", 0)
    assert done.stderr.startswith("magecluster: NOT CHANGED: no change to Mage could be made: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_process_without_mage_imports_nothing_for_it() -> None:
    told = "import sys; print(sorted(set(sys.modules)))"
    without, with_it = (set(ast.literal_eval(python(told, *path).stdout)) for path in ((), (STARTUP,)))
    more = {name for name in with_it - without if name.partition(".")[0] != "importlib"}
    assert more <= {"sitecustomize", "__future__", "warnings"}


def test_code_that_is_not_known_is_left_alone_and_told_once(other_mage: Path) -> None:
    code = f"from {SCHEDULES[:-3].replace('/', '.')} import PipelineRun; print(PipelineRun().get_variables())"
    done = python(code, STARTUP, other_mage)
    assert (done.stdout, done.returncode) == ("{'env': 'prod'}\n", 0)
    assert len(done.stderr.splitlines()) == 1
    assert "NOT CHANGED: this Mage is not 0.9.80" in done.stderr
    assert "PipelineRun.get_variables is other code" in done.stderr
    assert "'prod' in blocks" in done.stderr


def test_its_syntax_is_that_of_the_oldest_python_of_a_mage_image() -> None:
    for file in (RUNNER / "changes.py", STARTUP / "sitecustomize.py"):
        ast.parse(file.read_text(), feature_version=(3, 8))
