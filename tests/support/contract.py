"""The scripts that Mage publishes for its Cloud API, as they stand in its document, which is no part of this one."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

DOCUMENT = Path(
    os.environ.get("MAGE_PRO_API_DOCUMENT") or Path(__file__).parents[3] / "shared" / "contract" / "mage-pro-api.md"
)
"""https://docs.mage.ai/extensibility/pro-api-reference/overview, saved as Markdown."""

HOST = "https://cloud.mage.ai"


def blocks() -> dict[str, str]:
    """Blocks of Python in the part about the Cloud API, by the heading above them; usage has ` usage` behind it."""
    if not DOCUMENT.exists():
        pytest.skip(f"the published document is not at {DOCUMENT}; MAGE_PRO_API_DOCUMENT names another place")
    part = DOCUMENT.read_text().partition("# **Mage Cloud API**")[2].partition("# **Mage Pro cluster API**")[0]
    found: dict[str, str] = {}
    for heading, text in re.findall(r"^### \*\*Example: (.+?)\*\*$(.*?)(?=^### |\Z)", part, re.MULTILINE | re.DOTALL):
        first, *usage = re.findall(r"^```Python[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        found |= {heading: first} | {f"{heading} usage": block for block in usage}
    return found


class Account(NamedTuple):
    """Who runs the scripts, and where."""

    url: str
    email: str
    password: str


def run(who: Account, team: str, cluster: str, *, stop: bool = False, env: bool = False) -> str:
    """Run the script for power, or the one for environment variables; returns what it printed.

    Only host and credentials are replaced; for `stop`, the usage that is printed as a comment is the one that runs.
    """
    found = blocks()
    login, power, usage, variables, setting = (
        found["Initialize session and get token"],
        found["Start or stop a cluster"],
        found["Start or stop a cluster usage"],
        found["update environment variables"],
        found["update environment variables usage"],
    )
    if stop:
        start, _, commented = usage.partition("# Start the cluster\n")[2].partition("# Stop the cluster\n# ")
        usage = usage.replace(start, "\n").replace(f"# {commented}", commented)
    script = "\n".join((login, variables, setting) if env else (login, power, usage))
    ours = {
        HOST: who.url,
        "your_email@example.com": who.email,
        "your_password_here": who.password,
        "'your_password'": repr(who.password),
        "your_team_id": team,
        "your_cluster_id": cluster,
    }
    for theirs, mine in ours.items():
        assert theirs in script or theirs in ("your_password_here", "'your_password'"), theirs
        script = script.replace(theirs, mine)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
