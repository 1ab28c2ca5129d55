"""The page behind the link of an invitation."""

import secrets
from html import escape
from typing import Any

from aiohttp import web

_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 22%, transparent);
  --soft: color-mix(in srgb, currentColor 6%, transparent); --key: #2563eb; --on: #fff; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --key: #7db2ff; --on: #10151f; --bad: #ff9a9a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  font: 1rem/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 29rem; border: 1px solid var(--line); border-radius: .8rem; padding: 2rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1.2rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .3rem 1rem; margin: 0 0 1.4rem; }
dt { opacity: .7; } dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
label { display: block; margin: 0 0 1.1rem; font-weight: 600; }
small { display: block; font-weight: 400; opacity: .75; }
input { display: block; width: 100%; margin-top: .3rem; padding: .55rem .7rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: .4rem; }
button { width: 100%; padding: .65rem; font: inherit; font-weight: 600; color: var(--on); background: var(--key);
  border: 0; border-radius: .4rem; cursor: pointer; }
button:disabled { opacity: .6; cursor: default; }
input:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid var(--key); outline-offset: 2px; }
pre { padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem;
  background: var(--soft); border-radius: .4rem; }
details { margin-top: 1.2rem; }
@media (max-width: 30rem) { body { padding: .6rem; } main { padding: 1.3rem; } }
#told { margin: 1rem 0 0; } #told:empty { display: none; } #told.bad { color: var(--bad); }
"""
_SCRIPT = """
const form = document.forms[0], told = document.getElementById("told");
const link = document.getElementById("link");
if (link) link.textContent = location.origin + location.pathname;
function tell(text, bad) { told.textContent = text; told.className = bad ? "bad" : ""; }
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wish = form.password ? {invitation: {password: form.password.value, name: form.fullname.value || null}} : {};
  form.button.disabled = true;
  tell("One moment\\u2026");
  try {
    const answer = await fetch(location.pathname, {
      method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(wish)});
    if (answer.ok) { form.remove(); tell(form.dataset.done); return; }
    const message = (await answer.json()).error.message;
    tell(message.charAt(0).toUpperCase() + message.slice(1) + ".", true);
  } catch { tell("The server cannot be reached: try again.", true); }
  form.button.disabled = false;
});
"""


def page(offer: dict[str, Any]) -> web.Response:
    """`offer` is `Offer` of the wire."""
    nonce = secrets.token_urlsafe(16)
    team, email, role = (escape(offer[name]) for name in ("team", "email", "role"))
    until = escape(offer["expires"][:16].replace("T", " "))
    html = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Invitation to {team}</title>
<style nonce="{nonce}">{_STYLE}</style>
</head>
<body>
<main>
<h1>Join the team {team}</h1>
<dl>
<dt>E-mail</dt><dd>{email}</dd>
<dt>Role</dt><dd>{role}</dd>
<dt>Until</dt><dd>{until} UTC</dd>
</dl>
<p>This link works once.</p>
{_known() if offer["has_account"] else _new(email)}
<p id="told" role="status"></p>
<noscript><p>This page needs JavaScript. Without it, send <code>POST</code> to its address, as the documentation of the
Cloud API tells.</p></noscript>
</main>
<script nonce="{nonce}">{_SCRIPT}</script>
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


def _new(email: str) -> str:
    """For somebody without an account; `email` is HTML."""
    return f"""<form data-done="Welcome. You can log in now, as {email}.">
<input type="hidden" name="username" value="{email}" autocomplete="username">
<label>Your name <small>Others see it; may be left out.</small>
<input name="fullname" autocomplete="name" maxlength="256"></label>
<label>Password <small>For your new account: at least 12 characters.</small>
<input name="password" type="password" autocomplete="new-password" minlength="12" maxlength="1024" required></label>
<button name="button">Make the account and join</button>
</form>"""


def _known() -> str:
    """For somebody with one, who may be logged in by this browser."""
    return """<p>There is an account with this e-mail already.</p>
<form data-done="You belong to the team now."><button name="button">Join as this account</button></form>
<details><summary>If this browser is not logged in</summary>
<p>Log in as the account, then accept with its token:</p>
<pre>curl -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{}' <span id="link">LINK</span></pre></details>"""
