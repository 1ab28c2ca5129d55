"""Documents that Mage publishes, which are no part of this repository."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "contract"


def published(name: str, variable: str) -> str:
    """The text of one, saved as Markdown; an environment variable names another place than the usual one."""
    document = Path(os.environ.get(variable) or FOLDER / name)
    if not document.exists():
        pytest.skip(f"the published document is not at {document}; {variable} names another place")
    return document.read_text()


def pro_api() -> str:
    """https://docs.mage.ai/extensibility/pro-api-reference/overview"""
    return published("mage-pro-api.md", "MAGE_PRO_API_DOCUMENT")


def trigger_api() -> str:
    """https://docs.mage.ai/orchestration/triggers/trigger-pipeline-api"""
    return published("pipeline-trigger-api.md", "MAGE_TRIGGER_API_DOCUMENT")
