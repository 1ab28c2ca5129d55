"""The program that copies, with real files."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from magecluster.adopt import copier, copyjob


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A volume as Mage leaves it."""
    root = tmp_path / "old"
    (root / "default_repo/pipelines").mkdir(parents=True)
    (root / "default_repo/metadata.yaml").write_text("project_uuid: a\n")
    (root / "default_repo/empty").touch()
    (root / "default_repo/run.sh").write_text("true\n")
    (root / "default_repo/run.sh").chmod(0o755)
    (root / "default_repo/latest").symlink_to("metadata.yaml")
    (root / "default_repo/nowhere").symlink_to("/nowhere")
    (root / "mage_data/secrets").mkdir(parents=True)
    (root / "mage_data/secrets/key").write_bytes(os.urandom(5000))
    (root / "mage_data/secrets").chmod(0o700)
    (root / "lost+found").mkdir()
    os.utime(root / "default_repo", (1, 1))
    os.utime(root / "default_repo/metadata.yaml", (2, 2))
    return root


def tree(root: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, date and content of everything; the dates of links are their own."""
    found: dict[str, tuple[int, int, str]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else ""
        found[str(path.relative_to(root))] = (status.st_mode, 0 if path.is_symlink() else int(status.st_mtime), content)
    found.pop("lost+found", None)
    return found


def test_everything_is_there_as_it_was(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    (new / "lost+found").mkdir(parents=True)
    assert copier.main(str(new), str(old), "") == {"files": 10, "bytes": 5021}
    assert tree(new) == tree(old)


def test_what_an_earlier_attempt_left_goes(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    (new / "half/of").mkdir(parents=True)
    (new / "default_repo").symlink_to(tmp_path)
    copier.main(str(new), str(old), "")
    assert tree(new) == tree(old)


def test_what_another_volume_covers_comes_from_that_one(old: Path, tmp_path: Path) -> None:
    other, new = tmp_path / "other", tmp_path / "new"
    other.mkdir()
    new.mkdir()
    (other / "key").write_text("the one that Mage sees")
    (old / "mage_data/secrets/uuid").write_text("one that it does not see")
    copier.main(str(new), str(old), "", str(other), "mage_data/secrets")
    assert [path.name for path in (new / "mage_data/secrets").iterdir()] == ["key"]
    assert (new / "mage_data/secrets/key").read_text() == "the one that Mage sees"
    assert (new / "default_repo/metadata.yaml").exists()


def test_a_file_that_changes_meanwhile_is_a_failure(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").mkdir()
    date = copier._date  # noqa: SLF001  between copying and comparing

    def written(source: str, root: str, entry: copier.Entry) -> None:
        date(source, root, entry)
        (old / "mage_data/secrets/key").write_text("changed")

    monkeypatch.setattr(copier, "_date", written)
    with pytest.raises(OSError, match="something else writes to the old volume"):
        copier.main(str(tmp_path / "new"), str(old), "")


def test_a_volume_that_is_too_small_is_told_before_anything_is_copied(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    new.mkdir()
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((1, 1, 9, 9, 9, 0, 0, 0, 0, 255)))
    with pytest.raises(OSError, match="room for 9 bytes and 5021 are needed: ask for more with --size"):
        copier.main(str(new), str(old), "")
    assert list(new.iterdir()) == []


def test_whatever_takes_long_tells_that_it_goes_on(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(0, 2)
    monkeypatch.setattr(copier, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(copier, "PIECE", 1000)
    (tmp_path / "new/left/behind").mkdir(parents=True)
    copier.main(str(tmp_path / "new"), str(old), "")
    lines = [copyjob.progress(line) or "" for line in capsys.readouterr().out.splitlines()]
    pieces = {line.rpartition("files, ")[2] for line in lines if "files, " in line}
    assert {f"{size} of 4.9 KiB" for size in ("1000 B", "2.0 KiB", "2.9 KiB", "3.9 KiB", "4.9 KiB")} <= pieces
    for doing, count in (("looking", 10), ("emptying the new volume", 2), ("dating", 10), ("comparing", 10)):
        assert [line for line in lines if line.startswith(doing)] == [
            f"{doing}: {number} files and folders" for number in range(1, count + 1)
        ]


def run(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """As the Job runs it; exit status, output, last word."""
    log = tmp_path / "log"
    program = Path(copier.__file__).read_text()
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, "TERMINATION_LOG": str(log)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout, log.read_text()


def test_it_tells_how_far_it_is_and_how_it_ended(old: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    code, out, last = run(tmp_path, str(tmp_path / "new"), str(old), "")
    assert code == 0
    assert [copyjob.progress(line) for line in out.splitlines()] == [
        "looking: 1 files and folders",
        "0 %: 0 of 10 files, 0 B of 4.9 KiB",
        "dating: 1 files and folders",
        "comparing: 1 files and folders",
    ]
    assert json.loads(last) == {"files": 10, "bytes": 5021}
    assert copyjob.result(last) == "10 files and folders, 4.9 KiB, compared"


def test_its_last_word_of_a_failure_is_the_cause(tmp_path: Path) -> None:
    code, _, last = run(tmp_path, str(tmp_path), str(tmp_path / "absent"), "")
    assert code == 1
    assert "absent" in last
    assert copyjob.result("") == "copied"
    assert copyjob.progress("Collecting pip") is None
