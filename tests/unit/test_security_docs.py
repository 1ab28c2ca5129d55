"""The claims of docs/security.md: each names a test, and that test exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = ("docs/security.md",)
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def names_in(path: Path) -> set[str]:
    """Names of the functions at the top of a file that pytest runs."""
    nodes = ast.parse(path.read_text()).body
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in nodes if isinstance(node, functions) and node.name.startswith("test_")}


def rows(document: str) -> list[list[str]]:
    """The cells of all rows, without heads and rules."""
    lines = [line for line in document.splitlines() if line.startswith("| ") and not line.startswith("| who ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("name", TABLES)
def test_every_claim_names_a_test(name: str) -> None:
    found = rows((ROOT / name).read_text())
    assert len(found) > 20
    assert [row for row in found if not NAMED.fullmatch(row[-1])] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.stem)
def test_every_test_that_is_named_exists(path: Path) -> None:
    for file, function in NAMED.findall(path.read_text()):
        assert (ROOT / file).is_file(), file
        assert not function or function in names_in(ROOT / file), f"{file}::{function}"
