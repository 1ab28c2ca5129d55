"""What Mage publishes about triggers, as it stands in its document, which is no part of this repository."""

import os
import re
from pathlib import Path

import pytest

DOCUMENT = Path(
    os.environ.get("MAGE_TRIGGER_API_DOCUMENT")
    or Path(__file__).parents[3] / "shared" / "contract" / "pipeline-trigger-api.md"
)
"""https://docs.mage.ai/orchestration/triggers/trigger-pipeline-api, saved as Markdown."""

HOST, TRIGGER = "http://localhost:6789", "3/pipeline_runs/abc123"
"""What the examples name, and a reader replaces by his own."""


def examples(language: str) -> list[str]:
    """The blocks of code in one language, in their order."""
    if not DOCUMENT.exists():
        pytest.skip(f"the published document is not at {DOCUMENT}; MAGE_TRIGGER_API_DOCUMENT names another place")
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
