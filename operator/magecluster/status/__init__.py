"""OBSERVED: what is there, told as a status. Pure: (cluster, observation, now) in, MageClusterStatus out.

No external calls, clock or logging here: the controller gathers an `Observation` and writes what `status_of` returns.
"""

from magecluster.status.changes import StateChange, changes
from magecluster.status.observation import Observation, Problem
from magecluster.status.summary import invalid_spec_status, recheck_after, status_of

__all__ = [
    "Observation",
    "Problem",
    "StateChange",
    "changes",
    "invalid_spec_status",
    "recheck_after",
    "status_of",
]
