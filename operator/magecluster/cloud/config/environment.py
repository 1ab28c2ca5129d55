"""Environment variables between the wire and the spec: what is shown, and what a client means by what it sends.

Published clients read `env['value']` of every entry and send back `{"name", "value"}` alone, so each entry has a
`value`: the mask where it comes from elsewhere or must not be seen. What an entry means when it is sent:

| sent                                      | meaning                                                                |
|-------------------------------------------|------------------------------------------------------------------------|
| just what was read, or the mask           | keep what is there; if somebody removed it meanwhile, leave it removed |
| `value`                                   | this text; in the cluster's Secret if it comes from a Secret now       |
| `value`, `"secret": true`                 | this text, in the cluster's Secret                                     |
| mask, `"secret": true`                    | move the text that stands in the spec into the cluster's Secret        |
| `value`, `"secret": false`                | this text, in the spec, whatever was there                             |
| `valueFrom`, without value or with mask   | this reference (to a Secret: see `validation.py`)                      |
| `valueFrom` as it was read, other `value` | the value: the client changed only that                                |

A text in the Secret has a key that depends on it (`TOKEN.0b1c2d3e4f506172`). So the spec changes with the text, equal
texts are recognised without reading the Secret, and a Secret that is written before the spec harms nobody.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from magecluster.api.environment import RESERVED, EnvVar, looks_secret
from magecluster.api.model import Manifest
from magecluster.cloud.config.fields import ENVS, named
from magecluster.cloud.config.revision import Digester, Revision

MASK = "********"
"""Stands for a value that is not shown; sent back it means: keep."""


def shown(env: Manifest, *, reveal: bool) -> Manifest:
    """One entry of `extraEnvs` for a client; without `reveal`, texts that look secret are masked too."""
    value = env.get("value")
    if value is None or (not reveal and looks_secret(env["name"], value)):
        return {**env, "value": MASK}
    return env


class SentEnvVar(EnvVar):
    """An entry of `extraEnvs` as a client sends it."""

    secret: bool | None = None
    """Store the value in a Secret of the cluster."""


def secret_name(cluster: str) -> str:
    """The Secret that holds what clients asked to keep secret."""
    return f"{cluster}-env"


@dataclass(frozen=True)
class Vault:
    """Places for texts in the Secret of one cluster."""

    secret: str
    digester: Digester
    """Bound to the name of the cluster."""
    texts: dict[str, str] = field(default_factory=dict, repr=False)
    """Key in the Secret → text, of what was put there."""

    def put(self, name: str, text: str) -> Manifest:
        """The variable with a reference to its text."""
        digest = self.digester.digest("secret", name, text)[:8].hex()
        key = f"{name[:230]}.{digest}"  # keys have at most 253 characters
        self.texts[key] = text
        return {"name": name, "valueFrom": {"secretKeyRef": {"name": self.secret, "key": key, "optional": False}}}


class _ProblemError(Exception):
    """One entry is wrong; the message says how."""


@dataclass(frozen=True)
class Environment:
    """What is there, and what the client read; it says what a sent list means."""

    live: Mapping[str, Manifest]
    """Variables of the spec by name."""
    read: Revision | None
    vault: Vault
    problems: dict[str, str]
    """Filled with the names of wrong fields and what is wrong."""

    def wish(self, sent: list[SentEnvVar]) -> dict[str, Manifest]:
        """The variables that shall be there, by name."""
        times = Counter(env.name for env in sent)
        wished: dict[str, Manifest] = {}
        for env in sent:
            name = named((ENVS, env.name))
            if times[env.name] > 1:
                self.problems[name] = "stands in the list more than once: send each variable once"
            elif env.name in RESERVED and env.name not in self.live:
                self.problems[name] = "is set by the operator: remove it"
            else:
                try:
                    entry = self._entry(env, self.live.get(env.name))
                except _ProblemError as problem:
                    self.problems[name] = str(problem)
                else:
                    wished |= {env.name: entry} if entry else {}
        return wished

    def _entry(self, env: SentEnvVar, there: Manifest | None) -> Manifest | None:
        """What one entry means; `None` leaves it removed."""
        text = None if env.value == MASK else env.value
        if env.value_from:
            reference = {"name": env.name, "valueFrom": env.value_from.manifest()}
            if text is None:
                return there if self._was_read(reference) else reference
            if reference != there and not self._was_read(reference):
                raise _ProblemError("give either value or valueFrom, not both")
        if env.value is None:
            raise _ProblemError("give a value")
        if env.secret and text is None and there and "value" in there:
            text = there["value"]
        return self._kept(there, env.name) if text is None else self._text(env, text, there)

    def _kept(self, there: Manifest | None, name: str) -> Manifest | None:
        if there is None and (self.read is None or self.read.holds((ENVS, name), None)):
            raise _ProblemError(f"has no value that {MASK} could keep: send the value")
        return there

    def _text(self, env: SentEnvVar, text: str, there: Manifest | None) -> Manifest | None:
        literal = {"name": env.name, "value": text}
        if not env.secret and self._was_read(literal):
            return there
        is_secret = there is not None and "secretKeyRef" in there.get("valueFrom", {})
        return self.vault.put(env.name, text) if env.secret or (env.secret is None and is_secret) else literal

    def _was_read(self, entry: Manifest) -> bool:
        return self.read is not None and self.read.holds((ENVS, entry["name"]), entry)
