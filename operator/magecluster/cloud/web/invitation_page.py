"""The page behind the link of an invitation."""

import json
import secrets
from html import escape
from typing import Any

from aiohttp import web

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1.05em/1.5 system-ui, sans-serif; max-width: 30em; margin: 12vh auto; padding: 0 1em; }
label { display: block; margin: 1em 0; }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .4em .6em; margin-top: .2em; }
button { font: inherit; padding: .5em 1.4em; }
#told { min-height: 1.5em; }
"""
_SCRIPT = """
const form = document.forms[0], told = document.getElementById("told");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = {invitation: {password: form.password.value, name: form.fullname.value || null}};
  told.textContent = "One moment…";
  const answer = await fetch(location.pathname, {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
  if (answer.ok) { form.remove(); told.textContent = form.dataset.done; }
  else { told.textContent = (await answer.json()).error.message; }
});
"""


def page(offer: dict[str, Any]) -> web.Response:
    """`offer` is `Offer` of the wire."""
    nonce = secrets.token_urlsafe(16)
    html = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Invitation to {escape(offer["team"])}</title>
<style nonce="{nonce}">{_STYLE}</style>
</head>
<body>
<h1>Join {escape(offer["team"])}</h1>
<p>You are invited as <b>{escape(offer["role"])}</b> with the e-mail <b>{escape(offer["email"])}</b>.
The link works once, until {escape(offer["expires"])}.</p>
{_known() if offer["has_account"] else _form(offer, nonce)}
<p id="told" role="status"></p>
</body>
</html>
"""
    allowed = f"style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'"
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{policy}; form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=html, content_type="text/html", headers=headers)


def _form(offer: dict[str, Any], nonce: str) -> str:
    done = f"Welcome. You can log in now, as {offer['email']}."
    return f"""<form data-done={json.dumps(escape(done))}>
<label>Your name <input name="fullname" autocomplete="name" maxlength="256"></label>
<label>A password for your account, at least 12 characters
<input name="password" type="password" autocomplete="new-password" minlength="12" maxlength="1024" required></label>
<button>Join</button>
</form>
<script nonce="{nonce}">{_SCRIPT}</script>"""


def _known() -> str:
    return """<p>There is an account with this e-mail already. Log in as it, then accept with its token:</p>
<pre>curl -X POST -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{}' "$LINK"</pre>"""
