"""The scripts that Mage publishes for its Cloud API, as they stand in its document, which is no part of this one."""

import re
import subprocess
import sys
from typing import NamedTuple

from tests.support.published import pro_api

HOST = "https://cloud.mage.ai"
NAMES = ("login", "power", "power usage", "variables", "variables usage")
"""Of the blocks, in the order in which they are printed."""


def blocks() -> dict[str, str]:
    """Blocks of Python in the part about the Cloud API."""
    part = pro_api().partition("# **Mage Cloud API**")[2].partition("# **Mage Pro cluster API**")[0]
    found = re.findall(r"^```Python[^\n]*\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    return dict(zip(NAMES, found, strict=True))


class Account(NamedTuple):
    """Who runs the scripts, and where."""

    url: str
    email: str
    password: str


def run(who: Account, team: str, cluster: str, *, what: str = "start") -> str:
    """Run a script, which has to succeed; returns what it printed."""
    done = attempt(who, team, cluster, what=what)
    assert done.returncode == 0, done.stderr
    return done.stdout


def attempt(who: Account, team: str, cluster: str, *, what: str = "start") -> subprocess.CompletedProcess[str]:
    """Run the script for power (`start`, `stop`) or the one for environment variables (`variables`).

    Only host and credentials are replaced; for `stop`, the usage that is printed as a comment is the one that runs.
    """
    found = blocks()
    usage = found["power usage"]
    if what == "stop":
        usage = re.sub(r"^update_cluster_status\(.*\n", "", usage, flags=re.MULTILINE)
        usage = usage.replace("# update_cluster_status(", "update_cluster_status(")
    power, variables = (found["power"], usage), (found["variables"], found["variables usage"])
    script = "\n".join((found["login"], *(variables if what == "variables" else power)))
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
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
