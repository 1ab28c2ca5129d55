"""Conditions: what was found, with the time since when it is so."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from magecluster.api.status import Condition, ConditionType, Reason, Truth

_ORDER = {type_.value: position for position, type_ in enumerate(ConditionType)}


class Finding(NamedTuple):
    """A condition without its history."""

    type: ConditionType
    status: Truth
    reason: Reason
    message: str = ""


def truth(value: object) -> Truth:
    """As conditions write it."""
    return "True" if value else "False"


def timestamp(now: datetime) -> str:
    """As the API server writes times: UTC, whole seconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_condition(previous: Sequence[Condition], finding: Finding, generation: int, now: datetime) -> list[Condition]:
    """The conditions with one set; its time moves only with its status. Always in the order of `ConditionType`."""
    before = next((c for c in previous if c.type == finding.type), None)
    unchanged = before is not None and before.status == finding.status
    new = Condition(
        type=finding.type.value,
        status=finding.status,
        reason=finding.reason.value,
        message=finding.message,
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before and unchanged else timestamp(now),
    )
    others = [c for c in previous if c.type != finding.type]
    return sorted([*others, new], key=lambda c: _ORDER.get(c.type, len(_ORDER)))


def merged(
    previous: Sequence[Condition], findings: Iterable[Finding], generation: int, now: datetime
) -> list[Condition]:
    """Exactly the conditions that were found; those of which nothing is said any more are gone."""
    found = list(findings)
    conditions = [c for c in previous if c.type in {finding.type for finding in found}]
    for finding in found:
        conditions = with_condition(conditions, finding, generation, now)
    return conditions
