"""Values of what watches over operator and Cloud API."""

from typing import Annotated

from pydantic import Field

from devkit.chart.types import Labels
from magecluster.api.model import ApiModel

Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]*(ms|s|m|h)$")]


class ServiceMonitor(ApiModel):
    """ServiceMonitors of operator and Cloud API."""

    enabled: bool = False
    """Make them."""
    interval: Duration = "30s"
    """How often Prometheus asks."""
    labels: Labels = {}
    """Labels by which your Prometheus chooses them, for example `{release: prometheus}`."""


class PrometheusRule(ApiModel):
    """A PrometheusRule with alerts."""

    enabled: bool = False
    """Make it."""
    labels: Labels = {}
    """Labels by which your Prometheus chooses it."""
    runbook_url: Annotated[str, Field(min_length=1, pattern=r"^[^#\s]+$")] = "docs/runbooks.md"
    """Where your people read docs/runbooks.md; the `runbook_url` of an alert is its section there."""


class Dashboard(ApiModel):
    """A ConfigMap with a dashboard for Grafana."""

    enabled: bool = False
    """Make it."""
    labels: Labels = {"grafana_dashboard": "1"}
    """Labels by which Grafana's sidecar finds it."""


class Metrics(ApiModel):
    """Monitoring."""

    service_monitor: ServiceMonitor = ServiceMonitor()
    """ServiceMonitors of operator and Cloud API."""
    prometheus_rule: PrometheusRule = PrometheusRule()
    """A PrometheusRule with alerts."""
    dashboard: Dashboard = Dashboard()
    """A ConfigMap with a dashboard for Grafana."""
