"""What the controller saw of one cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from magecluster.api.model import Manifest
from magecluster.api.status import Reason


class Problem(NamedTuple):
    """Why something is not as the spec asks."""

    reason: Reason
    message: str
    """The cause in a sentence, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The live objects of one cluster, as the API server gave them; `None` for one that is not there."""

    deployment: Manifest | None = None
    volume: Manifest | None = None
    """The PersistentVolumeClaim."""
    pods: Sequence[Manifest] = ()
    """Pods with the cluster's selector, terminating ones too."""
    events: Sequence[Manifest] = ()
    """core/v1 Events about the pods and the volume, in any order; empty when nobody asked for them."""
    problems: Sequence[Problem] = ()
    """What kept desired objects from being applied: missing references, refusals of the API server."""
