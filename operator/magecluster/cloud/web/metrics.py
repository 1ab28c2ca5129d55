"""Prometheus metrics of the Cloud API; no label holds a name that a user chose."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from magecluster.kube.errors import KubeError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LoginOutcome = Literal["success", "refused", "limited"]


class Metrics:
    """One registry a process, so that tests can have several servers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Histogram(
            "magecluster_cloud_request_duration_seconds",
            "Time that a request took, by route and status",
            ["route", "status"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
            registry=self.registry,
        )
        self._series = cache(self._requests.labels)
        self._logins = Counter(
            "magecluster_cloud_logins_total", "Attempts to log in", ["outcome"], registry=self.registry
        )
        self._errors = Counter(
            "magecluster_cloud_api_errors_total",
            "Requests to the API server that failed",
            ["status"],
            registry=self.registry,
        )

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count and time one request."""
        self._series(route, str(status)).observe(seconds)

    def login(self, outcome: LoginOutcome) -> None:
        """Count an attempt."""
        self._logins.labels(outcome).inc()

    def api_error(self, error: KubeError) -> None:
        """Count a failed request by HTTP status, `none` without an answer."""
        self._errors.labels(str(error.status or "none")).inc()

    def watch(self, **gauges: tuple[str, Callable[[], float]]) -> None:
        """Report these, each with its description, when they are asked for."""
        self.registry.register(_Live(gauges))

    def text(self) -> bytes:
        """The exposition format of Prometheus."""
        return generate_latest(self.registry)


class _Live(Collector):
    def __init__(self, gauges: dict[str, tuple[str, Callable[[], float]]]) -> None:
        self._gauges = gauges

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, (description, value) in self._gauges.items():
            yield GaugeMetricFamily(f"magecluster_cloud_{name}", description, value())
