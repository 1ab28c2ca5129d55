"""How the runner's code gets to where Mage's Python finds it."""

import subprocess
import sys
from pathlib import Path

import pytest

from magecluster.cli.main import main

PACKAGE = Path(__file__).parents[2] / "operator" / "magecluster_runner"


def modules(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.suffix == ".py"}


def test_every_folder_gets_the_modules_as_they_are_and_loses_those_that_are_no_more(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "new" / "two"
    (one / "magecluster_runner" / "startup").mkdir(parents=True)
    (one / "magecluster_runner" / "changes.py").write_text("old")
    (one / "magecluster_runner" / "startup" / "gone.py").write_text("old")
    (one / "other.py").write_text("not ours")
    for _ in range(2):
        assert main(["runner-files", str(one), str(two)]) == 0
    for folder in (one, two):
        assert modules(folder / "magecluster_runner") == modules(PACKAGE)
        files = [path for path in (folder / "magecluster_runner").rglob("*") if path.is_file()]
        assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
        assert len(files) == len(modules(PACKAGE))  # nothing is left of the copying
    assert (one / "other.py").read_text() == "not ours"


def test_a_python_that_starts_meanwhile_never_sees_half_a_file(tmp_path: Path) -> None:
    main(["runner-files", str(tmp_path)])
    place = tmp_path / "magecluster_runner" / "changes.py"
    with place.open() as reader:
        main(["runner-files", str(tmp_path)])
        assert reader.read() == (PACKAGE / "changes.py").read_text()


def test_a_folder_that_cannot_be_written_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["runner-files", str(tmp_path / "file")]) == 1
    told = capsys.readouterr().err
    assert (told.count("\n"), "cannot write" in told) == (1, True)


def test_it_needs_nothing_that_the_operator_needs(tmp_path: Path) -> None:
    code = (
        f"import sys; from magecluster.cli.main import main; main(['runner-files', {str(tmp_path)!r}]);"
        "print(sorted(set(sys.modules) & {'kopf', 'kubernetes', 'aiohttp', 'yaml'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout == "[]\n"
