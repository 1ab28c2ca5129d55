"""Commits come into a project whole or not at all, and nothing that people made is lost."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from tests.support.deploying import POINTS
from tests.support.deployments import Client, Lab, pipeline
from tests.support.eventually import eventually
from tests.support.git_server import HttpServer, ssh_server

from devkit import shell
from devkit.local_gateway import DeployerProcess

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def server(lab: Lab) -> Iterator[HttpServer]:
    with HttpServer(lab.origin.folder.parent) as found:
        yield found


@pytest.fixture
def credentials(lab: Lab, server: HttpServer) -> Path:
    found = lab.folder / "credentials"
    found.mkdir()
    (found / "token").write_text(server.token)
    return found


@pytest.fixture
def deployer(lab: Lab, server: HttpServer, credentials: Path) -> Iterator[DeployerProcess]:
    with lab.deployer(server.url, f"--credentials={credentials}") as found:
        yield found


@pytest.fixture
def client(deployer: DeployerProcess) -> Client:
    return Client(deployer)


def git(lab: Lab, *command: str) -> str:
    return shell.run("git", "--git-dir", lab.folder / ".magecluster/git", *command)


def test_the_newest_commit_of_the_branch_becomes_the_project(lab: Lab, client: Client) -> None:
    record = client.deployed()
    assert (record["commit"], record["step"], record["kept"]) == (
        lab.second,
        None,
        f"refs/magecluster/kept/{record['id']}",
    )
    assert lab.pipelines == {"first", "second"}
    assert (lab.project / "own.secret").read_text() == "s"
    assert client.ask(op="setting")["setting"]["live"]["commit"] == lab.second
    assert client.ask(op="list")["deployments"] == [record]


def test_a_commit_is_named_and_one_can_go_back_to_before_the_first(lab: Lab, client: Client) -> None:
    first = client.deployed(lab.first[:12])
    assert lab.pipelines == {"first"}
    second = client.deployed(lab.second)
    assert second["previous"] == {"commit": lab.first, "directory": ""}
    assert client.roll_back(second["id"])["status"] == "succeeded"
    assert lab.pipelines == {"first"}
    back = client.roll_back(first["id"])
    assert (back["status"], back["rollback_of"]) == ("succeeded", first["id"])
    assert lab.pipelines == {"made_here"}
    assert (lab.project / "own.secret").read_text() == "s"


def test_what_was_edited_is_kept_under_a_name(lab: Lab, client: Client) -> None:
    assert "made_here" in git_files(lab, client.deployed(lab.first)["kept"])
    (lab.project / "data_loaders/first.py").write_text("edited")
    (lab.project / "new.py").write_text("new")
    (lab.project / "data").mkdir()
    (lab.project / "data/large.csv").write_text("1,2")
    kept = client.deployed()["kept"]
    assert git(lab, "show", f"{kept}:data_loaders/first.py") == "edited"
    assert git(lab, "show", f"{kept}:new.py") == "new"
    assert not (lab.project / "new.py").exists()
    assert (lab.project / "data/large.csv").read_text() == "1,2"
    assert client.deployed(lab.first)["kept"] is None


def git_files(lab: Lab, ref: str) -> str:
    return git(lab, "ls-tree", "-r", "--name-only", ref)


def test_the_projects_own_repository_follows(lab: Lab, client: Client) -> None:
    shell.run("git", "init", "--quiet", lab.project)
    client.deployed()
    assert shell.run("git", "-C", lab.project, "status", "--porcelain") == ""
    assert shell.run("git", "-C", lab.project, "rev-parse", "HEAD").strip() == lab.second


def test_repositories_within_the_project_stay(lab: Lab, client: Client) -> None:
    within = lab.project / "dbt/mine"
    shell.run("git", "init", "--quiet", within)
    (within / "model.sql").write_text("SELECT 1")
    client.deployed()
    assert (within / "model.sql").read_text() == "SELECT 1"


def test_a_folder_of_the_repository_can_be_the_project(lab: Lab, client: Client) -> None:
    files = {f"team/{name}": content for name, content in {"metadata.yaml": "", **pipeline("theirs")}.items()}
    lab.origin.commit(files)
    client.deployed(directory="team")
    assert lab.pipelines == {"theirs"}
    assert client.failure(directory="nowhere")[1] == "no_directory"
    assert client.failure(directory="team/pipelines")[1] == "no_project"
    assert lab.pipelines == {"theirs"}


BROKEN: dict[str, tuple[dict[str, str | bytes | None], str]] = {
    "yaml": ({"pipelines/first/metadata.yaml": "blocks: ["}, "Pipeline first does not load"),
    "no block": ({"data_loaders/first.py": None}, "Pipeline first: block first has no file"),
    "syntax": ({"data_loaders/first.py": "def x(:"}, "Pipeline first: block first is no Python"),
    "requirements": ({"requirements.txt": "./no-such-wheel.whl\n"}, "requirements.txt cannot be installed"),
}


@pytest.mark.parametrize(("files", "told"), BROKEN.values(), ids=BROKEN)
def test_a_commit_that_does_not_work_changes_nothing(
    lab: Lab, client: Client, files: dict[str, str | bytes | None], told: str
) -> None:
    before = client.deployed()
    lab.origin.commit(files)
    code, _, message = client.failure()
    assert (code, told in message) == (422, True), message
    assert lab.pipelines == {"first", "second"}
    assert client.ask(op="setting")["setting"]["live"]["deployment"] == before["id"]
    assert not list((lab.folder / ".magecluster/work").glob("2*"))


def test_what_is_not_there_is_told(lab: Lab, client: Client) -> None:
    other = lab.origin.commit(pipeline("third"), branch="other")
    assert client.failure(branch="none")[:2] == (422, "no_branch")
    assert client.failure(branch="--upload-pack=x")[:2] == (422, "no_branch")
    assert client.failure("0" * 40)[:2] == (422, "no_commit")
    assert client.failure("HEAD")[:2] == (422, "no_commit")
    assert client.failure(other)[:2] == (422, "no_commit")
    assert client.deployed(other, branch="other")["commit"] == other


def test_wrong_credentials_are_told_without_them(lab: Lab, client: Client, credentials: Path) -> None:
    (credentials / "token").write_text("wrong-token")
    code, type_, message = client.failure()
    assert (code, type_, "wrong-token" in message) == (422, "credentials", False)
    (credentials / "token").unlink()
    assert client.failure()[:2] == (422, "credentials")


def test_by_ssh(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        ssh_server(tmp_path_factory.mktemp("ssh"), lab.origin) as (url, keys),
        lab.deployer(url, f"--credentials={keys}") as deployer,
    ):
        client = Client(deployer)
        assert client.deployed()["commit"] == lab.second
        known = (keys / "known_hosts").read_text()
        (keys / "known_hosts").write_text(known.replace("AAAA", "AAAB"))
        assert client.failure()[:2] == (422, "host_key")
        (keys / "known_hosts").write_text(known)
        other = tmp_path_factory.mktemp("other") / "key"
        shell.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other)
        shutil.copy(other, keys / "ssh-privatekey")
        assert client.failure()[:2] == (422, "credentials")


def test_requirements_are_there_for_the_deployment_that_has_them(lab: Lab, client: Client) -> None:
    name = "told-1.0-py3-none-any.whl"
    lab.origin.commit({"requirements.txt": f"./{name}\npandas\n", name: wheel()})
    client.deployed()
    packages = lab.project / ".magecluster/packages"
    assert {place.name for place in packages.iterdir()} - {"__pycache__"} == {"told.py", "told-1.0.dist-info"}
    other = lab.origin.commit({name: wheel(2)})
    client.deployed(other)
    assert (packages / "told.py").read_text() == "TOLD = 2\n"
    client.deployed(lab.second)
    assert not packages.exists()


def wheel(told: int = 1) -> bytes:
    """Of a package with nothing else in it."""
    data, info = BytesIO(), "told-1.0.dist-info"
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("told.py", f"TOLD = {told}\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: told\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"told.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return data.getvalue()


def test_of_two_at_once_one_waits(lab: Lab, client: Client, server: HttpServer) -> None:
    server.hold.clear()
    first = client.begin(lab.first)
    eventually(lambda: client.ask(op="get", id=first)["deployment"]["step"] == "fetching")
    second = client.begin(lab.second)
    assert client.ask(op="get", id=second)["deployment"]["status"] == "queued"
    server.hold.set()
    with ThreadPoolExecutor() as waiting:
        ends = list(waiting.map(client.end, (first, second)))
    assert [end["status"] for end in ends] == ["succeeded"] * 2
    assert ends[0]["completed_at"] <= ends[1]["started_at"]
    assert lab.pipelines == {"first", "second"}


def test_of_two_pods_one_waits(lab: Lab, client: Client, server: HttpServer, credentials: Path) -> None:
    server.hold.clear()
    first = client.begin(lab.first)
    eventually(lambda: client.ask(op="get", id=first)["deployment"]["step"] == "fetching")
    with lab.deployer(server.url, f"--credentials={credentials}", place="other") as deployer:
        other = Client(deployer)
        second = other.begin(lab.second)
        assert client.ask(op="get", id=second)["deployment"]["status"] == "queued"
        assert other.ask(op="get", id=first)["deployment"]["status"] == "running"
        server.hold.set()
        ends = [client.end(first), other.end(second)]
        assert [end["status"] for end in ends] == ["succeeded"] * 2
        assert ends[0]["completed_at"] <= ends[1]["started_at"]
        assert client.ask(op="setting") == other.ask(op="setting")


def test_a_server_that_redirects_gives_nobody_the_token(lab: Lab, client: Client, server: HttpServer) -> None:
    with HttpServer(lab.origin.folder.parent) as thief:
        server.moved_to = thief.url
        assert client.failure()[0] in (422, 502)
        assert thief.asked
        assert not thief.credentials


def test_a_server_that_is_away_or_breaks_off_is_told(lab: Lab, client: Client, server: HttpServer) -> None:
    lab.origin.commit({"data_loaders/large.txt": os.urandom(300_000)})
    server.cut_after = 100_000
    assert client.failure()[:2] == (502, "git_server")
    assert lab.pipelines == {"made_here"}
    server.cut_after = None
    client.deployed()
    server.__exit__()
    assert client.failure()[:2] == (502, "git_server")
    assert lab.pipelines == {"first", "second"}


def test_a_volume_that_is_full_changes_nothing(server: HttpServer, lab: Lab, credentials: Path) -> None:
    if os.geteuid():
        pytest.skip("mounting a small volume needs root")
    small = lab.folder / "small"
    small.mkdir()
    shell.run("mount", "-t", "tmpfs", "-o", "size=8m", "small", small)
    try:
        shutil.copytree(lab.project, small / "default_repo")
        lab.project = small / "default_repo"
        with lab.deployer(server.url, f"--credentials={credentials}") as deployer:
            client = Client(deployer)
            client.deployed()
            lab.origin.commit({"data_loaders/large.txt": os.urandom(5_000_000)})
            code, type_, message = client.failure()
            assert (code, type_) == (507, "disk_full"), message
            assert lab.pipelines == {"first", "second"}
            assert client.deployed(lab.first)["commit"] == lab.first
    finally:
        shell.run("umount", small)


@pytest.mark.parametrize("point", POINTS)
def test_whenever_the_pod_ends_the_project_is_whole(
    lab: Lab, server: HttpServer, credentials: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, point: str
) -> None:
    (lab.project / "edited.py").write_text("edited")
    monkeypatch.setenv("DIE_AT", point)
    monkeypatch.setenv("DIE_WHEN", str(tmp_path / "asked"))
    dying = lab.deployer(server.url, f"--credentials={credentials}", module="tests.support.deploying").start()
    number = Client(dying).begin()
    waited = Client(dying).begin(lab.first)
    (tmp_path / "asked").touch()
    eventually(lambda: dying.ended, what="it dies")
    monkeypatch.setenv("DIE_AT", "")
    server.hold.clear()  # so that the one that waits changes nothing yet
    with lab.deployer(server.url, f"--credentials={credentials}", module="tests.support.deploying") as deployer:
        client, new = Client(deployer), point in ("switched", "renamed", "finishing")
        record = client.end(number)
        assert lab.pipelines == ({"first", "second"} if new else {"made_here"})
        server.hold.set()
        assert (record["status"], record.get("error", {}).get("type")) == (
            ("succeeded", None) if new else ("failed", "interrupted")
        )
        kept = [record.get("kept"), client.end(waited)["kept"]]
        assert "edited.py" in "".join(git_files(lab, ref) for ref in kept if ref)
    assert lab.pipelines == {"first"}
