"""A deployment that was cut off is finished or undone, and what was the project is removed by neither."""

import shutil

import pytest
from tests.support.deploying_here import Deployments
from tests.support.deployments import Lab
from tests.support.git_server import HttpServer

from devkit import shell


def test_a_project_that_mage_has_made_between_two_renames_is_moved_aside(lab: Lab, server: HttpServer) -> None:
    (lab.project / "edited.py").write_text("edited")
    number = Deployments(lab, server).dies("renaming")
    lab.project.mkdir()
    (lab.project / "template.py").write_text("made by Mage")
    after = Deployments(lab, server)
    after.recover()
    record = after.record(number)
    assert record["status"] == "succeeded"
    assert lab.pipelines == {"first", "second"}
    (aside,) = (lab.folder / ".magecluster/aside").iterdir()
    assert (aside / "template.py").read_text() == "made by Mage"
    assert str(aside) in record["warning"]
    assert "edited.py" in names(lab, record["kept"])
    after.deployed(lab.first)
    assert (aside / "template.py").exists()


def names(lab: Lab, ref: str) -> str:
    return shell.run("git", "--git-dir", lab.folder / ".magecluster/git", "ls-tree", "-r", "--name-only", ref)


def test_so_is_what_somebody_writes_there_meanwhile(lab: Lab, deploys: Deployments) -> None:
    def write() -> None:
        (lab.project / "variables").mkdir(parents=True)

    deploys.at["renaming"] = write
    record = deploys.deployed()
    assert lab.pipelines == {"first", "second"}
    (aside,) = record["aside"]
    assert aside in record["warning"]


@pytest.mark.parametrize("point", ["exchanged", "finishing"])
def test_what_was_the_project_stays_when_nobody_can_tell_what_became_of_it(
    lab: Lab, server: HttpServer, point: str
) -> None:
    (lab.project / "edited.py").write_text("edited")
    number = Deployments(lab, server).dies(point)
    work = lab.folder / f".magecluster/work/{number}"
    (lab.project / ".magecluster/deployment").unlink()
    after = Deployments(lab, server)
    after.recover()
    record = after.record(number)
    assert (record["status"], str(work / "before") in record["warning"]) == ("failed", True)
    after.deployed()
    assert (work / "before/edited.py").read_text() == "edited"


def test_what_was_the_project_comes_back_when_the_new_one_is_gone(lab: Lab, server: HttpServer) -> None:
    number = Deployments(lab, server).dies("renaming")
    shutil.rmtree(lab.folder / f".magecluster/work/{number}/project")
    after = Deployments(lab, server)
    after.recover()
    assert after.record(number)["error"]["type"] == "interrupted"
    assert lab.pipelines == {"made_here"}


def test_an_index_that_was_being_written_keeps_nobody_from_finishing(lab: Lab, server: HttpServer) -> None:
    (lab.project / "edited.py").write_text("edited")
    number = Deployments(lab, server).dies("finishing")
    (lab.folder / f".magecluster/work/{number}/kept.lock").touch()
    (lab.folder / f".magecluster/git/refs/magecluster/kept/{number}.lock").touch()
    after = Deployments(lab, server)
    after.recover()
    record = after.record(number)
    assert (record["status"], record["warning"]) == ("succeeded", None)


def test_what_a_pod_has_left_is_finished_before_another_goes_on(lab: Lab, server: HttpServer) -> None:
    gone, other = Deployments(lab, server), Deployments(lab, server)
    number = gone.dies("finishing")
    (lab.folder / f".magecluster/work/{number}/before/late.py").write_text("late")
    following = other.deployed(lab.first)
    record = other.record(number)
    assert record["status"] == "succeeded"
    assert "late.py" in names(lab, record["kept"])
    assert following["previous"]["commit"] == lab.second
