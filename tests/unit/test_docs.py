"""What the documents name exists: links, paths, options, metrics, reasons; and every example is valid."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from magecluster.api import labels
from magecluster.api.magecluster import KIND, MageCluster
from magecluster.api.status import Reason
from magecluster.cli import adopt, cloud_api, operator
from magecluster.cloud.access.permissions import Permission
from magecluster.cloud.main import assemble
from magecluster.cloud.settings import Settings
from magecluster.controller.metrics import Metrics
from magecluster.controller.workqueue import Workqueue
from magecluster.kube.cache import Key
from magecluster.kube.connection import Connection

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(path for top in ("charts", "docs", "examples", "hack") for path in (ROOT / top).rglob("*.md")),
    ]
)
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
BASES = (ROOT, ROOT / "operator/magecluster", ROOT / "hack/devkit")
"""Where a path in a document may begin."""

LINK = re.compile(r"\]\((?P<target>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
CODE = re.compile(r"^```\w*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"[\w.*-]+(/[\w.*-]+)*/?")
NAME_OF_A_FILE = re.compile(r"[\w-]+\.(lock|md|toml)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(name: str) -> str:
    return (ROOT / name).read_text()


def anchors(document: str) -> set[str]:
    """Of its headings, the way GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths(document: str) -> Iterator[str]:
    """Words in code that look like paths of the repository, as they are written there."""
    for block, inline in CODE.findall(document):
        for word in (block or inline).split():
            path = word.removeprefix("./")
            if not PATH.fullmatch(path):
                continue
            first, slash, _ = path.partition("/")
            if NAME_OF_A_FILE.fullmatch(path) or (slash and any((base / first).is_dir() for base in BASES)):
                yield path


def exists(path: str, document: Path) -> bool:
    return any(any(base.glob(path.rstrip("/"))) for base in (*BASES, document.parent))


def manifests(document: str) -> list[dict[str, Any]]:
    """The MageClusters in a stream of YAML, as if they were in a namespace of an API server."""
    found = [manifest for manifest in yaml.safe_load_all(document) if manifest["kind"] == KIND]
    return [{**m, "metadata": {"namespace": "default", **m["metadata"], "uid": "u"}} for m in found]


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target, anchor in LINK.findall(path.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        there = (path.parent / target) if target else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), f"{target}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_path_exists(path: Path) -> None:
    assert [found for found in paths(path.read_text()) if not exists(found, path)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_manager_in_a_label_is_one_of_ours(path: Path) -> None:
    told = set(re.findall(rf"{labels.MANAGED_BY.rpartition('/')[2]}=([\w-]+)", path.read_text()))
    assert told <= {labels.MANAGER, labels.CLOUD_API}


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_value_of_the_chart_exists(path: Path) -> None:
    values = yaml.safe_load(text("charts/magecluster/values.yaml"))
    told = set(re.findall(r"(?<![/\w])(?:cloudApi|crds|metrics|networkPolicy)(?:\.\w+)+(?=[`=*])", path.read_text()))
    assert {value for value in told if at(values, value.split(".")) is None} == set()


def at(node: Any, path: list[str]) -> Any:
    """What stands there, `None` when nothing does."""
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def test_paths_are_found_in_all_their_forms() -> None:
    document = (
        "a `hack/cluster up`, `kube/no.py`, `pods/log`, `pyproject.toml`\n```sh\n./hack/none --x /api/status\n```\n"
    )
    assert list(paths(document)) == ["hack/cluster", "kube/no.py", "pyproject.toml", "hack/none"]


def test_the_readme_is_short() -> None:
    assert len(text("README.md").splitlines()) <= 150


def test_every_reason_has_its_section() -> None:
    assert set(re.findall(r"^### (\w+)$", text("docs/troubleshooting.md"), re.MULTILINE)) == set(Reason)


def test_the_metrics_are_those_that_are_exported() -> None:
    async def work(_: Key) -> None: ...

    metrics = Metrics()
    metrics.watch(Workqueue(work))
    exported = set(re.findall(r"^# TYPE (magecluster_\w+)", metrics.text().decode(), re.MULTILINE))
    told = set(re.findall(r"magecluster_\w+", text("docs/operations.md")))
    assert told == {name for name in exported if not name.endswith("_created")}


def test_the_metrics_of_the_cloud_api_are_those_that_are_exported(tmp_path: Path) -> None:
    services, _ = assemble(Settings(), Connection(tmp_path / "none", None), bytes(32))
    exported = set(re.findall(r"^# TYPE (magecluster_\w+)", services.metrics.text().decode(), re.MULTILINE))
    told = set(re.findall(r"magecluster_cloud_\w+", text("docs/cloud-api.md")))
    assert told == {name for name in exported if not name.endswith("_created")}


@pytest.mark.parametrize(
    ("name", "command", "document"),
    [
        ("operator", operator, "docs/operations.md"),
        ("cloud-api", cloud_api, "docs/cloud-api.md"),
        ("adopt", adopt, "docs/moving-in.md"),
    ],
)
def test_the_options_are_those_of_the_command(name: str, command: ModuleType, document: str) -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    command.add_to(commands)
    options = set(re.findall(r"--[a-z-]+", commands.choices[name].format_help())) - {"--help"}
    rows = re.findall(r"^\| (`--.*?) \|", text(document), re.MULTILINE)
    assert {option for row in rows for option in re.findall(r"`(--[a-z-]+)", row)} == options


def test_every_scope_of_a_token_is_told() -> None:
    assert set(re.findall(r"`((?:clusters|team):\w+)`", text("docs/cloud-api.md"))) == set(Permission)


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_every_example_is_valid(path: Path) -> None:
    found = manifests(path.read_text())
    assert found
    for manifest in found:
        MageCluster.parse(manifest)


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_manifest_in_a_document_is_valid(path: Path) -> None:
    for block in re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
        for manifest in manifests(block):
            MageCluster.parse(manifest)
