"""One operation of an OpenAPI document, in HTML."""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

from magecluster.cloud.web.documentation_fields import MUST, link, name_of, outline, text, type_of

Json = Mapping[str, Any]

_WIDE = 72
"""Characters of an example that fit a line."""


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    facts: Json


def verb(method: str) -> str:
    """A method, as HTML."""
    return f'<b class="verb {method}">{method.upper()}</b>'


def article(operation: Operation, document: Json) -> str:
    """All of it, as HTML."""
    method, path, facts = operation
    schemas = document["components"]["schemas"]
    parts = [
        f'<article id="{facts["operationId"]}"><h3><a href="#{facts["operationId"]}">{text(facts["summary"])}</a></h3>',
        f'<p class="path">{verb(method)}<code>{_path(path)}</code></p>',
        f'<p class="who">{text(facts["description"])}</p>',
        f"<pre><code>{escape(_curl(operation))}</code></pre>",
    ]
    if parameters := facts.get("parameters"):
        rows = "".join(_parameter(parameter, schemas) for parameter in parameters)
        parts.append(f'<h4>Parameters</h4><ul class="fields">{rows}</ul>')
    if sent := facts.get("requestBody"):
        media = " or ".join(f"<code>{name}</code>" for name in sent["content"])
        left_out = "" if sent["required"] else ", may be left out"
        schema = next(iter(sent["content"].values()))["schema"]
        parts.append(f"<h4>Body <small>{media}{left_out}</small></h4>{outline(schema, schemas)}")
    return "".join([*parts, _answers(facts["responses"], document), "</article>"])


def _answers(answers: Json, document: Json) -> str:
    """Those of its own in full; what every operation like it can refuse, folded."""
    own = "".join(_answer(status, answer, document) for status, answer in answers.items() if not name_of(answer))
    shared = {status: answer for status, answer in answers.items() if name_of(answer)}
    folded = "".join(_answer(status, answer, document) for status, answer in shared.items())
    return (
        f'<h4>Answers</h4><ul class="answers">{own}</ul><details class="shared"><summary>As everywhere: '
        f'{" ".join(status_mark(status) for status in shared)}</summary><ul class="answers">{folded}</ul></details>'
    )


def _path(path: str) -> str:
    return re.sub(r"({\w+})", r"<i>\1</i>", escape(path).replace("/", "<wbr>/"))


def _parameter(parameter: Json, schemas: Json) -> str:
    must = MUST if parameter.get("required") else ""
    return (
        f'<li><code class="name">{escape(parameter["name"])}</code> <span class="type">'
        f"{type_of(parameter['schema'], schemas)} in {parameter['in']}</span>{must}"
        f"<p>{text(parameter['description'])}</p></li>"
    )


def _answer(status: str, answer: Json, document: Json) -> str:
    if name := name_of(answer):
        answer = document["components"]["responses"][name]
    shown = [_content(media, content) for media, content in answer.get("content", {}).items()]
    heads = [f"<code>{name}</code>" for name in answer.get("headers", {})]
    more = "; ".join([*filter(None, shown), *([f"with {', '.join(heads)}"] if heads else [])])
    return (
        f"<li>{status_mark(status)}<p>{text(answer['description'])}{f' <small>{more}</small>' if more else ''}</p></li>"
    )


def _content(media: str, content: Json) -> str:
    schema = content.get("x-itemSchema", {}).get("properties", {}).get("data", {}).get("contentSchema")
    name = name_of(schema or content["schema"])
    if name == "Failure":
        return ""
    told = "" if media == "application/json" and name else f"<code>{escape(media)}</code> "
    return f"{told}{'of ' if told and name else ''}{link(name) if name else ''}".strip()


def status_mark(status: str) -> str:
    """A status, as HTML."""
    return f'<b class="status s{status[0]}">{status}</b>'


def _curl(operation: Operation) -> str:
    """A command that can be tried, when places in the path are one's own."""
    method, path, facts = operation
    for parameter in facts.get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example")))
    words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    words.append(f'"$URL{path}"')
    lines = [" ".join(words)]
    if {"bearer": []} in facts["security"] and {} not in facts["security"]:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if {"api_key": []} in facts["security"]:
        lines.append('-H "X-API-KEY: $KEY"')
    if sent := facts.get("requestBody"):
        media = next(iter(sent["content"]))
        lines += [f'-H "Content-Type: {media}"', f"-d '{_written(sent['content'][media]['example'])}'"]
    return " \\\n  ".join(lines)


def _written(example: Any) -> str:
    """JSON in a line, or in several when it is long."""
    line = json.dumps(example)
    return line if len(line) <= _WIDE else json.dumps(example, indent=2).replace("\n", "\n  ")
