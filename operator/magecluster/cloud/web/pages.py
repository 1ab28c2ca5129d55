"""Pages for people: HTML that takes nothing from elsewhere and runs only what it was written with."""

import base64
import hashlib
from html import escape

from aiohttp import web

_STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def page(title: str, body: str, *, style: str, script: str = "") -> web.Response:
    """A whole page; `body` is HTML. A script may talk to this server and to nobody else."""
    policy = f"{_STRICT}; style-src {_source(style)}"
    if script:
        policy += f"; script-src {_source(script)}; connect-src 'self'"
    html = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    return web.Response(text=html, content_type="text/html", headers=headers)


def _source(text: str) -> str:
    """What a policy calls exactly this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
