"""The test command: checks of the text of the code first, then pytest over the suites that were asked for."""

import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

from devkit import progress, shell
from devkit.cluster import binaries

ROOT = Path(__file__).resolve().parents[2]
SUITES = ("lint", "unit", "cluster", "chart", "mage", "e2e")
"""From cheap to true, which is the order in which they run."""

KUBERNETES = {"cluster", "chart", "e2e"}
"""Those that need its programs."""

CODE = ("operator", "hack", "tests")


def lint() -> None:
    """Format, lint, types, import contracts, shell scripts, generated files. Raises shell.Failed."""
    python = sys.executable
    scripts = [path for path in sorted((ROOT / "hack").iterdir()) if path.is_file()]
    scripts += [ROOT / ".ci" / "run", *(ROOT / "hack" / "containers").rglob("*.sh")]
    checks: dict[str, tuple[str | Path, ...]] = {
        "format": (python, "-m", "ruff", "format", "--check", *CODE),
        "lint": (python, "-m", "ruff", "check", *CODE),
        "types": (python, "-m", "mypy", *CODE),
        "import contracts": ("lint-imports", "--no-cache"),
        "shell scripts": ("shellcheck", *scripts),
        "generated files": (python, "-m", "devkit.generate", "--check"),
    }
    for name, command in checks.items():
        with progress.step(f"Checking {name}"):
            shell.run(*command, cwd=ROOT)


USAGE = f"""usage: hack/test [SUITE ...] [-k EXPRESSION] [other options of pytest]

Suites: {", ".join(SUITES)}; all of them when none is named.
"""


def main(arguments: list[str]) -> int:
    named = list(takewhile(lambda word: not word.startswith("-"), arguments))
    options = arguments[len(named) :]
    if "--help" in options or not set(named) <= set(SUITES):
        print(USAGE, file=sys.stderr)
        return 0 if "--help" in options else 2
    suites = [suite for suite in SUITES if suite in (named or SUITES)]
    try:
        if "lint" in suites:
            lint()
        if KUBERNETES & set(suites):
            binaries.ensure()  # here, as it takes longer than a test may
    except shell.Failed as error:
        print(error, file=sys.stderr)
        return 1
    folders = [f"tests/{suite}" for suite in suites if suite != "lint"]
    if not folders:
        return 0
    os.chdir(ROOT)
    return subprocess.run([sys.executable, "-m", "pytest", *folders, *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
