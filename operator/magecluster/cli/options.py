"""What options of several commands have in common."""

import argparse
from urllib.parse import urlsplit


def origin(text: str) -> str:
    """Scheme, host and port, without a slash at the end. Raises `argparse.ArgumentTypeError`."""
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is no address like http://127.0.0.1:6789")
    return text.rstrip("/")
