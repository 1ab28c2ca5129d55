"""The environment of a container: every variable that its processes see, in Kubernetes' order of precedence."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from magecluster.adopt.facts import Live
from magecluster.api.model import Manifest

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[-._a-zA-Z][-._a-zA-Z0-9]*)\))")
"""`$(NAME)`, and `$$`, which stands for one `$`: the syntax of Kubernetes' `env`."""


_LINK = re.compile(r"(?!KUBERNETES_)[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
"""What the kubelet makes of the Services of the namespace; those of Kubernetes itself every pod has."""


class Variable(NamedTuple):
    """One variable."""

    name: str
    value: str | None
    """What processes see; `None` where only the kubelet knows, or where there is nothing."""
    source: Manifest | None = None
    """The `valueFrom` that gives it, also for one of a whole ConfigMap or Secret; `None` for a text in the pod."""
    text: str = ""
    """As it stands in the pod, with its references."""

    @property
    def references(self) -> set[str]:
        """Names of the variables that the text is made of."""
        return {found["name"] for found in _REFERENCE.finditer(self.text) if found["name"]}

    @property
    def refers(self) -> bool:
        """Whether the text is made of other variables."""
        return bool(self.references)


def variables(container: Manifest, live: Live) -> dict[str, Variable]:
    """By name. Variables of `env` win over those of `envFrom`, and later ones over earlier ones."""
    found: dict[str, Variable] = {}
    for entry in container.get("envFrom") or ():
        found |= {variable.name: variable for variable in _whole(entry, live)}
    for entry in container.get("env") or ():
        if source := entry.get("valueFrom"):
            source = _plain(source)
            found[entry["name"]] = Variable(entry["name"], value_of(source, live), source)
        else:
            text = entry.get("value") or ""
            found[entry["name"]] = Variable(entry["name"], expanded(text, found), text=text)
    return found


def links(found: Mapping[str, Variable]) -> dict[str, str]:
    """Variables whose text refers to one of a Service, and to which."""
    other = {name: sorted(variable.references - found.keys()) for name, variable in found.items()}
    unknown = {name: next(filter(_LINK.fullmatch, names), None) for name, names in other.items()}
    return {name: link for name, link in unknown.items() if link}


def escaped(value: str) -> str:
    """A text that Kubernetes leaves as it is in `env`; in ConfigMaps and Secrets it expands nothing."""
    return value.replace("$", "$$") if _REFERENCE.search(value) else value


def expanded(text: str, before: Mapping[str, Variable]) -> str | None:
    """What Kubernetes makes of a text; `None` if it refers to something that only the kubelet knows."""
    names = {found["name"] for found in _REFERENCE.finditer(text)} & before.keys()
    if any(before[name].value is None for name in names):
        return None
    return _REFERENCE.sub(lambda found: _resolved(found, before), text)


def _resolved(found: re.Match[str], before: Mapping[str, Variable]) -> str:
    name = found["name"]
    if name is None:
        return "$"
    return (before[name].value or "") if name in before else found[0]


def _whole(entry: Manifest, live: Live) -> Iterator[Variable]:
    for field, reference, objects in (
        ("configMapRef", "configMapKeyRef", live.config_maps),
        ("secretRef", "secretKeyRef", live.secrets),
    ):
        if field not in entry:
            continue
        name = entry[field]["name"]
        for key in (objects.get(name) or {}).get("data") or {}:
            source = {reference: {"name": name, "key": key}}
            yield Variable(entry.get("prefix", "") + key, value_of(source, live), source)


def _plain(source: Manifest) -> Manifest:
    """Without what the API server adds to it."""
    return {
        kind: {key: value for key, value in fields.items() if key != "apiVersion" and value is not False}
        for kind, fields in source.items()
    }


def value_of(source: Manifest, live: Live) -> str | None:
    """The value behind a reference to a ConfigMap or a Secret."""
    match source:
        case {"secretKeyRef": {"name": name, "key": key}}:
            return decoded(((live.secrets.get(name) or {}).get("data") or {}).get(key))
        case {"configMapKeyRef": {"name": name, "key": key}}:
            value: str | None = ((live.config_maps.get(name) or {}).get("data") or {}).get(key)
            return value
        case _:
            return None


def decoded(value: str | None) -> str | None:
    """The text of a value in a Secret; `None` for what is none."""
    try:
        return None if value is None else base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
