"""Git, as a program: one repository without files beside the project, into which commits are fetched.

It is on the project's volume, where blocks write. So that Git executes nothing of theirs beside our credentials, its
configuration is not read: Git works in a folder of this process, which has links to objects and names on the volume.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from magecluster_deployer import files, programs
from magecluster_deployer.errors import FULL, DeploymentError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

FETCH_SECONDS = 900
"""How long fetching may take."""
LOCAL_SECONDS = 600
"""How long anything else may take, such as writing out a large project."""
STALL_SECONDS = 60
"""A server that sends less than a kilobyte a second for so long has broken off."""

OURS = ".magecluster"
"""Folder within a project that tells which deployment it comes from, and has a link to the packages it requires."""
NEVER_KEPT = ("__pycache__/", f"/{OURS}")
"""Neither edits nor worth keeping; a project need not have these in its `.gitignore`."""

FETCHED = "refs/magecluster/fetched"
"""Of whichever branch: names of branches that are gone could stand in the way of others, as `a` in that of `a/b`."""

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_HEAD = "ref: refs/heads/main\n"
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.quotePath": "false",
    "gc.auto": "0",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": str(STALL_SECONDS),
    "safe.directory": "*",
    "user.email": "deployments@magecluster.io",
    "user.name": "magecluster",
}
_ASK = (
    '!f() { test "$1" = get && echo "username=$MAGECLUSTER_USER" && echo "password=$(cat "$MAGECLUSTER_TOKEN")"; }; f'
)
_FULL = r"no space left|disk quota exceeded|unable to write|write error|failed to write"
"""Git does not always say why."""
_FAILURES = (
    (r"remote ref|remote branch .* not found", 422, "no_branch", "The repository has no such branch"),
    (r"host key verification|no .* host key is known", 422, "host_key", "The Git server is not in known_hosts"),
    (
        r"authentication failed|could not read (username|password)|permission denied|access denied|error: 40[13]",
        422,
        "credentials",
        "The Git server refuses the credentials; correct the secret that spec.git names",
    ),
    (
        r"no user exists for uid",  # OpenSSH's client looks itself up in /etc/passwd
        422,
        "ssh_user",
        "SSH works for users alone whom the image knows; give spec.git an address by HTTPS and a token",
    ),
    (r"repository .*not found|does not appear to be a git repo", 422, "no_repository", "There is no such repository"),
)
_SECRETS = re.compile(r"(?<=://)[^/@\s]+@")


class Remote(NamedTuple):
    """Whence commits come."""

    url: str
    credentials: Path | None
    """Folder with `token`, and `username` where it is not `git`; or `ssh-privatekey` and `known_hosts`."""


class Git:
    """Runs commands in one repository."""

    def __init__(self, folder: Path, remote: Remote) -> None:
        self.folder, self._remote = folder, remote
        self._own = own = Path(tempfile.mkdtemp(prefix="magecluster-git-"))
        atexit.register(shutil.rmtree, own, ignore_errors=True)
        (own / "HEAD").write_text(_HEAD)
        (own / "config").write_text(_CONFIG)
        (own / "info").mkdir()
        (own / "info" / "exclude").write_text("".join(f"{each}\n" for each in NEVER_KEPT))
        for name in ("objects", "packed-refs", "refs"):
            (own / name).symlink_to(folder / name)

    def prepare(self) -> None:
        """Make the repository where it is not there yet; what an earlier fetch left unfinished is removed."""
        for name in ("objects", "refs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, content in (("config", _CONFIG), ("HEAD", _HEAD)):
            if not (self.folder / name).exists():  # for whoever looks at what was kept
                files.replace(self.folder / name, content.encode())
        for left in (self.folder / "objects" / "pack").glob("tmp_*"):
            left.unlink()
        for lock in self.folder.rglob("*.lock"):
            lock.unlink()

    def fetch(self, branch: str) -> str:
        """The newest commit of a branch. Raises `DeploymentError`."""
        self._check_branch(branch)
        with self._credentials() as environment:
            command = ("fetch", "--quiet", "--no-tags", "--force", "--no-write-fetch-head", "--no-recurse-submodules")
            refs = f"+refs/heads/{branch}:{FETCHED}"
            self.run(*command, self._remote.url, refs, more=environment, seconds=FETCH_SECONDS)
        return self.run("rev-parse", "--verify", f"{FETCHED}^{{commit}}").strip()

    def commit_on(self, branch: str, version: str) -> str:
        """The whole name of a commit of the branch that was fetched last. Raises `DeploymentError`."""
        if not re.fullmatch(r"[0-9a-f]{7,64}", version):
            raise DeploymentError(422, "no_commit", f"{version!r} is no commit; give 7 to 40 digits of its name")
        found = self.run("rev-parse", "--verify", "--quiet", f"{version}^{{commit}}", good=(0, 1, 128)).strip()
        if not found or self.status("merge-base", "--is-ancestor", found, FETCHED):
            raise DeploymentError(422, "no_commit", f"Branch {branch} has no commit {version}; push it first")
        return found

    def run(
        self,
        *command: str,
        more: Mapping[str, str] | None = None,
        seconds: float = LOCAL_SECONDS,
        good: tuple[int, ...] = (0,),
    ) -> str:
        """What it prints. Raises `DeploymentError`."""
        done = self._run(command, more or {}, seconds)
        if done.returncode not in good:
            raise failure(f"git {command[0]}", done.stderr)
        return done.stdout

    def status(self, *command: str, more: Mapping[str, str] | None = None) -> int:
        """How it exits."""
        return self._run(command, more or {}, LOCAL_SECONDS).returncode

    def _run(
        self, command: tuple[str, ...], more: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "GIT_ALLOW_PROTOCOL": "http:https:ssh",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_DIR": str(self._own),
            "GIT_TERMINAL_PROMPT": "0",
            "HOME": str(self._own),
            "LC_ALL": "C.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath),
            **_settings({**_SETTINGS, "credential.helper": ""}),
            **more,
        }
        late = DeploymentError(502, "git_server", f"git {command[0]} took longer than {seconds:g} s")
        try:
            return programs.run(("git", *command), f"git {command[0]}", seconds, late, env=environment)
        except FileNotFoundError as missing:
            raise DeploymentError(500, "no_git", "Mage's image has no git; deployments need one that has") from missing

    def _check_branch(self, branch: str) -> None:
        if branch.startswith("-") or self.status("check-ref-format", f"refs/heads/{branch}"):
            raise DeploymentError(422, "no_branch", f"{branch!r} is no name of a branch")

    @contextlib.contextmanager
    def _credentials(self) -> Iterator[dict[str, str]]:
        folder = self._remote.credentials
        if folder is None:
            yield {}
        elif (folder / "token").exists():
            user = folder / "username"
            yield {
                "MAGECLUSTER_TOKEN": str(folder / "token"),
                "MAGECLUSTER_USER": user.read_text().strip() if user.exists() else "git",
                **_settings({**_SETTINGS, f"credential.{_origin(self._remote.url)}.helper": _ASK}),
            }
        elif (folder / "ssh-privatekey").exists() and (folder / "known_hosts").exists():
            with tempfile.TemporaryDirectory(prefix="magecluster-") as own:
                key = Path(own, "key")  # ssh wants a file that nobody else may read, which a Secret's need not be
                key.touch(mode=0o600)
                key.write_bytes((folder / "ssh-privatekey").read_bytes().rstrip() + b"\n")
                shutil.copy(folder / "known_hosts", Path(own, "known_hosts"))
                options = (
                    f"-F none -i {key} -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=30 "
                    f"-o StrictHostKeyChecking=yes -o UserKnownHostsFile={own}/known_hosts "
                    f"-o ServerAliveInterval=15 -o ServerAliveCountMax={STALL_SECONDS // 15}"
                )
                yield {"GIT_SSH_COMMAND": f"ssh {options}"}
        else:
            raise DeploymentError(
                422,
                "credentials",
                "The secret that spec.git names has neither token, nor ssh-privatekey and known_hosts",
            )


def failure(what: str, said: str) -> DeploymentError:
    """What the last words of a command of Git's mean."""
    text = _SECRETS.sub("", said.strip())
    lines = [line for line in text.splitlines() if line.strip()]
    last = next(
        (line for line in lines if re.match("fatal|error|ERROR|ssh:", line)), lines[-1] if lines else "no reason"
    )
    if re.search(_FULL, text, re.IGNORECASE):
        return DeploymentError(507, "disk_full", f"{FULL} ({what}: {last[:300]})")
    if what != "git fetch":
        return DeploymentError(500, "git", f"{what} failed: {last[:500]}; try again")
    for pattern, code, type_, message in _FAILURES:
        if re.search(pattern, text, re.IGNORECASE):
            return DeploymentError(code, type_, f"{message} ({what}: {last[:300]})")
    return DeploymentError(502, "git_server", f"{what} failed: {last[:500]}; try again")


def _origin(url: str) -> str:
    """For which credentials are; not for a server that this one redirects to."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _settings(settings: Mapping[str, str]) -> dict[str, str]:
    """As git takes them from its environment."""
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        found[f"GIT_CONFIG_KEY_{number}"], found[f"GIT_CONFIG_VALUE_{number}"] = key, value
    return found
