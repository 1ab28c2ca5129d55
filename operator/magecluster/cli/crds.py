"""`magecluster crds`: prints the custom resource definitions, to pipe into kubectl."""

import argparse
import sys


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("crds", help="print the custom resource definitions")
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> int:
    import yaml

    from magecluster.api.crd import definitions

    sys.stdout.write(yaml.safe_dump_all(definitions(), sort_keys=False, width=120))
    return 0
