"""What people have made is in the new project or under the name `kept`, whatever the commit has in its place."""

import os
from pathlib import Path

import pytest
from tests.support.deploying_here import Deployments
from tests.support.deployments import Lab

from devkit import shell


def kept(lab: Lab, record: dict[str, str], path: str) -> str:
    return shell.run("git", "--git-dir", lab.folder / ".magecluster/git", "show", f"{record['kept']}:{path}")


def test_a_folder_that_is_ignored_is_joined_with_that_of_the_commit(lab: Lab, deploys: Deployments) -> None:
    (lab.project / "data/deep").mkdir(parents=True)
    (lab.project / "data/large.csv").write_text("1,2")
    (lab.project / "data/deep/larger.csv").write_text("3,4")
    for added in ("data/.gitkeep", "data/deep/.gitkeep"):
        tracked(lab, added)
    deploys.deployed()
    assert (lab.project / "data/.gitkeep").exists()
    assert (lab.project / "data/large.csv").read_text() == "1,2"
    assert (lab.project / "data/deep/larger.csv").read_text() == "3,4"


def tracked(lab: Lab, name: str, content: str = "") -> None:
    """A commit with a file that `.gitignore` would leave out."""
    environment = {"GIT_DIR": str(lab.origin.folder), "GIT_WORK_TREE": str(lab.origin.files)}
    place = lab.origin.files / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    shell.run("git", "add", "--force", name, env=environment, cwd=lab.origin.files)
    lab.origin.commit({})


@pytest.mark.parametrize(("mine", "theirs"), [("own.secret", "own.secret"), ("data/mine/x.csv", "data")])
def test_an_ignored_file_that_the_commit_replaces_is_kept(
    lab: Lab, deploys: Deployments, mine: str, theirs: str
) -> None:
    (lab.project / mine).parent.mkdir(parents=True, exist_ok=True)
    (lab.project / mine).write_text("mine")
    tracked(lab, theirs, "theirs")
    record = deploys.deployed()
    assert (lab.project / theirs).read_text() == "theirs"
    assert kept(lab, record, mine) == "mine"


def test_nothing_is_written_where_a_link_of_the_commit_leads(lab: Lab, deploys: Deployments) -> None:
    (lab.project / "data").mkdir()
    (lab.project / "data/large.csv").write_text("1,2")
    (lab.folder / "elsewhere").mkdir()
    (lab.origin.files / "data").symlink_to(lab.folder / "elsewhere")
    lab.origin.commit({".gitignore": "data/\n"})
    assert kept(lab, deploys.deployed(), "data/large.csv") == "1,2"
    assert not list((lab.folder / "elsewhere").iterdir())


def test_a_repository_in_a_folder_of_the_commit_is_refused(lab: Lab, deploys: Deployments) -> None:
    lab.origin.commit({"dbt/mine/model.sql": "SELECT 1", "dbt/mine/other.sql": "SELECT 2"})
    within = lab.project / "dbt/mine"
    shell.run("git", "init", "--quiet", within)
    (within / "model.sql").write_text("SELECT 3")
    record = deploys.deploy()
    assert (record["error"]["code"], record["error"]["type"]) == (422, "repository_within")
    assert "dbt/mine" in record["error"]["message"]
    assert (within / "model.sql").read_text() == "SELECT 3"
    (within / ".git").rename(lab.folder / "moved")
    assert kept(lab, deploys.deployed(), "dbt/mine/model.sql") == "SELECT 3"


def test_a_repository_in_a_folder_that_is_ignored_stays(lab: Lab, deploys: Deployments) -> None:
    tracked(lab, "data/.gitkeep")
    shell.run("git", "init", "--quiet", lab.project / "data/mine")
    shell.run("git", "init", "--quiet", lab.project / "data/mine/inner")
    (lab.project / "data/mine/inner/x").write_text("x")
    deploys.deployed()
    assert (lab.project / "data/mine/.git/HEAD").exists()
    assert (lab.project / "data/mine/inner/x").read_text() == "x"


def test_names_may_be_any_bytes(lab: Lab, deploys: Deployments) -> None:
    name = os.fsdecode(b"\xff\xfe.secret")
    (lab.project / name).write_text("mine")
    (lab.project / os.fsdecode(b"edited\xff")).write_text("edited")
    deploys.deployed()
    assert (lab.project / name).read_text() == "mine"


def test_what_is_made_until_the_last_moment_is_there_or_kept(lab: Lab, deploys: Deployments) -> None:
    def work() -> None:
        (lab.project / "edited.py").write_text("edited")
        (lab.project / "late.secret").write_text("late")
        (lab.project / "new").write_text("changed")
        (lab.project / "new").replace(lab.project / "own.secret")

    deploys.at["switching"] = work
    record = deploys.deployed()
    assert record["warning"] is None
    assert kept(lab, record, "edited.py") == "edited"
    assert kept(lab, record, "own.secret") == "changed"
    assert (lab.project / "late.secret").read_text() == "late"


def test_what_was_committed_until_the_last_moment_stays_with_a_warning(lab: Lab, deploys: Deployments) -> None:
    shell.run("git", "init", "--quiet", lab.project)
    deploys.deployed()
    refs = lab.project / ".git/refs/heads"
    (refs / "mine").write_text(lab.first)

    def work() -> None:
        (refs / "new").write_text(lab.second)
        (refs / "new").replace(refs / "mine")

    deploys.at["switching"] = work
    record = deploys.deployed(lab.first)
    assert ".git/refs/heads/mine" in record["warning"]
    before = lab.folder / f".magecluster/work/{record['id']}/before"
    assert str(before) in record["warning"]
    deploys.at.clear()
    deploys.deployed()
    assert (before / ".git/refs/heads/mine").read_text() == lab.second


def test_our_mark_is_nothing_that_people_commit(lab: Lab, deploys: Deployments, tmp_path: Path) -> None:
    shell.run("git", "init", "--quiet", lab.project)
    exclude = lab.project / ".git/info/exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("*.own")
    deploys.deployed()
    assert exclude.read_text().splitlines() == ["*.own", "/.magecluster"]
    assert shell.run("git", "-C", lab.project, "status", "--porcelain") == ""
    for content in ({".magecluster/deployment": "7\n", ".magecluster/packages": "x"}, {".magecluster": "x"}):
        for old in lab.origin.files.glob(".magecluster/*"):
            old.unlink()
        if (lab.origin.files / ".magecluster").is_dir():
            (lab.origin.files / ".magecluster").rmdir()
        lab.origin.commit(dict(content))
        record = deploys.deployed()
        assert (lab.project / ".magecluster/deployment").read_text() == f"{record['id']}\n"
    assert deploys.deployed()["kept"] is None
