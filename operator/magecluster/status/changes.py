"""Changes of state, told as Kubernetes Events about the cluster."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from magecluster.api.status import Condition, ConditionType, MageClusterStatus, Reason, State
from magecluster.status.findings import progress_message


class StateChange(NamedTuple):
    """One Event."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def changes(before: MageClusterStatus, after: MageClusterStatus) -> list[StateChange]:
    """What people should hear of, oldest first; nothing while neither the state nor the cause of trouble differs."""
    return [*_state(before, after), *_trouble(before, after), *_executor(before, after)]


def _state(before: MageClusterStatus, after: MageClusterStatus) -> Iterator[StateChange]:
    recovered = _warning(before, ConditionType.DEGRADED) and not _warning(after, ConditionType.DEGRADED)
    if recovered and (after.state is before.state or after.state is State.ACTIVE):
        yield StateChange("Normal", "Recovered", "What needed help is in order again")
        return
    if after.state is before.state:
        return
    match after.state:
        case State.STARTING:
            yield StateChange("Normal", "Starting", progress_message(Reason.STARTING))
        case State.ACTIVE:
            yield StateChange("Normal", "Started", f"Mage answers at {after.url}")
        case State.STOPPING:
            yield StateChange("Normal", "Stopping", progress_message(Reason.STOPPING))
        case State.STOPPED:
            yield StateChange("Normal", "Stopped", progress_message(Reason.STOPPED))
        case State.DEGRADED | None:
            return  # told with its cause, as trouble


def _trouble(before: MageClusterStatus, after: MageClusterStatus) -> Iterator[StateChange]:
    yield from _new_warning(_warning(before, ConditionType.DEGRADED), _warning(after, ConditionType.DEGRADED))


def _executor(before: MageClusterStatus, after: MageClusterStatus) -> Iterator[StateChange]:
    type_ = ConditionType.EXECUTOR_READY
    yield from _new_warning(_warning(before, type_), _warning(after, type_))


def _new_warning(before: Condition | None, after: Condition | None) -> Iterator[StateChange]:
    if after and (before is None or before.reason != after.reason):
        yield StateChange("Warning", after.reason, after.message)


def _warning(status: MageClusterStatus, type_: ConditionType) -> Condition | None:
    """The condition while it says that something is wrong."""
    found = status.condition(type_)
    wrong = "True" if type_ is ConditionType.DEGRADED else "False"
    return found if found and found.status == wrong else None
