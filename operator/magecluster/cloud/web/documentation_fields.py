"""Types of an OpenAPI document as outlines of their fields, in HTML."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import groupby
from typing import Any

Json = Mapping[str, Any]

APART = ("Config", "ConfigChange")
"""Types that are too long to be told again at every place."""
MUST = ' <em class="must">required</em>'
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} keys",
    "default": "default <code>{}</code>",
    "pattern": "like <code>{}</code>",
}
_LONGEST = 60
"""Characters of a pattern that people would read."""


def text(markdown: str) -> str:
    """Escaped, with what stands between backticks as code."""
    parts = escape(markdown).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def name_of(schema: Json) -> str | None:
    """Of the component that it refers to."""
    ref = schema.get("$ref")
    return str(ref).rpartition("/")[2] if ref else None


def outline(schema: Json, schemas: Json, above: tuple[str, ...] = ()) -> str:
    """The fields of an object, each with its own below it; empty for what has none."""
    if name := name_of(schema):
        again = name in above or (name in APART and above)
        return "" if again else outline(schemas[name], schemas, (*above, name))
    fields = schema.get("properties", {})
    required = schema.get("required", ())
    told = (
        (name, _field(field, schemas, above, alone=len(fields) == 1, must=name in required))
        for name, field in fields.items()
    )
    alike = groupby(told, key=lambda row: row[1])
    rows = (f"<li>{_names(name for name, _ in group)}{field}</li>" for field, group in alike)
    return f'<ul class="fields">{"".join(rows)}</ul>' if fields else ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(f'<code class="name">{escape(name)}</code>' for name in names)


def _field(field: Json, schemas: Json, above: tuple[str, ...], *, alone: bool, must: bool) -> str:
    """Type, meaning, and what is below it, which is open if there is nothing beside it."""
    told = [text(field.get("description") or _described(field, schemas)), *_bounds(field)]
    about = " ".join(part for part in told if part)
    below = "".join(outline(found, schemas, above or ("",)) for found in _below(field))
    if below:
        below = f"<details{' open' if alone else ''}><summary>fields</summary>{below}</details>"
    head = f'<span class="type">{type_of(field, schemas)}</span>{MUST if must else ""}'
    return f"{head}{f'<p>{about}</p>' if about else ''}{below}"


def _described(field: Json, schemas: Json) -> str:
    """A field that says nothing of itself is described by its type."""
    name = name_of(field)
    return str(schemas[name].get("description", "")) if name and "enum" not in schemas[name] else ""


def _below(field: Json) -> Iterator[Json]:
    """Objects that stand in a field, in a list of it, or as values of a mapping."""
    yield field
    yield from field.get("anyOf", ())
    for inner in (field, *field.get("anyOf", ())):
        if isinstance(items := inner.get("items"), dict):
            yield items
        if isinstance(values := inner.get("additionalProperties"), dict):
            yield values


def type_of(field: Json, schemas: Json) -> str:
    """The type in words, as HTML."""
    if name := name_of(field):
        return type_of(schemas[name], schemas) if "enum" in schemas[name] else link(name)
    if "enum" in field:
        return " or ".join(f"<code>{'null' if value is None else escape(str(value))}</code>" for value in field["enum"])
    if "const" in field:
        return f"<code>{escape(str(field['const']))}</code>"
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(type_of(option, schemas) for option in field["anyOf"]))
    kinds = field.get("type", "anything")
    return " or ".join(_kind(kind, field, schemas) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _kind(kind: str, field: Json, schemas: Json) -> str:
    values = field.get("additionalProperties")
    match kind:
        case "array" if "items" in field:
            return f"list of {type_of(field['items'], schemas)}"
        case "object" if isinstance(values, dict):
            return f"mapping to {type_of(values, schemas)}"
        case "string" if "format" in field:
            return escape(str(field["format"]))
        case _:
            return escape(kind)


def link(name: str) -> str:
    """To a type that is told on its own."""
    return f'<a href="#type-{name}">{name}</a>'


def _bounds(field: Json) -> Iterator[str]:
    found = []
    for inner in (field, *field.get("anyOf", ())):
        for key, words in _BOUNDS.items():
            value = inner.get(key)
            if value in (None, [], {}) or (key == "pattern" and len(value) > _LONGEST):
                continue
            found.append(words.format(escape(_literal(value))))
    if found:
        yield f"<small>{'; '.join(found)}</small>"
    yield from (f"<small>{text(rule)}</small>" for rule in field.get("x-rules", ()))


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
