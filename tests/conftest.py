import pytest

pytest_plugins = [
    "tests.support.fixtures",
    "tests.support.cloud_api",
    "tests.support.cloud_people",
    "tests.support.monitoring",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/data/objects; then read the diff")
