"""The metrics that operator and Cloud API export, asked of their own registries."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry

from magecluster.api.magecluster import KIND
from magecluster.api.status import State
from magecluster.cloud.main import assemble
from magecluster.cloud.settings import Settings
from magecluster.cloud.web.app import EVERYTHING
from magecluster.cloud.web.metrics import LoginOutcome
from magecluster.controller.metrics import Metrics, Result
from magecluster.controller.workqueue import Workqueue
from magecluster.kube.apply import Outcome
from magecluster.kube.cache import Key
from magecluster.kube.connection import Connection
from magecluster.kube.errors import KubeError

VALUES: dict[str, set[str]] = {
    "state": set(State),
    "result": set(get_args(Result)),
    "outcome": {*Outcome, "refused", *get_args(LoginOutcome)},
    "route": {route.name for route in EVERYTHING},
    "status": {"none", *(str(status.value) for status in HTTPStatus)},
}
"""Label to all the values that it can have."""
Series = dict[str, set[str]]
"""Name of a time series to the labels that it has."""


def of_the_operator() -> Series:
    """After one reconcile with one failure, so that every series is there."""

    async def work(_: Key) -> None: ...

    metrics = Metrics()
    metrics.watch(Workqueue(work))
    with metrics.reconcile():
        metrics.applied(KIND, "changed")
    metrics.api_error(KubeError("none"))
    return dict(_series(metrics.registry))


def of_the_cloud_api(folder: Path) -> Series:
    """After one request, one login and one failure."""
    services, _ = assemble(Settings(), Connection(folder / "none", None), bytes(32))
    services.metrics.request("getCluster", 200, 0.1)
    services.metrics.login("success")
    services.metrics.api_error(KubeError("none"))
    return dict(_series(services.metrics.registry))


def _series(registry: CollectorRegistry) -> Iterator[tuple[str, set[str]]]:
    for family in registry.collect():
        for sample in family.samples:
            yield sample.name, set(sample.labels)
