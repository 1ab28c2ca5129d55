"""`magecluster gateway`: runs the gateway beside Mage."""

import argparse
import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

from magecluster.cli import logs
from magecluster.cli.failure import CommandError
from magecluster.gateway.settings import Settings

_DEFAULT = Settings()


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "gateway", help="run the gateway in front of one Mage", description="Passes on to Mage until it is stopped."
    )
    parser.add_argument("--listen", default=_DEFAULT.listen, metavar="ADDRESS", help="address to serve on")
    parser.add_argument("--port", type=int, default=_DEFAULT.port, help="port of the same; 0 takes a free one")
    parser.add_argument("--upstream", type=_origin, default=_DEFAULT.upstream, metavar="URL", help="where Mage answers")
    parser.add_argument(
        "--base-path", type=_base, default="", metavar="PATH", help="Mage's MAGE_BASE_PATH, if it has one"
    )
    parser.add_argument("--runner-socket", type=Path, metavar="FILE", help="Unix socket on which the runner listens")
    logs.add_to(parser)
    parser.set_defaults(run=_run)


def _origin(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is no address like {_DEFAULT.upstream}")
    return text.rstrip("/")


def _base(text: str) -> str:
    path = text.strip("/")
    if not re.fullmatch(r"[-./\w]*", path):
        raise argparse.ArgumentTypeError(f"{text!r} is no path like /team")
    return f"/{path}" if path else ""


def _run(chosen: argparse.Namespace) -> int:
    from magecluster.gateway.app import CannotListenError, run

    logs.configure(chosen)
    settings = Settings(
        listen=chosen.listen,
        port=chosen.port,
        upstream=chosen.upstream,
        base_path=chosen.base_path,
        runner_socket=chosen.runner_socket,
    )
    try:
        asyncio.run(run(settings))
    except CannotListenError as error:
        raise CommandError(str(error)) from error
    return 0
