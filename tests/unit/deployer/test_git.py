"""The repository on the volume, and what Git says."""

from pathlib import Path

import pytest
from tests.support.deploying_here import Deployments
from tests.support.deployments import PROJECT, Lab

from devkit import shell
from magecluster_deployer.git import failure


def test_branches_that_are_gone_are_in_nobodys_way(lab: Lab, deploys: Deployments) -> None:
    first = lab.origin.commit(PROJECT, branch="release")
    assert deploys.deployed(branch="release")["commit"] == first
    shell.run("git", "--git-dir", lab.origin.folder, "update-ref", "-d", "refs/heads/release")
    second = lab.origin.commit({**PROJECT, "new.py": ""}, branch="release/2")
    assert deploys.deployed(branch="release/2")["commit"] == second


def test_git_does_nothing_that_stands_on_the_volume(lab: Lab, deploys: Deployments) -> None:
    executed = lab.folder / "executed"
    deploys.deployed()
    theirs = lab.folder / ".magecluster/git"
    hook = theirs / "hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {executed}\n")
    hook.chmod(0o755)
    (theirs / "config").write_text(
        f'[core]\n\tfsmonitor = "touch {executed}; false"\n[filter "x"]\n\tclean = "touch {executed}"\n'
    )
    (lab.project / ".gitattributes").write_text("*.py filter=x\n")
    (lab.project / "edited.py").write_text("edited")
    (lab.folder / ".magecluster/.gitconfig").write_text((theirs / "config").read_text())
    deploys.deployed(lab.first)
    assert not executed.exists()


def test_links_in_the_projects_own_repository_are_not_followed(lab: Lab, deploys: Deployments) -> None:
    shell.run("git", "init", "--quiet", lab.project)
    secret, victim = lab.folder / "credentials/token", lab.folder / "victim"
    info = lab.project / ".git/objects/info"
    (info / "alternates").symlink_to(secret)
    (info / "alternates.magecluster").symlink_to(victim)
    deploys.deployed()
    assert secret.read_text() not in (info / "alternates").read_text()
    assert not victim.exists()


@pytest.mark.parametrize(
    ("what", "said", "told"),
    [
        ("git fetch", "git@example.com: Permission denied (publickey).", (422, "credentials")),
        ("git add", 'error: open("x"): Permission denied', (500, "git")),
        ("git fetch", "No user exists for uid 65532\nfatal: Could not read from remote repository.", (422, "ssh_user")),
        ("git add", "fatal: write error: No space left on device", (507, "disk_full")),
    ],
)
def test_what_git_says_is_understood(what: str, said: str, told: tuple[int, str]) -> None:
    found = failure(what, said)
    assert (found.code, found.type) == told


def test_messages_can_be_printed_whatever_a_file_is_called() -> None:
    assert failure("git add", "fatal: \udcff").message.encode()


def test_people_can_look_at_what_was_kept(lab: Lab, deploys: Deployments, tmp_path: Path) -> None:
    ref = deploys.deployed()["kept"]
    theirs = lab.folder / ".magecluster/git"
    shell.run("git", "--git-dir", theirs, "gc", "--quiet")
    assert "metadata.yaml" in shell.run("git", "--git-dir", theirs, "ls-tree", "--name-only", ref)
    deploys.deployed(lab.first)
