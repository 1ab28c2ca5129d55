"""The entry point."""

import argparse
import sys

from magecluster import __version__
from magecluster.cli import adopt, check_cloud_api, cloud_api, crds, gateway, operator, runner_files, user
from magecluster.cli.failure import CommandError

COMMANDS = (operator, cloud_api, gateway, runner_files, user, check_cloud_api, adopt, crds)
"""What a command works with it imports when it runs, so that none waits for, or holds in memory, what others need."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status. An expected failure is one line on standard error."""
    parser = argparse.ArgumentParser(prog="magecluster", description="Mage clusters on Kubernetes")
    parser.add_argument("--version", action="version", version=f"magecluster {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    chosen = parser.parse_args(arguments)
    try:
        status: int = chosen.run(chosen)
    except CommandError as error:
        print(f"magecluster: {error}", file=sys.stderr)  # noqa: T201  a command line prints
        return 1
    return status
