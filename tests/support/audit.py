"""Who asked the API server for what: its audit log, and what the rules of a chart allow."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.support.kube import Manifest

from magecluster.api.magecluster import MageCluster
from magecluster.resources.rbac import role


class Right(NamedTuple):
    """One verb on one resource."""

    group: str
    resource: str
    """With its subresource, as in `pods/log`."""
    verb: str
    namespace: str | None = None
    """`None` for all."""

    def covers(self, other: "Right") -> bool:
        return self[:3] == other[:3] and self.namespace in (None, other.namespace)


def granted(manifests: list[Manifest]) -> dict[str, set[Right]]:
    """By user: what the bindings among the manifests give to service accounts."""
    roles = {(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]): m for m in manifests}
    found: dict[str, set[Right]] = {}
    for binding in manifests:
        if binding["kind"] not in ("ClusterRoleBinding", "RoleBinding"):
            continue
        space = binding["metadata"].get("namespace") if binding["kind"] == "RoleBinding" else None
        of = binding["roleRef"]
        rules = roles[of["kind"], space if of["kind"] == "Role" else None, of["name"]]["rules"]
        for subject in binding["subjects"]:
            user = f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
            found.setdefault(user, set()).update(_expanded(rules, space))
    return found


def given_away() -> set[Right]:
    """What Roles of clusters allow: nobody can give away what he does not have, so it need not be used itself."""
    rules = role(MageCluster.parse({"metadata": {"name": "x", "namespace": "x"}}))["rules"]
    return set(_expanded(rules, None))


def asked(log: str, user: str) -> tuple[set[Right], list[Right]]:
    """What a user was allowed, and what was forbidden, each once it ended."""
    allowed: set[Right] = set()
    forbidden: list[Right] = []
    for event in _events(log, user):
        of = event.get("objectRef")
        if not of or "resource" not in of:
            continue  # discovery
        name = "/".join(filter(None, (of["resource"], of.get("subresource"))))
        right = Right(of.get("apiGroup", ""), name, event["verb"], of.get("namespace"))
        if event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid":
            forbidden.append(right)
            continue
        allowed.add(right)
        if right.verb == "patch" and event.get("responseStatus", {}).get("code") == 201:
            allowed.add(right._replace(verb="create"))  # an apply that creates needs both
    return allowed, forbidden


def _events(log: str, user: str) -> Iterator[Any]:
    wanted = f'"user":{{"username":"{user}"'
    return (json.loads(line) for line in log.splitlines() if wanted in line)


def _expanded(rules: Iterable[Manifest], namespace: str | None) -> Iterator[Right]:
    return (
        Right(group, resource, verb, namespace)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )
