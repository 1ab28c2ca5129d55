"""The page that shows an OpenAPI document: HTML without scripts, made of the document alone."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from magecluster.api.mageteam import Role
from magecluster.cloud.access.permissions import ROLE_PERMISSIONS, Permission
from magecluster.cloud.web.documentation_fields import link, outline, text, type_of
from magecluster.cloud.web.documentation_operation import Operation, article, status_mark, verb
from magecluster.cloud.web.openapi_answers import every_error, summary

Json = Mapping[str, Any]

TITLE = "Mage Cloud API"
_BEGIN = """\
URL=https://…
KEY=…  # X-API-KEY of the installation
TOKEN=$(curl -s "$URL/api/v1/sessions" -H "X-API-KEY: $KEY" -H "Content-Type: application/json" \\
  -d '{"session": {"email": "ann@example.com", "password": "…"}}' | jq -r .session.token)"""


def body(document: Json) -> str:
    """All that stands between the tags of `body`."""
    info = document["info"]
    operations = [
        Operation(method, path, facts)
        for path, methods in document["paths"].items()
        for method, facts in methods.items()
    ]
    groups = [
        (tag, [operation for operation in operations if tag["name"] in operation.facts["tags"]])
        for tag in document["tags"]
    ]
    return f"""<a class="skip" href="#main">To the text</a>
<input type="checkbox" id="menu" aria-label="Contents"><label for="menu">Contents</label>
<nav aria-label="Contents">
<p class="brand"><a href="#main">{escape(info["title"])}</a> <small>{escape(info["version"])}</small></p>
<ul><li><a href="#begin">Begin</a></li><li><a href="#rights">Roles and permissions</a></li>\
<li><a href="#errors">Errors</a></li></ul>
{"".join(_contents(tag, found) for tag, found in groups)}
<h2><a href="#types">Types</a></h2>
</nav>
<main id="main">
{_head(document)}
{"".join(_group(tag, found, document) for tag, found in groups)}
{_types(document)}
</main>"""


def _contents(tag: Json, operations: list[Operation]) -> str:
    links = (
        f'<li><a href="#{facts["operationId"]}">{verb(method)}<span>{text(_short(facts["summary"]))}</span></a></li>'
        for method, _, facts in operations
    )
    return f'<h2><a href="#tag-{tag["name"]}">{escape(tag["name"].capitalize())}</a></h2><ul>{"".join(links)}</ul>'


def _short(sentence: str) -> str:
    """Up to where it begins to explain."""
    return sentence.partition(";")[0].partition(":")[0].partition(" (")[0]


def _head(document: Json) -> str:
    info = document["info"]
    about = "".join(f"<p>{text(part)}</p>" for part in info["description"].split("\n\n"))
    return f"""<header><h1>{escape(info["title"])}</h1>
{about}
<p>For programs: <a href="openapi.json">openapi.json</a>, OpenAPI {escape(document["openapi"])}.</p></header>
<section id="begin"><h2>Begin</h2>
<p>The examples on this page use these variables.</p>
<pre><code>{escape(_BEGIN)}</code></pre></section>
<section id="rights"><h2>Roles and permissions</h2>
<p>What a role may do in its team. A service token may do what its scopes say, and never more than the account that made
it. Administrators of the installation are Admin everywhere.</p>
{_rights()}</section>
<section id="errors"><h2>Errors</h2>
<p>Every error has the shape of {link("Failure")}, and the same status in it as the answer.</p>
<div class="wide"><table><thead><tr><th>Status</th><th>Type</th><th>Meaning</th></tr></thead><tbody>\
{"".join(_errors())}</tbody></table></div></section>"""


def _rights() -> str:
    roles = sorted(Role, key=lambda role: len(ROLE_PERMISSIONS[role]))
    heads = "".join(f"<th>{role.value}</th>" for role in roles)
    rows = "".join(
        f"<tr><td><code>{right.value}</code></td>"
        + "".join(f"<td>{'✓' if right in ROLE_PERMISSIONS[role] else ''}</td>" for role in roles)
        + "</tr>"
        for right in Permission
    )
    table = f'<table class="rights"><thead><tr><th>Permission</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="wide">{table}</div>'


def _errors() -> Iterator[str]:
    for kind in sorted(every_error(), key=lambda kind: kind.status):
        cells = (status_mark(str(kind.status)), f"<code>{kind.type}</code>", text(summary(kind)))
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _group(tag: Json, operations: list[Operation], document: Json) -> str:
    articles = "".join(article(operation, document) for operation in operations)
    return f"""<section id="tag-{tag["name"]}"><h2>{escape(tag["name"].capitalize())}</h2>
<p>{text(tag["description"])}.</p>{articles}</section>"""


def _types(document: Json) -> str:
    schemas = document["components"]["schemas"]
    told = "".join(_type(name, schemas) for name in schemas)
    return f'<section id="types"><h2>Types</h2><p>What stands in bodies and answers.</p>{told}</section>'


def _type(name: str, schemas: Json) -> str:
    schema = schemas[name]
    fields = outline({"$ref": name}, schemas) or f"<p>{type_of(schema, schemas)}</p>"
    about = f"<p>{text(schema.get('description', ''))}</p>{_rules(schema)}"
    return f'<article id="type-{name}"><h3><a href="#type-{name}">{name}</a></h3>{about}{fields}</article>'


def _rules(schema: Json) -> str:
    found = "".join(f"<li>{text(rule)}</li>" for rule in schema.get("x-rules", ()))
    return f'<ul class="rules">{found}</ul>' if found else ""
