"""pip, and what a commit requires."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devkit import shell
from magecluster_deployer import programs, tools
from magecluster_deployer.errors import DeploymentError

BACKEND = """
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, info = "told-1.0-py3-none-any.whl", "told-1.0.dist-info"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as file:
        file.write("told.py")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: told\\nVersion: 1.0\\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr(f"{info}/RECORD", "")
    return name
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    found = tmp_path / "project"
    found.mkdir()
    return found


def repository(folder: Path) -> str:
    """Of a package in a folder `python`, whose next commit is another one; returns the first one's name."""
    package = folder / "python"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (package / "backend.py").write_text(BACKEND)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", folder)
    shell.run("git", "init", "--quiet", folder)
    for told in (1, 2):
        (package / "told.py").write_text(f"TOLD = {told}\n")
        shell.run(*git, "add", "--all")
        shell.run(*git, "commit", "--quiet", "--message", "a change")
    shell.run("git", "-C", folder, "update-server-info")
    return shell.run(*git, "rev-parse", "HEAD~1").strip()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """As files, of which Git's client makes a repository."""
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_package_is_installed_from_a_commit_of_git(tmp_path: Path, project: Path) -> None:
    commit = repository(tmp_path / "origin")
    with served(tmp_path / "origin") as address:
        (project / "requirements.txt").write_text(f"told @ git+{address}/.git@{commit}#subdirectory=python\n")
        packages = tools.install(project, tmp_path / "packages", "c" * 40)
    assert packages
    assert (packages / "told.py").read_text() == "TOLD = 1\n"


def test_pip_imports_nothing_from_the_project(tmp_path: Path, project: Path) -> None:
    (project / "argparse.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\n")
    (project / "requirements.txt").write_text("pip\n")
    tools.install(project, tmp_path / "packages", "c" * 40)
    assert not (tmp_path / "executed").exists()


def refused(project: Path) -> str:
    with pytest.raises(DeploymentError) as found:
        tools.install(project, project.parent / "packages", "c" * 40)
    assert (found.value.code, found.value.type) == (422, "requirements")
    return found.value.message


@pytest.mark.parametrize("requirements", [None, "-r other.txt\n", "--constraint=other.txt\n", "-c ../token\n"])
def test_requirements_are_files_of_the_project(tmp_path: Path, project: Path, requirements: str | None) -> None:
    (tmp_path / "token").write_text("generated-token")
    place = project / "requirements.txt"
    if requirements is None:
        place.symlink_to(tmp_path / "token")
    else:
        place.write_text(requirements)
        (project / "other.txt").symlink_to(tmp_path / "token")
    message = refused(project)
    assert "no file of the project" in message
    assert "generated-token" not in message


def test_requirements_that_nobody_can_read_are_told(project: Path) -> None:
    (project / "requirements.txt").write_bytes("pandas\n".encode("utf-16"))
    assert "UTF-8" in refused(project)


def test_whatever_ends_a_program_is_told() -> None:
    late = DeploymentError(422, "timeout", "late")
    with pytest.raises(DeploymentError, match="The check was ended by SIGKILL") as found:
        programs.run((sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"), "The check", 60, late)
    assert (found.value.code, found.value.type) == (500, "killed")


def test_what_mage_says_is_not_taken_for_what_git_says(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = project / "python"
    python.write_text("#!/bin/sh\necho 'PermissionError: Permission denied' >&2; exit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(DeploymentError) as found:
        tools.check(project)
    assert (found.value.type, "Permission denied" in found.value.message) == ("check", True)
