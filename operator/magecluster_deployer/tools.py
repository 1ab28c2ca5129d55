"""Python beside Mage: whether a project's pipelines load, and the packages that it requires."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
from typing import TYPE_CHECKING

from magecluster_deployer import files, programs
from magecluster_deployer.errors import FULL, DeploymentError, Json

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

CHECK_SECONDS = 600
INSTALL_SECONDS = 1800
MOST_TOLD = 20
"""Problems of a project that are told; the others are counted."""

_LOCAL = re.compile(r"^\s*(-[rce]\b|--(requirement|constraint|editable)\b|\.{1,2}/)|\bfile:|\.whl\b", re.MULTILINE)
"""Requirements that lead to other files of the commit."""
_INCLUDED = re.compile(r"^\s*(?:-[rc]|--requirement|--constraint)[ \t=]*([^\s#]+)", re.MULTILINE)
_FULL = re.compile(r"no space left|disk quota exceeded", re.IGNORECASE)
_PIP = ("-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")


def check(project: Path) -> None:
    """Raises `DeploymentError` when a pipeline does not load."""
    with tempfile.TemporaryDirectory(prefix="magecluster-") as data:
        # It neither sees Mage's database nor writes where Mage does.
        environment = {
            **os.environ,
            "MAGE_DATABASE_CONNECTION_URL": "sqlite://",
            "MAGE_DATA_DIR": data,
            "USER_CODE_PATH": str(project),
        }
        command = (sys.executable, "-m", "magecluster_deployer.check", str(project))
        done = _run(command, "The check of the pipelines", CHECK_SECONDS, cwd=data, env=environment)
    if done.returncode:
        raise _full(done.stderr) or DeploymentError(500, "check", f"The check failed: {_last(done.stderr)}")
    wrong = json.loads(done.stdout.splitlines()[-1])
    if wrong:
        more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise DeploymentError(422, "pipelines", "; ".join(wrong[:MOST_TOLD]) + more)


def install(project: Path, store: Path, commit: str) -> Path | None:
    """The folder with what `requirements.txt` asks for beyond what Mage's image has, made once. None for nothing.

    Raises `DeploymentError`, OSError.
    """
    required = project / "requirements.txt"
    text = _text(required, project) if os.path.lexists(required) else ""
    if not text.strip():
        return None
    text += sys.version
    if _LOCAL.search(text):
        text += commit  # what stands in other files may be other things in another commit
    place = store / hashlib.sha256(text.encode()).hexdigest()[:16]
    if not place.exists():
        _fill(place, required)
    return place


def _text(file: Path, project: Path, *including: Path) -> str:
    """Of requirements. Raises `DeploymentError` where these, or others that they include, are no files of the project.

    pip would read whatever a link leads to, and tell what it does not understand of it.
    """
    name = os.path.relpath(file, project)
    real = file.resolve()
    if project.resolve() not in real.parents or not real.is_file():
        raise DeploymentError(422, "requirements", f"{name} is no file of the project; requirements have to be in it")
    try:
        text = real.read_text(encoding="utf-8")
    except UnicodeDecodeError as wrong:
        raise DeploymentError(422, "requirements", f"{name} is not in UTF-8; save it so") from wrong
    for included in _INCLUDED.findall(text):
        other = file.parent / included.strip("'\"")
        if os.path.lexists(other) and other not in including:  # pip tells what is not there
            _text(other, project, *including, other)
    return text


def _fill(place: Path, required: Path) -> None:
    new = place.with_suffix(".new")
    files.remove(new)
    new.mkdir(parents=True)
    # What is there already stays Mage's: --target alone would bring it once more, in other versions.
    plan = _pip("--dry-run", "--report", "-", "--requirement", str(required), cwd=required.parent)
    wanted = [_source(each) for each in json.loads(plan)["install"]]
    if wanted:
        _pip("--no-deps", "--target", str(new), *wanted, cwd=required.parent)
    new.replace(place)


def _source(planned: Json) -> str:
    """What to install, from pip's report (https://packaging.python.org/specifications/direct-url-data-structure)."""
    info = planned["download_info"]
    url, vcs, folder = info["url"], info.get("vcs_info"), info.get("subdirectory")
    if vcs:
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    return f"{planned['metadata']['name']} @ {url}" + (f"#subdirectory={folder}" if folder else "")


def _pip(*options: str, cwd: Path) -> str:
    done = _run((sys.executable, *_PIP, *options), "pip", INSTALL_SECONDS, cwd=cwd)
    if done.returncode:
        raise _full(done.stderr) or DeploymentError(
            422, "requirements", f"requirements.txt cannot be installed: {_last(done.stderr)}"
        )
    return done.stdout


def _full(said: str) -> DeploymentError | None:
    return DeploymentError(507, "disk_full", f"{FULL} ({_last(said)})") if _FULL.search(said) else None


def _last(said: str) -> str:
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    return " ".join(errors or said.strip().splitlines()[-1:])[:1000]


def _run(
    command: tuple[str, ...], what: str, seconds: float, cwd: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    late = DeploymentError(422, "timeout", f"{what} took longer than {seconds:g} s")
    return programs.run(command, what, seconds, late, cwd=cwd, env=env)
