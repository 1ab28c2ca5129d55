"""Prometheus metrics of the operator."""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from magecluster.api.status import State
from magecluster.controller.workqueue import Workqueue
from magecluster.kube.cache import Key
from magecluster.kube.errors import KubeError

Result = Literal["success", "error"]
"""How a reconcile ends."""


class Metrics:
    """One registry a process, so that tests can have several operators."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._states: dict[Key, State] = {}
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._duration = Histogram(
            "magecluster_reconcile_duration_seconds",
            "Time that a reconcile of one cluster took",
            ["result"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self.registry,
        )
        self._applies = Counter(
            "magecluster_applies_total",
            "Desired objects compared and applied",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self._errors = Counter(
            "magecluster_api_errors_total", "Requests to the API server that failed", ["status"], registry=self.registry
        )

    @contextmanager
    def reconcile(self) -> Iterator[None]:
        """Time one reconcile."""
        start = perf_counter()
        result: Result = "error"
        try:
            yield
            result = "success"
        finally:
            self._duration.labels(result).observe(perf_counter() - start)

    def applied(self, kind: str, outcome: str) -> None:
        """Count a desired object: created, changed, unchanged or refused."""
        self._applies.labels(kind, outcome).inc()

    def api_error(self, error: KubeError) -> None:
        """Count a failed request by HTTP status, `none` without an answer."""
        self._errors.labels(str(error.status or "none")).inc()

    def reported(self, key: Key, state: State | None) -> None:
        """Note the state of a cluster; `None` when it is gone."""
        if state is None:
            self._states.pop(key, None)
        else:
            self._states[key] = state

    def stand_by(self) -> None:
        """Leave the states to the leader's report, so that replicas can be added up."""
        self._states.clear()

    def watch(self, queue: Workqueue[Key]) -> None:
        """Report queue depth and clusters by state, counted when they are asked for."""
        self.registry.register(_Live(self._states, queue))

    def text(self) -> bytes:
        """The exposition format of Prometheus."""
        return generate_latest(self.registry)


class _Live(Collector):
    def __init__(self, states: dict[Key, State], queue: Workqueue[Key]) -> None:
        self._states, self._queue = states, queue

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "magecluster_queue_depth", "Clusters that wait for a reconcile or are in one", self._queue.depth
        )
        states = Tally(self._states.values())
        clusters = GaugeMetricFamily("magecluster_clusters", "Clusters by state", labels=["state"])
        for state in State:
            clusters.add_metric([state], states[state])
        yield clusters
