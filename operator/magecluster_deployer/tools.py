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
from magecluster_deployer.errors import DeploymentError
from magecluster_deployer.git import failure

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

CHECK_SECONDS = 600
INSTALL_SECONDS = 1800
MOST_TOLD = 20
"""Problems of a project that are told; the others are counted."""

_LOCAL = re.compile(r"^\s*(-[rce]\b|--(requirement|constraint|editable)\b|\.{1,2}/)|\bfile:|\.whl\b", re.MULTILINE)
"""Requirements that lead to other files of the commit."""
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")


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
        raise failure("The check of the pipelines", done.stderr)
    wrong = json.loads(done.stdout.splitlines()[-1])
    if wrong:
        more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise DeploymentError(422, "pipelines", "; ".join(wrong[:MOST_TOLD]) + more)


def install(project: Path, store: Path, commit: str) -> Path | None:
    """The folder with what `requirements.txt` asks for beyond what Mage's image has, made once. None for nothing.

    Raises `DeploymentError`, OSError.
    """
    required = project / "requirements.txt"
    if not required.is_file() or not required.read_text().strip():
        return None
    text = required.read_text() + sys.version
    if _LOCAL.search(text):
        text += commit  # what stands in other files may be other things in another commit
    place = store / hashlib.sha256(text.encode()).hexdigest()[:16]
    if not place.exists():
        _fill(place, required)
    return place


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


def _source(planned: dict[str, dict[str, str]]) -> str:
    return "{} @ {}".format(planned["metadata"]["name"], planned["download_info"]["url"])


def _pip(*options: str, cwd: Path) -> str:
    done = _run((sys.executable, *_PIP, *options), "pip", INSTALL_SECONDS, cwd=cwd)
    if done.returncode:
        found = failure("pip", done.stderr)
        if found.type == "disk_full":
            raise found
        raise DeploymentError(422, "requirements", f"requirements.txt cannot be installed: {_last(done.stderr)}")
    return done.stdout


def _last(said: str) -> str:
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    return " ".join(errors or said.strip().splitlines()[-1:])[:1000]


def _run(
    command: tuple[str, ...], what: str, seconds: float, cwd: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    late = DeploymentError(422, "timeout", f"{what} took longer than {seconds:g} s")
    return programs.run(command, seconds, late, cwd=cwd, env=env)
