"""docs/cluster-api.md, whose commands tests run and whose tables they compare."""

import re

from devkit.local_gateway import OPERATOR

HOST = "https://mage.example.com"
"""In its commands; a reader replaces it."""


def section(title: str) -> str:
    """What stands below a heading of the second level."""
    text = (OPERATOR.parent / "docs/cluster-api.md").read_text()
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def commands(title: str) -> list[str]:
    """The scripts in it."""
    return re.findall(r"^```sh\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
