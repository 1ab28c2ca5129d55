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
_FOLLOWED = tuple(Path(".git", name) for name in ("HEAD", "index", "info/exclude", "objects/info/alternates"))
"""Of a project's own repository, what `follow` changes."""


def write_out(git: Git, commit: str, directory: str, target: Path) -> None:
    """The files of a commit, or of a folder in it, into a new one. Raises `DeploymentError`, OSError."""
    tree = _tree(commit, directory)
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


def keep(git: Git, project: Path, target: Path, live: tuple[str, str] | None, ref: str, index: Path) -> str | None:
    """What has been edited since a commit and its folder, as a commit that `ref` names; None where nothing was.

    Without a commit to compare with, everything counts as edited. What Git ignores is from then on in `target` as well;
    it counts as edited where `target` has something else in its place. Raises `DeploymentError`, OSError.
    """
    for left in (index, index.with_name(f"{index.name}.lock")):
        files.remove(left)
    more = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(project)}
    before = ""
    if live:
        git.run("read-tree", _tree(*live), more=more)
        git.run("rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", OURS, more=more)
        before = git.run("write-tree", more=more).strip()
    repositories = _repositories_within(project)
    git.run("add", "--all", "--", ".", *_but(git, repositories, more), more=more)
    listed = git.run("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", more=more)
    ignored = [Path(path) for path in listed.split("\0") if path]
    _add(git, _carry_over(project, target, repositories, ignored), index, more)
    tree = git.run("write-tree", more=more).strip()
    if tree == before:
        return None
    commit = live[0] if live else None
    parent = ("-p", commit) if commit else ()
    made = git.run("commit-tree", tree, *parent, "-m", f"What was edited beside {commit or 'no commit'}").strip()
    git.run("update-ref", ref, made)
    return made


def _but(git: Git, repositories: list[Path], more: dict[str, str]) -> list[str]:
    """Has Git add nothing of these. It objects to naming what it ignores."""
    ignored = {path for path in repositories if not git.status("check-ignore", "--quiet", f"./{path}", more=more)}
    return [f":(exclude,literal){path}" for path in repositories if path not in ignored]


def _add(git: Git, paths: list[Path], index: Path, more: dict[str, str]) -> None:
    """Although they are ignored."""
    if paths:
        names = index.with_name("added")
        names.write_bytes(b"\0".join(map(os.fsencode, paths)))
        options = ("--force", f"--pathspec-from-file={names}", "--pathspec-file-nul")
        git.run("add", *options, more={**more, "GIT_LITERAL_PATHSPECS": "1"})


def _carry_over(project: Path, target: Path, repositories: list[Path], ignored: list[Path]) -> list[Path]:
    """Share them; returns the files that cannot be in `target`, as it has something else in their place."""
    for path in repositories:
        taken = _is_taken(target, path) or os.path.lexists(target / path)
        if taken and not os.path.lexists(target / path / ".git"):  # else it has been carried over before
            problem = f"{path} in the project is a Git repository of its own, and the commit has files there"
            raise DeploymentError(422, "repository_within", f"{problem}; move it away, or remove its .git")
    for path in (*repositories, Path(".git")):
        changed = [each for each in _share(project, target, path) if each not in _FOLLOWED]
        if changed:  # and Git keeps nothing of these
            raise DeploymentError(500, "repository", f"{changed[0]} was changed while the project was exchanged")
    return [each for path in ignored for each in _share(project, target, path)]


def _share(project: Path, target: Path, path: Path) -> list[Path]:
    """As `_carry_over`, for one of them."""
    source, place = project / path, target / path
    if path == Path(OURS) or not os.path.lexists(source):
        return []
    if _is_taken(target, path):
        wrong = _files_in(source)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        wrong = _merge(source, place)
    return [each.relative_to(project) for each in wrong]


def _merge(source: Path, place: Path) -> list[Path]:
    """Have what is at `source` be at `place` as well; returns the files of `source` for which there is no room."""
    if source.name == "__pycache__":
        return []
    if not os.path.lexists(place):
        files.share(source, place)
        return []
    if _is_folder(source) and _is_folder(place):
        return [each for entry in sorted(source.iterdir()) for each in _merge(entry, place / entry.name)]
    return [] if files.same(source, place) else _files_in(source)


def _is_taken(target: Path, path: Path) -> bool:
    """Whether something else than a folder is where one has to be on the way to a path."""
    folders = (target / folder for folder in path.parents)
    return any(os.path.lexists(folder) and not _is_folder(folder) for folder in folders)


def _files_in(place: Path) -> list[Path]:
    """Of a folder, or the one file that it is: what Git could keep."""
    found = sorted(place.rglob("*")) if _is_folder(place) else [place]
    return [each for each in found if each.is_symlink() or each.is_file()]


def _is_folder(place: Path) -> bool:
    """And no link to one."""
    return place.is_dir() and not place.is_symlink()


def follow(git: Git, target: Path, commit: str) -> None:
    """Have the project's own repository, if it has one, be at the commit, so that Mage's page shows nothing as edited.

    By its files: a command of Git's would do what its configuration says, which is people's, beside our credentials.
    """
    own = target / ".git"
    if _is_folder(own):
        _have_line(own / "objects" / "info" / "alternates", str(git.folder / "objects"))
        _have_line(own / "info" / "exclude", f"/{OURS}")  # so that nobody adds it to a commit
        files.replace(own / "HEAD", f"{commit}\n".encode())
        files.replace(own / "index", target.with_name(INDEX).read_bytes())


def _have_line(place: Path, line: str) -> None:
    known = files.own(place)
    if line not in known.splitlines():
        place.parent.mkdir(parents=True, exist_ok=True)
        files.replace(place, os.fsencode(known + "\n" * (known[-1:] not in ("", "\n")) + f"{line}\n"))


def mark(target: Path, number: int, packages: Path | None) -> None:
    """Say which deployment it is, and where its packages are."""
    ours = target / OURS
    files.remove(ours)  # whatever the commit has there
    ours.mkdir()
    (ours / "deployment").write_text(f"{number}\n")
    if packages:
        (ours / "packages").symlink_to(packages)


def marked(project: Path) -> int:
    """Which deployment a project is; 0 for none."""
    try:
        return int((project / OURS / "deployment").read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 0


def copy_owner(project: Path, target: Path) -> None:
    """Rights and owner of the folder itself."""
    there = project.stat()
    shutil.copymode(project, target)
    if os.geteuid() == 0:
        os.chown(target, there.st_uid, there.st_gid)


def _repositories_within(project: Path) -> list[Path]:
    """Of which Git would keep no files; each before those that are in it."""
    found = (place.parent.relative_to(project) for place in project.rglob(".git"))
    return sorted(path for path in found if path.parts and path.parts[0] != ".git")


def _tree(commit: str, directory: str) -> str:
    return f"{commit}:{directory}" if directory else f"{commit}^{{tree}}"
