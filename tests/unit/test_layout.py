"""Rules about the files themselves."""

from pathlib import Path

import yaml

from magecluster import __version__

ROOT = Path(__file__).parents[2]
LINES = 300


def test_the_source_root_holds_packages_and_is_none() -> None:
    """An __init__.py in operator/ would shadow the standard library's operator."""
    found = {path.name for path in (ROOT / "operator").iterdir() if path.name != "__pycache__"}
    assert found == {"magecluster", "magecluster_deployer", "magecluster_runner"}


def test_the_chart_has_the_version_of_the_package() -> None:
    chart = yaml.safe_load((ROOT / "charts/magecluster/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    files = [path for top in ("operator", "hack") for path in (ROOT / top).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LINES} == {}
