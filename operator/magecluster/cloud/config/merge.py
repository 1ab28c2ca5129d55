"""What a client's answer changes in a MageCluster.

Published clients send back the whole config that they read, changed here and there, and know nothing of others. So the
revision in it says what they read, and only what differs from that is their change:

| the client against what it read | the spec since then     | outcome                                   |
|---------------------------------|-------------------------|-------------------------------------------|
| the same                        | whatever                | stays as the spec has it                  |
| changed                         | the same                | as the client sent it                     |
| changed                         | changed, to this value  | stays: both wanted that                   |
| changed                         | changed, to another one | `ConflictError` that names the field      |

It goes leaf by leaf (`fields.py`): two clients can change two variables, or two keys of one mapping. A key that is
absent is left as it is, at every depth; `null` resets to the default. Only variables are removed by leaving them out,
because a list has no other way to say so: those that the client read, not those that others added since. Without a
revision all that is sent is meant. The order of variables stays; new ones come last.

A status that is the same as it was read is mostly an echo, and stays as the spec has it. It is meant, and so in
conflict with another one, where the request says nothing else against what it read, or says the same by a
`replicaCount` (`power.py`): the published script would tell its user that the cluster has been started, and it is not.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from magecluster.api.model import Manifest
from magecluster.api.spec import PowerState
from magecluster.cloud.config.environment import Environment, Vault, secret_name
from magecluster.cloud.config.fields import (
    ENVS,
    Path,
    Tree,
    completed,
    edits_of,
    leaves,
    listed,
    merge_patch,
    named,
    replaced,
    tree,
)
from magecluster.cloud.config.power import COUNT, STATUS, Request, settled, switch, wish_of, with_restart
from magecluster.cloud.config.revision import Digester, Revision
from magecluster.cloud.config.validation import check_keys, check_powers, sent_environment, valid
from magecluster.cloud.config.view import REVISION, digester, readable
from magecluster.cloud.errors import ConflictError, InvalidConfigError


@dataclass(frozen=True)
class Change:
    """What has to be written."""

    patch: Manifest
    """JSON merge patch of the MageCluster, with the resourceVersion that it was computed from; empty: write nothing."""
    paths: list[Path]
    """Leaves of the spec that change."""
    before: Manifest = field(repr=False)
    """The completed spec as it is."""
    after: Manifest = field(repr=False)
    """And as it will be."""
    texts: dict[str, str] = field(repr=False)
    """Key → text that has to be in the cluster's Secret (`secret_name`) before the patch is sent, and without one."""
    keys: frozenset[str]
    """Keys of that Secret in use before or after the patch; others may be removed afterwards."""

    @property
    def changed(self) -> list[str]:
        """Names of the fields that change, for answers; never values."""
        return [named(path) for path in self.paths]


def merge(
    live: Manifest, config: object, status: object, *, key: bytes, now: str, secrets: Collection[str] = ()
) -> Change:
    """Merges `config` and `status` of a request, `None` where not sent, into the live MageCluster.

    `key` is the server's secret for revisions, `now` an RFC 3339 time for `Restarting`, `secrets` are names of Secrets
    that the team may refer to. For a new cluster, `live` has a metadata.name and no spec.

    Raises `InvalidConfigError`, `ContradictionError`, `InvalidRevisionError`, `ConflictError`.
    """
    if not isinstance(config, dict | None):
        raise InvalidConfigError({"config": "is an object"})
    sent = dict(config or {})
    before = completed(live.get("spec") or {})
    digests = digester(live, key)
    revision = sent.pop(REVISION, None)
    read = None if revision is None else Revision.parse(revision, digests)
    count = sent.get(COUNT)
    request, sent = switch(status, sent)
    switched = COUNT not in sent and count is not None and read is not None and not read.holds((COUNT,), count)
    if request is Request.RESTARTING:
        sent = with_restart(sent, before, read, now)

    vault = Vault(secret_name(live["metadata"]["name"]), _places(live, key))
    wished = _wished(before, sent, read, vault)
    if request in (Request.ACTIVE, Request.STOPPED):
        wished[STATUS,] = request.value
    there = readable(before)
    more = _says_more(wished, read) or _leaves_out(sent, there, read)
    edits = _edits(there, wished, read, echo=not switched and (status is None or more))
    after = settled(_edited(before, edits), _wish(before, request, edits))
    namespace = live["metadata"].get("namespace", "")
    check_powers(before, after, secrets, [(vault.secret, place) for place in vault.texts], namespace)

    used = keys(after, vault.secret)
    return Change(
        patch=_patch(live, merge_patch(before, after)),
        paths=_changed(before, after),
        before=before,
        after=after,
        texts={place: text for place, text in vault.texts.items() if place in used},
        keys=used | keys(before, vault.secret),
    )


def _places(live: Manifest, key: bytes) -> Digester:
    """For the places of texts in the Secret: a cluster has them before it has a UID, so by its name."""
    metadata = live["metadata"]
    return Digester(key, f"{metadata.get('namespace', '')}/{metadata['name']}")


def _wished(before: Manifest, sent: Manifest, read: Revision | None, vault: Vault) -> dict[Path, Any]:
    """What the leaves that the client speaks of would be if it were alone; `None` where there would be none."""
    fields = _fields(before)
    problems = check_keys(sent)
    edits = edits_of({name: value for name, value in sent.items() if name != ENVS})
    if ENVS in sent:
        envs = sent_environment(sent[ENVS], problems)
        variables = Environment(fields[ENVS], read, vault, problems).wish(envs)
        for name in [*fields[ENVS], *variables]:
            if variables.get(name) is not fields[ENVS].get(name):  # else it is kept, whoever changed it meanwhile
                edits[ENVS, name] = variables.get(name)
    alone = leaves(valid(replaced(fields, edits), problems))
    paths = [*leaves(fields), *alone]
    return {path: alone.get(path) for path in paths if any(path[:end] in edits for end in range(1, len(path) + 1))}


def _says_more(wished: Mapping[Path, Any], read: Revision | None) -> bool:
    """Whether the client changed more of what it read than the status."""
    return read is not None and any(path != (STATUS,) and not read.holds(path, mine) for path, mine in wished.items())


def _leaves_out(sent: Manifest, there: Collection[Path], read: Revision | None) -> bool:
    """Whether the client removes what is gone already, as it does when the same request comes once more."""
    if read is None or ENVS not in sent:
        return False
    kept = {(ENVS, str(env["name"])) for env in sent[ENVS] or ()}
    return read.knows_others({*there, *kept})


def _edits(
    there: Mapping[Path, Any], wished: Mapping[Path, Any], read: Revision | None, *, echo: bool
) -> dict[Path, Any]:
    """The wishes that are changes; `echo`: a status as it was read is none. Raises `ConflictError`."""
    edits: dict[Path, Any] = {}
    conflicts: list[str] = []
    for path, mine in wished.items():
        theirs = there.get(path)
        same = read is not None and read.holds(path, mine) and (echo or path != (STATUS,))
        if mine == theirs or same:
            continue
        if read and not read.holds(path, theirs):
            conflicts.append(named(path))
        edits[path] = mine
    if conflicts:
        raise ConflictError(
            f"somebody else changed {', '.join(conflicts)} since you read the cluster: read it again and decide anew",
            dict.fromkeys(conflicts, "was changed by somebody else since you read the cluster"),
        )
    return edits


def _fields(spec: Manifest) -> Tree:
    return tree({name: value for name, value in spec.items() if name != STATUS})


def _edited(before: Manifest, edits: Mapping[Path, Any]) -> Manifest:
    """The completed spec after the edits, its status as it was."""
    fields = {path: value for path, value in edits.items() if path != (STATUS,)}
    return {STATUS: before.get(STATUS, PowerState.ACTIVE.value), **listed(valid(replaced(_fields(before), fields), {}))}


def _wish(before: Manifest, request: Request | None, edits: Mapping[Path, Any]) -> PowerState | None:
    """Whether the cluster shall run, as far as the request has a say in that."""
    if (STATUS,) in edits:
        return PowerState(edits[STATUS,])
    return wish_of(before) if request else None


def _patch(live: Manifest, spec: Manifest) -> Manifest:
    version = live["metadata"].get("resourceVersion")
    return {**({"metadata": {"resourceVersion": version}} if version else {}), "spec": spec} if spec else {}


def _changed(before: Manifest, after: Manifest) -> list[Path]:
    old, new = leaves(tree(before)), leaves(tree(after))
    return [path for path in {**old, **new} if old.get(path) != new.get(path)]


def keys(spec: Manifest, secret: str) -> frozenset[str]:
    """Keys of a Secret that the variables of a spec refer to."""
    references = (env.get("valueFrom", {}).get("secretKeyRef", {}) for env in spec.get(ENVS, ()))
    return frozenset(reference["key"] for reference in references if reference.get("name") == secret)
