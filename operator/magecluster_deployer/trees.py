"""The project as a folder and as a tree of Git's: writing a commit out, keeping what people have edited."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from magecluster_deployer import files
from magecluster_deployer.errors import DeploymentError
from magecluster_deployer.git import OURS

if TYPE_CHECKING:
    from magecluster_deployer.git import Git

INDEX = "index"
"""Beside a project that was written out: what Git knows of its files."""


def write_out(git: Git, commit: str, directory: str, target: Path) -> None:
    """The files of a commit, or of a folder in it, into a new one. Raises `DeploymentError`, OSError."""
    tree = f"{commit}:{directory}" if directory else f"{commit}^{{tree}}"
    if git.status("cat-file", "-e", tree):
        raise DeploymentError(422, "no_directory", f"The commit has no folder {directory}; see spec.git.directory")
    links = [line for line in git.run("ls-tree", "-r", tree).splitlines() if line.startswith("160000")]
    if links:
        names = ", ".join(line.split("\t")[1] for line in links)
        raise DeploymentError(
            422, "submodules", f"The commit has submodules ({names}), which are not fetched; copy them in"
        )
    target.mkdir(parents=True)
    index = {"GIT_INDEX_FILE": str(target.with_name(INDEX)), "GIT_WORK_TREE": str(target)}
    git.run("read-tree", tree, more=index)
    git.run("checkout-index", "--all", more=index)
    if not (target / "metadata.yaml").is_file():
        where = directory or "its top folder"
        raise DeploymentError(422, "no_project", f"The commit has no metadata.yaml in {where}; see spec.git.directory")


def keep(git: Git, project: Path, live: str | None, directory: str, ref: str, index: Path) -> str | None:
    """What has been edited since commit `live`, as a commit that `ref` names; None where nothing was.

    Without a commit to compare with, everything counts as edited. Leaves an index of all that is not ignored.
    Raises `DeploymentError`.
    """
    index.unlink(missing_ok=True)
    more = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(project)}
    before = ""
    if live:
        before = git.run("rev-parse", f"{live}:{directory}" if directory else f"{live}^{{tree}}").strip()
        git.run("read-tree", before, more=more)
    others = [f":(exclude,literal){path}" for path in _repositories_within(project)]
    git.run("add", "--all", "--", ".", *others, more=more)
    tree = git.run("write-tree", more=more).strip()
    if tree == before:
        return None
    parent = ("-p", live) if live else ()
    commit = git.run("commit-tree", tree, *parent, "-m", f"What was edited beside {live or 'no commit'}").strip()
    git.run("update-ref", ref, commit)
    return commit


def carry_over(git: Git, project: Path, target: Path, index: Path) -> None:
    """What `index` does not have, because Git ignores it, into the next project as well. Raises OSError."""
    more = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(project)}
    listed = git.run("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", more=more)
    for path in (*map(Path, filter(None, listed.split("\0"))), *_repositories_within(project), Path(".git")):
        source, place = project / path, target / path
        if path.name not in ("__pycache__", OURS) and os.path.lexists(source) and not os.path.lexists(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            files.share(source, place)


def follow(git: Git, target: Path, commit: str) -> None:
    """Have the project's own repository, if it has one, be at the commit, so that Mage's page shows nothing as edited.

    By its files: a command of Git's would do what its configuration says, which is people's, beside our credentials.
    """
    own = target / ".git"
    if own.is_dir():
        alternates = own / "objects" / "info" / "alternates"
        known = alternates.read_text() if alternates.exists() else ""
        objects = f"{git.folder / 'objects'}\n"
        if objects not in known:
            alternates.parent.mkdir(parents=True, exist_ok=True)
            files.replace(alternates, (known + objects).encode())
        files.replace(own / "HEAD", f"{commit}\n".encode())
        files.replace(own / "index", target.with_name(INDEX).read_bytes())


def mark(target: Path, number: int, packages: Path | None) -> None:
    """Say which deployment it is, and where its packages are."""
    ours = target / OURS
    ours.mkdir(exist_ok=True)
    (ours / "deployment").write_text(f"{number}\n")
    if packages:
        (ours / "packages").symlink_to(packages)


def marked(project: Path) -> int:
    """Which deployment a project is; 0 for none."""
    try:
        return int((project / OURS / "deployment").read_text())
    except (FileNotFoundError, ValueError):
        return 0


def copy_owner(project: Path, target: Path) -> None:
    """Rights and owner of the folder itself."""
    there = project.stat()
    shutil.copymode(project, target)
    if os.geteuid() == 0:
        os.chown(target, there.st_uid, there.st_gid)


def _repositories_within(project: Path) -> list[Path]:
    """Of which Git would keep no files."""
    return [place.parent.relative_to(project) for place in project.rglob(".git") if place.parent != project]
