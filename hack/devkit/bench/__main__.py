import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from devkit import shell
from devkit.bench import machine, report, scenarios, setting
from devkit.bench.cloud import report as cloud_report
from devkit.bench.cloud import scenario as cloud_scenario
from devkit.bench.mage import report as mage_report
from devkit.bench.mage import scenario as mage_scenario


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="hack/bench", description="Measures what was built, each beside its floor.")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    operator = commands.add_parser(
        "operator",
        help="the operator beside a bare client that writes the same objects",
        description="Starts Kubernetes four times and takes it down again. About 10 minutes with 1,000 clusters.",
    )
    operator.add_argument("--clusters", type=int, default=1000, metavar="N", help="how many (default: %(default)s)")
    operator.add_argument(
        "--rounds", type=int, default=50, metavar="N", help="how often to measure each latency (default: %(default)s)"
    )
    operator.add_argument(
        "--window", type=float, default=60, metavar="SECONDS", help="how long to watch for writes (default: 60)"
    )
    operator.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    operator.set_defaults(measure=_operator)
    cloud = commands.add_parser(
        "cloud-api",
        help="the Cloud API beside a bare handler and beside the API server",
        description="Starts Kubernetes once and takes it down again. About 4 minutes with 10,000 clusters.",
    )
    cloud.add_argument("--clusters", type=int, default=10_000, metavar="N", help="how many (default: %(default)s)")
    cloud.add_argument(
        "--seconds", type=float, default=5, metavar="S", help="length of each run of GETs (default: %(default)s)"
    )
    cloud.add_argument("--rounds", type=int, default=200, metavar="N", help="PUTs and PATCHes (default: %(default)s)")
    cloud.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    cloud.set_defaults(measure=_cloud_api)
    cluster = commands.add_parser(
        "cluster-api",
        help="gateway and runner beside Mage itself",
        description="Starts two Mages on this machine, one after the other, and ends them. About 3 minutes.",
    )
    cluster.add_argument("--seconds", type=float, default=5, metavar="S", help="length of each load (default: 5)")
    cluster.add_argument("--rounds", type=int, default=200, metavar="N", help="of each latency (default: %(default)s)")
    cluster.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    cluster.set_defaults(measure=_cluster_api, clusters=None)
    return main


Measured = tuple[Mapping[str, float | dict[str, int]], Callable[[Mapping[str, str]], str]]
"""Figures, and how to tell them."""


def _operator(args: argparse.Namespace) -> Measured:
    figures = scenarios.measure(setting.Size(args.clusters, args.rounds, args.window))
    return figures, lambda facts: report.text(facts, figures, args.clusters)


def _cloud_api(args: argparse.Namespace) -> Measured:
    figures = cloud_scenario.measure(args.clusters, args.seconds, args.rounds)
    return figures, lambda facts: cloud_report.text(facts, figures, args.clusters)


def _cluster_api(args: argparse.Namespace) -> Measured:
    figures = mage_scenario.measure(args.rounds, args.seconds)
    return figures, lambda facts: mage_report.text(facts, figures)


def main(argv: Sequence[str]) -> int:
    args = parser().parse_args(argv)
    before = machine.load()
    figures, told = args.measure(args)
    facts = {**machine.facts(), "load": f"{before} before, {machine.load()} after"}
    print(told(facts))
    if args.json:
        args.json.write_text(json.dumps({"machine": facts, "clusters": args.clusters, "figures": figures}, indent=1))
    return 0


def _end(number: int, _frame: FrameType | None) -> None:
    """Leave by way of an exception, so that the cluster is taken down."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main(sys.argv[1:]))
    except shell.Failed as failure:
        sys.exit(f"hack/bench: {failure}")
    except KeyboardInterrupt:
        sys.exit("hack/bench: interrupted")
