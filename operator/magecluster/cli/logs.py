"""Structured logs: for people on a terminal, JSON elsewhere. Every line within a reconcile names its cluster."""

import argparse
import logging
import sys

import structlog

_QUIET = {"kopf": logging.WARNING, "aiohttp": logging.WARNING, "asyncio": logging.WARNING, "kubernetes": logging.ERROR}
"""What matters of libraries: kopf logs a line for every event, and what kubernetes warns of we raise."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that logs."""
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument("--log-format", choices=["json", "text"], help="default: text on a terminal, json elsewhere")


def configure(chosen: argparse.Namespace) -> None:
    """Send all logs, also those of libraries, to standard error, as the options say."""
    as_json = chosen.log_format == "json" if chosen.log_format else not sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        # The renderer's own tracebacks show the values of variables, and so passwords.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=chosen.log_level.upper(), force=True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
