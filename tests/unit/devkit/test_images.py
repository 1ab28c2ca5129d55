import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from devkit.images import builder
from devkit.images.definitions import CONTAINERS, IMAGES, MAGE_VERSION, Image
from devkit.images.engine import BUILDAH, DOCKER, INPUTS, Engine
from devkit.images.files import context, digest, locked
from devkit.images.wheels import download_command, platforms


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    monkeypatch.setenv("MAGECLUSTER_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "checkout/operator/magecluster"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("__version__ = '1'\n")
    (tmp_path / "checkout/requirements.lock").write_text("kopf==1.45 --hash=sha256:00\n")
    (tmp_path / "checkout/README.md").write_text("read me\n")
    return replace(
        IMAGES["operator"],
        lock=tmp_path / "checkout/requirements.lock",
        files={"operator": tmp_path / "checkout/operator"},
    )


def inputs(image: Image, base: str = "base:1") -> str:
    return digest(builder.build_arguments(image, base), builder.input_files(image))


@pytest.mark.parametrize(
    "changed", ["requirements.lock", "operator/magecluster/__init__.py", "operator/magecluster/new.py"]
)
def test_lock_and_source_decide_the_inputs(image: Image, changed: str) -> None:
    before = inputs(image)
    (image.lock.parent / changed).write_text("changed\n")
    assert inputs(image) != before


@pytest.mark.parametrize("changed", ["README.md", "operator/magecluster/__init__.pyc"])
def test_unrelated_files_leave_the_inputs_alone(image: Image, changed: str) -> None:
    before = inputs(image)
    (image.lock.parent / changed).write_text("changed\n")
    os.utime(image.lock, (0, 0))
    assert inputs(image) == before


def test_base_mode_and_place_of_a_file_decide_the_inputs(image: Image) -> None:
    source = image.files["operator"] / "magecluster/__init__.py"
    before = inputs(image)
    assert inputs(image, base="base:2") != before
    source.chmod(0o755)
    executable = inputs(image)
    source.rename(source.with_name("elsewhere.py"))
    assert len({before, executable, inputs(image)}) == 3


def test_context_holds_the_inputs_without_byte_code_and_is_gone_afterwards(image: Image) -> None:
    cached = image.files["operator"] / "magecluster/__pycache__"
    cached.mkdir()
    (cached / "x.pyc").touch()
    with context(builder.input_files(image)) as folder:
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {"Containerfile", "requirements.lock", "operator/magecluster/__init__.py"}
    assert not folder.exists()


def test_second_holder_of_a_lock_waits(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with locked(tmp_path / "x.lock"):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(tmp_path / "x.lock"):
        thread.start()
        thread.join(timeout=0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


@pytest.mark.parametrize("engine", [DOCKER, BUILDAH])
def test_image_counts_as_built_only_with_the_same_inputs(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    asked: list[tuple[str, ...]] = []

    def run(*command: str) -> str:
        asked.append(command)
        return ""

    monkeypatch.setattr("devkit.shell.run", run)
    assert engine.image_id("localhost/a:1", "abc") == ""
    assert asked[0][-1] == f"label={INPUTS}=abc"


def test_lock_of_mage_has_the_version_that_the_image_is_named_after() -> None:
    lock = (CONTAINERS / "mage/requirements.lock").read_text()
    assert re.findall(r"^mage-ai==(\S+)", lock, re.MULTILINE) == [MAGE_VERSION]
    assert IMAGES["mage"].reference.endswith(f":{MAGE_VERSION}")


def test_wheels_fit_the_images_whatever_the_host_is(tmp_path: Path) -> None:
    command = download_command(tmp_path / "requirements.lock", tmp_path / "wheels")
    assert command[command.index("--python-version") + 1] == "3.11"
    assert "--require-hashes" in command
    assert "manylinux_2_36_aarch64" in platforms("aarch64")
    assert "manylinux_2_37_aarch64" not in platforms("aarch64")  # Debian 12 has glibc 2.36


@pytest.mark.parametrize("name", IMAGES)
def test_committed_files_name_no_index_and_no_machine(name: str) -> None:
    for path in builder.input_files(IMAGES[name]).values():
        for file in [path] if path.is_file() else []:
            assert not re.search(r"https?://|--index-url|/root/|/work/", file.read_text())
