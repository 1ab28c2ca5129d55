"""`magecluster gateway`: runs the gateway beside Mage."""

import argparse
import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from magecluster.cli import logs
from magecluster.cli.failure import CommandError
from magecluster.cli.options import origin
from magecluster.gateway.settings import Settings

_DEFAULT = Settings()

Number = TypeVar("Number", int, float)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "gateway", help="run the gateway in front of one Mage", description="Passes on to Mage until it is stopped."
    )
    parser.add_argument("--listen", default=_DEFAULT.listen, metavar="ADDRESS", help="address to serve on")
    parser.add_argument("--port", type=int, default=_DEFAULT.port, help="port of the same; 0 takes a free one")
    parser.add_argument("--upstream", type=origin, default=_DEFAULT.upstream, metavar="URL", help="where Mage answers")
    parser.add_argument(
        "--base-path", type=_base, default="", metavar="PATH", help="Mage's MAGE_BASE_PATH, if it has one"
    )
    parser.add_argument("--runner-socket", type=Path, metavar="FILE", help="Unix socket on which the runner listens")
    parser.add_argument(
        "--deployer-socket", type=Path, metavar="FILE", help="the same of the deployer, if there is one"
    )
    parser.add_argument(
        "--cloud-api", type=origin, metavar="URL", help="where the Cloud API answers, which makes workspaces"
    )
    parser.add_argument(
        "--cloud-api-token",
        type=Path,
        default=_DEFAULT.cloud_api_token,
        metavar="FILE",
        help="token of the pod, to be shown there",
    )
    runs = parser.add_argument_group("POST /api/runs")
    runs.add_argument(
        "--runs-timeout",
        type=_positive(float),
        default=_DEFAULT.runs_timeout_seconds,
        metavar="SECONDS",
        help="how long a run may take",
    )
    runs.add_argument(
        "--runs-concurrency",
        type=_positive(int),
        default=_DEFAULT.runs_concurrency,
        metavar="N",
        help="how many runs are executed at the same time",
    )
    runs.add_argument(
        "--runs-queue",
        type=_count,
        default=_DEFAULT.runs_queue,
        metavar="N",
        help="how many more may wait; others are refused",
    )
    runs.add_argument(
        "--token-scope",
        choices=("Project", "Pipeline"),
        default=_DEFAULT.token_scope,
        help="what the token of a trigger is good for: all pipelines, or the trigger's own",
    )
    logs.add_to(parser)
    parser.set_defaults(run=_run)


def _base(text: str) -> str:
    path = text.strip("/")
    if not re.fullmatch(r"[-./\w]*", path):
        raise argparse.ArgumentTypeError(f"{text!r} is no path like /team")
    return f"/{path}" if path else ""


def _positive(kind: type[Number]) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        try:
            found = kind(text)
        except ValueError:
            found = kind(0)
        if not 0 < found < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
        return found

    return parse


def _count(text: str) -> int:
    return 0 if text == "0" else _positive(int)(text)


def _run(chosen: argparse.Namespace) -> int:
    from magecluster.gateway.app import CannotListenError, run

    logs.configure(chosen)
    settings = Settings(
        listen=chosen.listen,
        port=chosen.port,
        upstream=chosen.upstream,
        base_path=chosen.base_path,
        runner_socket=chosen.runner_socket,
        deployer_socket=chosen.deployer_socket,
        cloud_api=chosen.cloud_api,
        cloud_api_token=chosen.cloud_api_token,
        runs_timeout_seconds=chosen.runs_timeout,
        runs_concurrency=chosen.runs_concurrency,
        runs_queue=chosen.runs_queue,
        token_scope=chosen.token_scope,
    )
    try:
        asyncio.run(run(settings))
    except CannotListenError as error:
        raise CommandError(str(error)) from error
    return 0
