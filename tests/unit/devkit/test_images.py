import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from devkit import shell
from devkit.images import base as bases
from devkit.images import builder, origin
from devkit.images.definitions import CONTAINERS, IMAGES, MAGE_VERSION, REGISTRY_BASE, Image
from devkit.images.engine import BUILDAH, DOCKER, INPUTS, PODMAN, Engine, find
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
    assert names == {"Containerfile", "requirements.lock", "tools.lock", "operator/magecluster/__init__.py"}
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


@pytest.mark.parametrize("engine", [BUILDAH, PODMAN])
def test_image_counts_as_built_only_with_the_same_inputs(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    asked: list[tuple[str, ...]] = []

    def run(*command: str) -> str:
        asked.append(command)
        return ""

    monkeypatch.setattr("devkit.shell.run", run)
    assert engine.image_id("localhost/a:1", "abc") == ""
    assert asked[0][-1] == f"label={INPUTS}=abc"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker that has the registry's base, an image of ours and no network; the file has what it was asked."""
    images = {
        REGISTRY_BASE: {"Id": "sha256:1", "Config": {"Labels": None}},
        "localhost/a:1": {"Id": "sha256:2", "Config": {"Labels": {INPUTS: "abc"}}},
    }
    for reference, found in images.items():
        file = tmp_path / "images" / reference
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([found]))
    program = tmp_path / "bin/docker"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
echo "$*" >> {tmp_path}/asked
[ "$1 $2" = "image inspect" ] || {{ echo "Cannot connect to the Docker daemon" >&2; exit 1; }}
cat "{tmp_path}/images/$3" 2> /dev/null || {{ echo "Error: No such image: $3" >&2; exit 1; }}
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return tmp_path / "asked"


@pytest.mark.usefixtures("docker")
def test_docker_finds_an_image_by_each_of_its_names_and_with_the_same_inputs_alone() -> None:
    assert DOCKER.image_id(REGISTRY_BASE) == "sha256:1"
    assert DOCKER.image_id("localhost/a:1") == DOCKER.image_id("localhost/a:1", "abc") == "sha256:2"
    assert DOCKER.image_id("localhost/a:1", "other") == DOCKER.image_id("localhost/b:1") == ""
    assert DOCKER.image_id(REGISTRY_BASE, "abc") == ""


def test_a_base_that_docker_has_is_not_pulled(docker: Path) -> None:
    assert bases.find(DOCKER, ()) == REGISTRY_BASE
    assert "pull" not in docker.read_text()


def test_a_docker_without_a_daemon_is_not_one_without_images(docker: Path) -> None:
    (docker.parent / "bin/docker").write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    with pytest.raises(shell.Failed, match="Cannot connect"):
        DOCKER.image_id(REGISTRY_BASE)


@pytest.mark.parametrize(
    ("programs", "chosen"), [({"podman"}, PODMAN), ({"podman", "buildah"}, BUILDAH), ({"buildah"}, BUILDAH)]
)
def test_podman_builds_where_there_is_nothing_else(
    monkeypatch: pytest.MonkeyPatch, programs: set[str], chosen: Engine
) -> None:
    monkeypatch.setattr("shutil.which", lambda name, **_: name if name in programs else None)
    assert find.__wrapped__() is chosen
    assert {"build", "--timestamp"} < set(chosen.build_command)


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


@pytest.mark.parametrize("name", IMAGES)
def test_a_base_of_ones_own_takes_the_place_of_the_usual_one(name: str) -> None:
    arguments = builder.build_arguments(IMAGES[name], "registry.example.com/python:3.11")
    assert arguments["BASE"] == "registry.example.com/python:3.11"
    declared = re.findall(r"^ARG (\w+)", IMAGES[name].containerfile.read_text(), re.MULTILINE)
    assert arguments.keys() == set(declared)


def test_what_is_in_our_image_begins_from_nothing_and_runs_as_nobody_in_particular() -> None:
    stages = IMAGES["operator"].containerfile.read_text().split("\nFROM ")
    final = stages[-1]
    assert final.startswith("scratch\n")
    assert "USER 65532:65532" in final
    assert "RUN" not in final
    assert stages[1].count("--require-hashes") == 1


def test_each_package_of_a_lock_has_its_hashes() -> None:
    for lock in (IMAGES["operator"].lock, IMAGES["operator"].tools, IMAGES["mage"].lock):
        assert lock
        text = lock.read_text()
        pinned = re.findall(r"^[\w.\[\]-]+==.*\\\n(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^\w", text, re.MULTILINE)) > 20


def git(folder: Path, *words: str) -> None:
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    when = {f"GIT_{role}_DATE": "1700000000 +0000" for role in ("AUTHOR", "COMMITTER")}
    shell.run("git", "-C", folder, *words, env=who | when)


def test_labels_tell_of_the_last_commit_that_changed_what_is_in_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "ROOT", tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    assert origin.labels("1", [inside], None) == {
        "org.opencontainers.image.version": "1",
        "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
    }
    inside.touch()
    for words in (("init",), ("add", "."), ("commit", "-m", "inside")):
        git(tmp_path, *words)
    first = origin.labels("1", [inside], "https://example.com/repository")
    assert first["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert first["org.opencontainers.image.source"] == "https://example.com/repository"
    outside.touch()
    for words in (("add", "."), ("commit", "-m", "outside")):
        git(tmp_path, *words)
    assert origin.labels("1", [inside], "https://example.com/repository") == first
    inside.write_text("changed")
    assert origin.revision([inside]) == first["org.opencontainers.image.revision"] + "-modified"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert origin.labels("1", [inside], None)["org.opencontainers.image.created"] == "1970-01-02T00:00:00Z"


def test_the_image_has_what_the_program_imports_of_the_classes_of_the_kubernetes_client() -> None:
    path = CONTAINERS / "operator/rootfs.py"
    spec = importlib.util.spec_from_file_location("rootfs", path)
    assert spec
    assert spec.loader
    rootfs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rootfs)
    program = """
import importlib, json, pkgutil, sys, magecluster
for module in pkgutil.walk_packages(magecluster.__path__, "magecluster."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(json.dumps([m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)]))
"""
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    loaded = {Path(file) for file in json.loads(told)}
    generated = {path.name for path in loaded if "/kubernetes/" in str(path) and path.parent.name in {"models", "api"}}
    assert "v1_object_meta.py" in generated
    assert generated <= rootfs.KEPT_MODELS
