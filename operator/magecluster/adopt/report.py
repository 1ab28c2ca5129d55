"""What people read before they decide, and when all is done. Values of Secrets never stand in it."""

import textwrap
from collections.abc import Iterable, Iterator

import yaml

from magecluster.adopt.facts import Plan, Takeover, record_name
from magecluster.adopt.helm import HIDDEN, OWNER
from magecluster.adopt.plan import secret_names
from magecluster.adopt.steps import steps_of

WIDTH = 110


def report(plan: Plan, chart: str) -> str:
    """Before anything is done."""
    takeover = plan.takeover
    lines = [
        f"# The MageCluster that would replace release {takeover.release} ({chart}) in namespace {takeover.namespace}:",
        yaml.safe_dump(takeover.cluster, sort_keys=False, width=120).rstrip(),
        "",
        *_secrets(takeover),
        "# Differences",
        *_items(f"{each.what}: {each.text}" for each in plan.differences),
        "",
        "# What would be done",
        *_items(step.title for step in steps_of(takeover)),
    ]
    if plan.obstacles:
        lines += ["", "# What stands in the way", *_items(plan.obstacles)]
    return "\n".join(lines) + "\n"


def farewell(takeover: Takeover) -> str:
    """After all is done. Commands stand in one line, so that they can be copied."""
    _, credentials = secret_names(takeover)
    release, place = takeover.release, f"-n {takeover.namespace}"
    password = f"kubectl get secret {credentials} {place} -o jsonpath='{{.data.owner-password}}' | base64 -d"
    rest = [*takeover.unneeded, f"secret/{record_name(takeover.name)}"]
    lines = [
        f"Release {release} is MageCluster {takeover.name} now: kubectl get mc {takeover.name} {place}",
        f"Password of the owner, if Mage had none: {password}",
        f"Way back: magecluster adopt --release {release} {place} --undo",
    ]
    if takeover.kept:
        lines.append(f"May be in use, and nobody else looks after it now: {', '.join(takeover.kept)}")
    lines += [
        "No longer needed, once you do not want to go back:",
        f"  kubectl delete {place} {' '.join(rest)}",
        f"  kubectl delete {place} secret --selector {OWNER}={HIDDEN},name={release}",
    ]
    return "\n".join(lines) + "\n"


def _secrets(takeover: Takeover) -> Iterator[str]:
    texts, credentials = secret_names(takeover)
    if takeover.texts:
        yield f"# Secret {texts}, with values that are not shown: {', '.join(takeover.texts)}"
    given = f", with {', '.join(takeover.credentials)} of the release" if takeover.credentials else ""
    yield f"# Secret {credentials}{given}; what is not given is random"
    if takeover.claim:
        yield f"# PersistentVolumeClaim {takeover.claim['metadata']['name']}, with copies of the files"
    yield ""


def _items(items: Iterable[str]) -> Iterator[str]:
    for item in items:
        yield textwrap.fill(
            item, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
