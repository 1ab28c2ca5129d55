"""What `status` and `replicaCount` mean together.

Published clients treat them as one switch: `Stopped` with 0 stops, `Active` with 1 starts, whatever count the cluster
had. So 0 never reaches the spec, and 1 beside `Active` says "on": a cluster of three pods that such a client stops and
starts has three pods again. N is the count in the spec; a cluster runs when its status is Active and N is not 0.

| sent status         | sent replicaCount | a running cluster     | a stopped cluster                        |
|---------------------|-------------------|-----------------------|------------------------------------------|
| Stopped             | none, 0           | stops, keeps N        | nothing changes                          |
| Stopped             | 1 or more         | stops, N as sent      | N as sent, stays stopped                 |
| Active              | none, 1           | nothing changes       | starts with N (1 if N is 0)              |
| Active              | 2 or more         | N as sent             | starts, N as sent                        |
| Active, Restarting  | 0                 | refused (422): a contradiction                                   |
| Restarting          | none, 1           | restartedAt = now     | refused (409): it has to be started      |
| Restarting          | 2 or more         | the same, N as sent   | refused (409)                            |
| none                | 0                 | stops, keeps N        | nothing changes                          |
| none                | 1 or more         | N as sent             | N as sent; stays stopped, if by status   |

To go down to one pod, send `replicaCount: 1` without a status. A client that reads sees N as `replicaCount`, also while
the cluster is stopped, and as `status` whether it wishes to run: Active or Stopped. A cluster that somebody stopped by
`replicaCount: 0` in the spec shows 0 and Stopped, and runs as soon as it gets another count.
Every request, repeated, changes nothing more, but for `Restarting` without a revision: with the one that was read
before the restart, the second is known to be done. `restartedAt` sent without `Restarting` is a restart, too, at a time
of the client's choice. When a status that was read is meant, and not only sent back: see `merge.py`.
"""

from enum import StrEnum
from typing import Any

from magecluster.api.model import Manifest
from magecluster.api.spec import PowerState
from magecluster.cloud.config.revision import Revision
from magecluster.cloud.errors import ConflictError, ContradictionError, InvalidConfigError

STATUS = "status"
COUNT = "replicaCount"
RESTARTED_AT = "restartedAt"


class Request(StrEnum):
    """The values of `status` that a client may send."""

    ACTIVE = "Active"
    STOPPED = "Stopped"
    RESTARTING = "Restarting"


def wish_of(spec: Manifest) -> PowerState:
    """Whether a completed spec wishes to run."""
    runs = spec.get(STATUS) != PowerState.STOPPED and spec.get(COUNT) != 0
    return PowerState.ACTIVE if runs else PowerState.STOPPED


def switch(status: object, config: Manifest) -> tuple[Request | None, Manifest]:
    """What is asked, and the config without a replicaCount that only repeats it. Both as sent; `None` is not sent.

    Raises `InvalidConfigError` for an unknown status and `ContradictionError`.
    """
    if status is not None and status not in list(Request):
        raise InvalidConfigError({STATUS: f"is one of {', '.join(Request)}"})
    request = None if status is None else Request(str(status))
    count = config.get(COUNT)
    counts = isinstance(count, int) and not isinstance(count, bool)
    if not counts or count not in (0, 1) or (request, count) in ((None, 1), (Request.STOPPED, 1)):
        return request, config
    if count == 0 and request in (Request.ACTIVE, Request.RESTARTING):
        problem = f"is 0, but status is {request}: send 1 or more to run, or status Stopped to stop"
        raise ContradictionError(f"{COUNT} {problem}", {COUNT: problem})
    rest = {name: value for name, value in config.items() if name != COUNT}
    return request or Request.STOPPED, rest


def with_restart(config: Manifest, live: Manifest, read: Revision | None, now: str) -> Manifest:
    """The config with a new `restartedAt`: the client's own, or `now` (RFC 3339).

    Unchanged if somebody restarted the cluster since it was `read`. `live` is the completed spec. Raises
    `ConflictError` if it is stopped.
    """
    if wish_of(live) is PowerState.STOPPED:
        problem = "the cluster is stopped and cannot restart: send status Active to start it"
        raise ConflictError(problem, {STATUS: problem})
    before = live.get(RESTARTED_AT)
    sent = config.get(RESTARTED_AT)
    if read is not None and not read.holds((RESTARTED_AT,), before):
        return config
    echoed = sent is None or sent == before
    return {**config, RESTARTED_AT: now} if echoed else config


def settled(spec: dict[str, Any], wish: PowerState | None) -> dict[str, Any]:
    """A completed spec that wishes what was asked; a start needs at least one pod."""
    if wish is None or wish_of(spec) is wish:
        return spec
    if wish is PowerState.STOPPED:
        return {**spec, STATUS: PowerState.STOPPED.value}
    return {**spec, STATUS: PowerState.ACTIVE.value, COUNT: spec.get(COUNT) or 1}
