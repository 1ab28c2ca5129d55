"""Files with the X-API-KEY of logins, for the server and for who logs in."""

import argparse
from pathlib import Path

from magecluster.cli.failure import CommandError


def add_file_to(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add the option."""
    parser.add_argument("--api-key-file", type=Path, metavar="FILE", help=f"X-API-KEY, one a line; {meaning}")


def read(file: Path) -> tuple[str, ...]:
    """The keys, at least one. Raises `CommandError`."""
    try:
        keys = tuple(line.strip() for line in file.read_text().splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--api-key-file: cannot read {file} ({error})") from error
    if not keys:
        raise CommandError(f"--api-key-file: {file} has no key: write one a line")
    return keys
