"""What Mage publishes about triggers, as it stands in its document."""

import re

from tests.support.published import trigger_api

HOST, TRIGGER = "http://localhost:6789", "3/pipeline_runs/abc123"
"""What the examples name, and a reader replaces by his own."""


def examples(language: str) -> list[str]:
    """The blocks of code in one language, in their order."""
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```", trigger_api(), re.MULTILINE | re.DOTALL)
