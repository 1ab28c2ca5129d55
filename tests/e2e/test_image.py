"""The image of our own program: what is in it, and that it runs where nothing may be written."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.eventually import eventually
from tests.support.kube import Namespace

from devkit.images import archive, build, builder, engine, origin
from devkit.images.contents import MEGABYTE, Contents, read
from devkit.images.definitions import IMAGES
from magecluster import __version__
from magecluster.resources.security import restricted

pytestmark = pytest.mark.timeout(600)

UNPACKED, COMPRESSED = 120 * MEGABYTE, 45 * MEGABYTE
"""What it may have at most, on a node's disk and on the way there."""

INVENTORY = "usr/share/sbom/magecluster.cdx.json"
LOADED = """
import aiohttp._http_parser, argon2, cryptography.hazmat.bindings._rust, frozenlist._frozenlist, multidict._multidict
import orjson, propcache._helpers_c, pydantic_core, uvloop, yaml._yaml, yarl._quoting_c
import os, socket, ssl
assert len(ssl.create_default_context().get_ca_certs()) > 100
assert socket.getaddrinfo("localhost", 80)
assert os.getuid() == 65532
try:
    open("/opt/magecluster/written", "w")
except OSError as error:
    print("all is well:", error.strerror)
"""


@pytest.fixture(scope="module")
def contents() -> Contents:
    return read(archive(build("operator")))


def test_it_is_small(contents: Contents) -> None:
    assert contents.unpacked() < UNPACKED
    assert contents.compressed() < COMPRESSED


def test_it_has_one_program_and_neither_shell_nor_compiler_nor_installer(contents: Contents) -> None:
    programs = {
        name
        for name, member in contents.files.items()
        if member.isfile() and member.mode & 0o111 and ".so" not in Path(name).name
    }
    assert [Path(name).name for name in programs] == ["python3.11"]
    packages = {path.name for path in map(Path, contents.files) if path.parent.name == "site-packages"}
    assert not packages & {"pip", "setuptools", "wheel", "cyclonedx_py"}


def test_nobody_but_root_may_write_anything_in_it_but_tmp(contents: Contents) -> None:
    open_to_all = {n for n, member in contents.files.items() if not member.issym() and member.mode & 0o022}
    assert open_to_all == {"tmp"}
    assert {(member.uid, member.gid) for member in contents.files.values()} == {(0, 0)}
    assert contents.config["config"]["User"] == "65532:65532"


def test_its_inventory_names_each_package_of_the_lock_and_whose_libraries_it_has(contents: Contents) -> None:
    inventory = json.loads(contents.text(INVENTORY))
    assert inventory["bomFormat"] == "CycloneDX"
    assert inventory["metadata"]["component"]["version"] == __version__
    found = {(re.sub(r"[-_.]+", "-", one["name"]).lower(), one["version"]) for one in inventory["components"]}
    locked = re.findall(r"^([\w.-]+)==([^\s;]+)", IMAGES["operator"].lock.read_text(), re.MULTILINE)
    assert len(locked) > 30
    assert {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in locked} <= found
    assert {"cpython", "libc6", "libssl3"} <= {name for name, _ in found}
    assert {"var/lib/dpkg/status.d/libssl3", "usr/share/doc/libssl3/copyright"} <= contents.files.keys()
    told = {one["ref"]: one.get("dependsOn", []) for one in inventory["dependencies"]}
    assert set(told["magecluster"]) == {one["bom-ref"] for one in inventory["components"]}


def test_its_labels_tell_what_it_is_and_of_which_commit(contents: Contents) -> None:
    prefix = "org.opencontainers.image."
    labels = {k.removeprefix(prefix): v for k, v in contents.config["config"]["Labels"].items() if k.startswith(prefix)}
    assert (labels["title"], labels["version"], labels["licenses"]) == ("magecluster", __version__, "Apache-2.0")
    assert "gateway" in labels["description"]
    assert re.fullmatch(r"[0-9a-f]{40}(-modified)?", labels["revision"])
    assert (
        labels["created"]
        == origin.labels("", builder.input_files(IMAGES["operator"]).values(), None)[f"{prefix}created"]
    )


def test_two_builds_of_the_same_source_are_the_same_image(contents: Contents) -> None:
    one, two = (read(archive(build("operator", tag=tag, afresh=True))) for tag in ("one", "two"))
    found = engine.find()
    name = IMAGES["operator"].reference.rpartition(":")[0]
    assert found.image_id(f"{name}:one") == found.image_id(f"{name}:two")
    # One that reused steps has their ids in its history, and with them those of earlier commits.
    for part in ("rootfs", "config"):
        assert one.config[part] == two.config[part] == contents.config[part]


@pytest.fixture
def sealed(space: Namespace) -> Iterator[Namespace]:
    """A namespace that lets nothing in but pods of the standard `restricted`."""
    space.enforce("restricted")
    yield space
    space.enforce("baseline")


RUNS: dict[str, tuple[dict[str, Any], str]] = {
    "version": ({"args": ["--version"]}, f"magecluster {__version__}"),
    "help": ({"args": ["--help"]}, "cloud-api"),
    "runner-files": ({"args": ["runner-files", "/copy"], "volumeMounts": [{"name": "copy", "mountPath": "/copy"}]}, ""),
    "extensions": ({"command": ["python", "-c", LOADED]}, "all is well: Read-only file system"),
}


@pytest.mark.parametrize("name", RUNS)
def test_it_runs_with_a_root_that_is_read_only(sealed: Namespace, name: str) -> None:
    changed, told = RUNS[name]
    container = {"name": "it", "image": IMAGES["operator"].reference, "imagePullPolicy": "Never"}
    spec = {
        "containers": [container | {"securityContext": restricted()} | changed],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "volumes": [{"name": "copy", "emptyDir": {}}],
    }
    sealed.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    ended = ("Succeeded", "Failed")
    phase = eventually(lambda: (p := sealed.get("pod", name)["status"]["phase"]) in ended and p, within=120)
    assert (phase, told in sealed.kubectl("logs", name)) == ("Succeeded", True), sealed.kubectl("logs", name)
