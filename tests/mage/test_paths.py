"""The paths of the real Mage, of which no workspace may have the name."""

import re
import subprocess

from devkit.local_mage import environment
from magecluster.api.workspaces import TAKEN, WORKSPACE_NAME

FOLDER = "import mage_ai.server, os; print(os.path.dirname(mage_ai.server.__file__))"
PAGES = "import os, sys; print(*os.listdir(sys.argv[1] + '/frontend_dist'), sep='\\n')"


def run(*arguments: str) -> str:
    done = subprocess.run([environment(), "-c", *arguments], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_no_workspace_can_have_the_name_of_a_path_of_mages() -> None:
    folder = run(FOLDER).splitlines()[-1]
    source = run("import sys; print(open(sys.argv[1] + '/server.py').read())", folder)
    routes = set(re.findall(r"r'/([a-z][-a-z0-9]*)", source))
    pages = {name.removesuffix(".html") for name in run(PAGES, folder).split()}
    names = {name for name in routes | pages if re.fullmatch(WORKSPACE_NAME, name)}
    assert {"api", "pipelines", "metrics", "v2"} <= names
    assert names - TAKEN <= {"index"}
    assert TAKEN - names == set()
