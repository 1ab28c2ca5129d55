"""The API described by itself: `/api/v1/openapi.json`, and a page to read it, without script or foreign asset."""

import secrets
from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import Any

import orjson
from aiohttp import web

from magecluster.cloud.web.call import Call, raw
from magecluster.cloud.web.openapi import document
from magecluster.cloud.web.route import API, Access, Route

_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent);
  --soft: color-mix(in srgb, currentColor 6%, transparent); --key: #2563eb; }
@media (prefers-color-scheme: dark) { :root { --key: #7db2ff; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1rem; }
nav { border-right: 1px solid var(--line); }
nav h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .06em; margin: 1.2rem 0 .3rem; opacity: .7; }
nav a { display: block; padding: .12rem .4rem; border-radius: .3rem; font-size: .9rem; }
nav a:hover { background: var(--soft); }
a { color: inherit; text-decoration: none; }
main { padding: 2rem 2.5rem 6rem; max-width: 60rem; }
main a { color: var(--key); }
section { border-top: 1px solid var(--line); margin-top: 2.2rem; padding-top: 1.2rem; }
h1 { margin: 0 0 .4rem; } h3 { margin: 0; font-size: 1.1rem; }
code, pre { font: .88em/1.5 ui-monospace, monospace; }
code { background: var(--soft); padding: .08em .3em; border-radius: .25rem; }
pre { background: var(--soft); padding: .8rem 1rem; border-radius: .4rem; overflow: auto; }
.verb { display: inline-block; min-width: 4.2rem; font-weight: 700; color: var(--key); }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; opacity: .7; }
details > summary { cursor: pointer; margin: .5rem 0; }
@media (max-width: 50rem) {
  body { display: block; } main { padding: 1rem; }
  nav { position: static; height: auto; border: 0; }
}
"""


def routes(others: Iterable[Route]) -> tuple[Route, ...]:
    """The routes that describe `others`, and themselves."""
    texts: dict[str, bytes] = {}

    async def openapi(call: Call) -> web.Response:
        del call
        return raw(texts["openapi"], headers={"Cache-Control": "no-cache"})

    async def docs(call: Call) -> web.Response:
        del call
        nonce = secrets.token_urlsafe(16)
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'"
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }
        return web.Response(body=texts["page"].replace(b"NONCE", nonce.encode()), headers=headers)

    own = tuple(
        Route(
            method="GET",
            path=f"{API}/{path}",
            name=name,
            summary=summary,
            access=Access.PUBLIC,
            handler=handler,
            media=media,
            tag="documentation",
        )
        for path, name, summary, handler, media in (
            ("openapi.json", "getOpenapi", "This API as an OpenAPI 3.1 document", openapi, "application/json"),
            ("docs", "getDocs", "This API as a page to read", docs, "text/html"),
        )
    )
    described = document((*others, *own))
    texts["openapi"] = orjson.dumps(described)
    texts["page"] = page(described).encode()
    return own


def page(described: dict[str, Any]) -> str:
    """HTML of an OpenAPI document; `NONCE` stands where the style needs one."""
    operations = [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    order = [tag["name"] for tag in described["tags"]]
    operations.sort(key=lambda found: order.index(found[2]["tags"][0]))
    links, sections = [], []
    for tag, group in groupby(operations, key=lambda found: found[2]["tags"][0]):
        links.append(f"<h2>{escape(tag)}</h2>")
        for path, method, operation in group:
            links.append(f'<a href="#{operation["operationId"]}">{escape(operation["summary"].split(";")[0])}</a>')
            sections.append(_section(path, method, operation, described["components"]["schemas"]))
    info = described["info"]
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(info["title"])}</title><style nonce="NONCE">{_STYLE}</style></head>
<body><nav><b>{escape(info["title"])}</b>{"".join(links)}</nav>
<main><h1>{escape(info["title"])}</h1>
<p>Version {escape(info["version"])}. The same for programs: <a href="openapi.json">openapi.json</a>.</p>
<p>Log in with <a href="#createSession">POST /api/v1/sessions</a>, then send the token as
<code>Authorization: Bearer</code>, as header <code>OAUTH-TOKEN</code> or as cookie <code>oauth_token</code>.
Every error is <code>{{"error": {{"code", "type", "message", "fields"}}}}</code> with the same HTTP status.</p>
{"".join(sections)}</main></body></html>
"""


def _section(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    title = f'<h3><span class="verb">{method.upper()}</span> <code>{escape(path)}</code></h3>'
    told = f"<p>{_text(operation['summary'])}. {_text(operation['description'])}</p>"
    parts = [f'<section id="{operation["operationId"]}">', title, told]
    if operation["parameters"]:
        rows = [(p["name"], p["in"], p["description"]) for p in operation["parameters"]]
        parts.append(_table(("parameter", "in", "meaning"), rows))
    if body := operation.get("requestBody"):
        schema = next(iter(body["content"].values()))["schema"]
        parts.append(_fields("Body", schema, schemas))
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get("application/json")
        if content and status < "300":
            parts.append(_fields(f"Answer {status}", content["schema"], schemas))
    rows = [(status, "", response["description"]) for status, response in operation["responses"].items()]
    parts.append(_table(("status", "", "when"), rows))
    return "".join(parts) + "</section>"


def _fields(title: str, schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    rows = _rows(schema, schemas, "", ())
    return f"<details><summary>{title}</summary>{_table(('field', 'type', 'meaning'), rows)}</details>"


def _rows(
    schema: dict[str, Any], schemas: dict[str, Any], path: str, above: tuple[str, ...]
) -> list[tuple[str, str, str]]:
    """Fields at every depth; a type within itself once."""
    if ref := schema.get("$ref"):
        name = ref.rpartition("/")[2]
        return [] if name in above else _rows(schemas[name], schemas, path, (*above, name))
    rows: list[tuple[str, str, str]] = []
    for name, field in schema.get("properties", {}).items():
        rows.append((path + name, _type(field), field.get("description", "")))
        for below in (field, *field.get("anyOf", ())):
            rows += _rows(below, schemas, f"{path}{name}.", above)
            if items := below.get("items"):
                rows += _rows(items, schemas, f"{path}{name}[].", above)
    return rows


def _type(field: dict[str, Any]) -> str:
    if ref := field.get("$ref"):
        return str(ref).rpartition("/")[2]
    if options := field.get("anyOf"):
        return " or ".join(_type(option) for option in options)
    if "enum" in field:
        return " or ".join(str(value) for value in field["enum"])
    found = field.get("type", "")
    return " or ".join(found) if isinstance(found, list) else str(found)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = "".join(
        f"<tr><td><code>{escape(first)}</code></td>{''.join(f'<td>{_text(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    return f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>{cells}</table>"


def _text(markdown: str) -> str:
    """Escaped, with what stands between backticks as code."""
    parts = escape(markdown, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
