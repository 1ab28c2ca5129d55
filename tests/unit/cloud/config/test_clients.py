"""Any number of clients that read, change something and write the whole config back later, as the published ones do.

The model knows nothing of digests, masks or references: it keeps plain values, and for each client what it saw.
"""

import base64
import copy
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from tests.support.cloud import KEY, from_secret, get, patched, put, stored

from magecluster.api.model import Manifest
from magecluster.cloud.config.environment import MASK
from magecluster.cloud.config.fields import completed, named
from magecluster.cloud.config.merge import Change, merge
from magecluster.cloud.config.view import readable
from magecluster.cloud.errors import ConflictError

VARIABLES = ["A", "B", "C_TOKEN", "D", "E"]
TEXTS = [f"text-{number}" for number in range(3)]
FIELDS: dict[str, tuple[Any, ...]] = {
    "image.tag": ("0.9.78", "0.9.79", "0.9.80"),
    "image.pullPolicy": ("Always", "IfNotPresent"),
    "replicaCount": (1, 2, 3),
    "nodeSelector.pool": ("a", "b"),
    "nodeSelector.zone": ("1", "2"),
    "tolerations": ([], [{"key": "x", "operator": "Equal"}]),
    "service.port": (80, 6789),
}


class Var(NamedTuple):
    """A variable as a person sees it."""

    text: str
    secret: bool = False


FOREIGN = Var("from the vault of an administrator", secret=True)
State = dict[str, Any]
"""Name of a leaf → value; variables as `Var`."""


@dataclass
class Client:
    config: Manifest
    status: str
    saw: State
    sent: dict[str, Var] = field(default_factory=dict)
    """Texts typed in for variables, with the wish to keep them secret."""
    power: str | None = None
    published: bool = False
    """Sends variables as name and value alone."""


class Clients(RuleBasedStateMachine):
    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.live = stored(extraEnvs=[from_secret("D"), {"name": "A", "value": TEXTS[0]}], nodeSelector={"pool": "a"})
        self.secret: dict[str, str] = {}
        self.model = self.observed()

    def observed(self) -> State:
        """What the stored object and its Secret amount to."""
        found: State = {}
        for path, value in readable(completed(self.live["spec"])).items():
            if path[0] != "extraEnvs":
                found[named(path)] = value
            elif "value" in value:
                found[named(path)] = Var(value["value"])
            else:
                ref = value["valueFrom"]["secretKeyRef"]
                found[named(path)] = FOREIGN if ref["name"] == "vault" else Var(self.secret[ref["key"]], secret=True)
        return found

    @rule(target=clients, published=st.booleans(), reveal=st.booleans())
    def reads(self, *, published: bool, reveal: bool) -> Client:
        answer = get(self.live, reveal=reveal)
        return Client(answer["config"], answer["status"], dict(self.model), published=published)

    @rule(client=clients, name=st.sampled_from(VARIABLES), text=st.sampled_from(TEXTS), secret=st.booleans())
    def sets_a_variable(self, client: Client, name: str, text: str, *, secret: bool) -> None:
        entry = next((e for e in client.config["extraEnvs"] if e["name"] == name), None)
        if entry is None:
            client.config["extraEnvs"].append(entry := {"name": name})
        entry["value"] = text
        entry.pop("secret", None)
        if secret and not client.published:
            entry["secret"] = True
        client.sent[name] = Var(text, secret and not client.published)

    @rule(client=clients, name=st.sampled_from(VARIABLES))
    def removes_a_variable(self, client: Client, name: str) -> None:
        client.config["extraEnvs"] = [e for e in client.config["extraEnvs"] if e["name"] != name]
        client.sent.pop(name, None)

    @rule(client=clients, data=st.data())
    def sets_a_field(self, client: Client, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(FIELDS)))
        *above, last = name.split(".")
        where = client.config[above[0]] if above else client.config
        where[last] = copy.deepcopy(data.draw(st.sampled_from(FIELDS[name])))

    @rule(client=clients, power=st.sampled_from(["Active", "Stopped", None]))
    def switches(self, client: Client, power: str | None) -> None:
        client.power = power
        if power:
            client.config["replicaCount"] = 1 if power == "Active" else 0

    @rule(client=clients)
    def writes(self, client: Client) -> None:
        config = self.body(client)
        wishes = self.wishes(client, config)
        conflicts = {name for name, mine in wishes.items() if self.model.get(name) not in (mine, client.saw.get(name))}
        if conflicts:
            with pytest.raises(ConflictError) as refusal:
                put(self.live, config, client.power)
            assert set(refusal.value.fields) == conflicts
            return
        before = self.live["spec"]["extraEnvs"]
        change = put(self.live, config, client.power)
        self.accept(change)
        self.model = {k: v for k, v in {**self.model, **wishes}.items() if v is not None}
        assert self.observed() == self.model
        kept = [e["name"] for e in before if f"extraEnvs[{e['name']}]" in self.model]
        assert [e["name"] for e in self.live["spec"]["extraEnvs"]][: len(kept)] == kept
        again = put(self.live, config, client.power)
        assert (again.patch, again.changed) == ({}, [])

    def accept(self, change: Change) -> None:
        """As the server does: first the Secret, then the cluster; in the end what nobody uses is removed."""
        self.secret |= change.texts
        self.live = patched(self.live, change.patch)
        self.secret = {key: text for key, text in self.secret.items() if key in change.keys}

    def body(self, client: Client) -> Manifest:
        config = copy.deepcopy(client.config)
        if client.published:
            config["extraEnvs"] = [{"name": e["name"], "value": e["value"]} for e in config["extraEnvs"]]
        if client.power is None and config["replicaCount"] == 0:
            config["replicaCount"] = 2
        return config

    def wishes(self, client: Client, config: Manifest) -> State:
        """What the client changed against what it saw; `None` is removed."""
        now: State = {}
        for name in FIELDS:
            *above, last = name.split(".")
            now[name] = (config[above[0]] if above else config).get(last)
        if client.power:
            now["status"] = client.power
            if config["replicaCount"] == (client.power == "Active"):
                del now["replicaCount"]
        names = {e["name"]: e["value"] for e in config["extraEnvs"]}
        for name in VARIABLES:
            now[f"extraEnvs[{name}]"] = self.variable(client, name) if name in names else None
        changes = {name: value for name, value in now.items() if value != client.saw.get(name)}
        if "status" not in now and config["replicaCount"] == 0:
            changes["status"] = "Stopped"
        if client.power and self.means_the_status(client, config, changes):
            changes["status"] = client.power
        return changes

    def means_the_status(self, client: Client, config: Manifest, changes: State) -> bool:
        """Although it may be the one that it saw."""
        switches = config["replicaCount"] == (client.power == "Active")
        return not changes or (switches and config["replicaCount"] != client.saw["replicaCount"])

    def variable(self, client: Client, name: str) -> Var | None:
        key = f"extraEnvs[{name}]"
        saw: Var | None = client.saw.get(key)
        sent = client.sent.get(name)
        if sent is None or (saw == Var(sent.text) and not sent.secret):
            return saw
        there = self.model.get(key)
        return Var(sent.text, sent.secret or (there is not None and there.secret))

    @invariant()
    def every_variable_has_a_name_and_a_value_and_secrets_stay_hidden(self) -> None:
        secrets = {value.text for value in self.model.values() if isinstance(value, Var) and value.secret}
        plain = {value.text for value in self.model.values() if isinstance(value, Var) and not value.secret}
        config = get(self.live)["config"]
        text = json.dumps(config)
        revision = config["revision"]
        assert all({"name", "value"} <= set(entry) for entry in config["extraEnvs"])
        assert not any(secret in text for secret in secrets - plain)
        assert b"text-" not in base64.urlsafe_b64decode(revision + "=" * (-len(revision) % 4))

    @invariant()
    def nothing_else_appears(self) -> None:
        assert self.observed() == self.model
        assert merge(self.live, get(self.live)["config"], None, key=KEY, now="").patch == {}


Clients.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestClients = Clients.TestCase


def test_the_mask_is_no_text_that_a_client_can_set() -> None:
    live = stored(extraEnvs=[{"name": "A", "value": "x"}])
    assert put(live, {"extraEnvs": [{"name": "A", "value": MASK}]}).patch == {}
