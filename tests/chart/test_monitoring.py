"""Alerts, dashboard and ServiceMonitors speak of what operator and Cloud API really export."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from tests.support.chart import CHART, of, rendered
from tests.support.exported import VALUES, Series, of_the_cloud_api, of_the_operator

from magecluster.controller.main import CRD_SECONDS
from magecluster.controller.settings import Settings

ON: dict[str, Any] = {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboard")}
JOBS = ("op-operator", "op-cloud-api")
RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks.md"
ADDED = {"namespace", "job", "pod"}
"""Labels that Prometheus adds to what it scrapes by a ServiceMonitor."""
INTERVAL = "$__rate_interval"
"""Grafana puts a duration there."""


def alerts(cloud_api: bool = True, **rule: Any) -> list[dict[str, Any]]:  # noqa: FBT001, FBT002
    metrics = {"prometheusRule": {"enabled": True, **rule}}
    rules = of(rendered({"metrics": metrics, "cloudApi": {"enabled": cloud_api}}), "PrometheusRule", "op-alerts")
    return [alert for group in rules["spec"]["groups"] for alert in group["rules"]]


def dashboard() -> dict[str, Any]:
    data = of(rendered({"metrics": ON}), "ConfigMap", "op-dashboard")["data"]
    return dict(json.loads(data["chart-space-op.json"]))


def expressions() -> dict[str, str]:
    drawn = {
        f"{p['title']} {t['refId']}": t["expr"].replace(INTERVAL, "5m")
        for p in dashboard()["panels"]
        for t in p["targets"]
    }
    return {alert["alert"]: alert["expr"] for alert in alerts()} | drawn


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Every time series that an expression asks for."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


@pytest.fixture
def exported(tmp_path: Path) -> dict[str, Series]:
    return dict(zip(JOBS, (of_the_operator(), of_the_cloud_api(tmp_path)), strict=True))


def test_every_expression_asks_for_series_that_exist_with_their_labels(exported: dict[str, Series]) -> None:
    for where, expression in expressions().items():
        asked = selectors(expression)
        assert asked, where
        for selector in asked:
            matchers = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
            assert matchers["namespace"] == "chart-space", where
            series = exported[matchers["job"]]
            assert selector.name in series, where
            assert set(matchers) <= series[selector.name] | ADDED, where


def test_every_value_that_an_expression_asks_for_can_occur() -> None:
    for where, expression in expressions().items():
        for matcher in (m for selector in selectors(expression) for m in selector.matchers.matchers):
            if matcher.name in VALUES:
                # Alternatives each; within parentheses some products of them may be of nothing.
                for asked in [matcher.value] if "(" in matcher.value else matcher.value.split("|"):
                    assert [v for v in VALUES[matcher.name] if re.fullmatch(asked, v)], (where, matcher.name, asked)


@pytest.mark.parametrize(
    ("arguments", "workers"),
    [([], Settings().workers), (["--workers=32"], 32), (["--log-level=debug", "--workers", "8"], 8)],
    ids=str,
)
def test_a_queue_is_long_when_it_is_longer_than_what_is_worked_on(arguments: list[str], workers: int) -> None:
    rules = of(rendered({"metrics": ON, "extraArgs": arguments}), "PrometheusRule", "op-alerts")["spec"]["groups"]
    (found,) = [a["expr"] for group in rules for a in group["rules"] if a["alert"] == "MageclusterQueueStuck"]
    assert found.endswith(f" > {workers}")


def test_an_operator_without_rights_is_noticed() -> None:
    (found,) = [alert["expr"] for alert in alerts() if alert["alert"] == "MageclusterForbidden"]
    (selector,) = selectors(found)
    assert ("status", "403") in {(m.name, m.value) for m in selector.matchers.matchers}
    threshold = float(found.rpartition(">")[2])
    assert threshold < 1 / CRD_SECONDS, "one list in these seconds is refused"


def test_what_an_expression_groups_by_is_a_label_of_its_series(exported: dict[str, Series]) -> None:
    known = {label for series in exported.values() for labels in series.values() for label in labels}
    for where, expression in expressions().items():
        for labels in re.findall(r"by \(([^)]*)\)", expression):
            assert {label.strip() for label in labels.split(",")} <= known, where


def test_a_metric_that_is_not_exported_is_noticed(exported: dict[str, Series]) -> None:
    (selector,) = selectors("rate(magecluster_reconciles_total{job='op-operator'}[5m])")
    assert selector.name not in exported["op-operator"]


def test_every_alert_has_a_section_in_the_runbooks_and_no_section_is_left_over() -> None:
    found = alerts()
    sections = re.findall(r"^## (\w+)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert sections == [alert["alert"] for alert in found]
    for alert in found:
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert {"summary", "description"} <= set(alert["annotations"])


def test_every_section_tells_meaning_look_and_remedy() -> None:
    for section in re.split(r"^## ", RUNBOOKS.read_text(), flags=re.MULTILINE)[1:]:
        assert re.findall(r"^\*\*(\w+):\*\*", section, re.MULTILINE) == ["Meaning", "Look", "Remedy"], section[:40]


def test_runbooks_are_where_the_values_say() -> None:
    found = alerts(runbookUrl="https://wiki.example.com/runbooks")
    assert found[0]["annotations"]["runbook_url"] == "https://wiki.example.com/runbooks#mageclusteroperatordown"


def test_without_the_cloud_api_nobody_is_called_because_of_it() -> None:
    assert not [alert["alert"] for alert in alerts(cloud_api=False) if "CloudApi" in alert["alert"]]
    assert [alert for alert in alerts() if "CloudApi" in alert["alert"]]


def test_panels_lie_beside_each_other_and_have_a_legend() -> None:
    panels = dashboard()["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(panels) == len({panel["id"] for panel in panels})
    assert all(target["legendFormat"] for panel in panels for target in panel["targets"])
    assert panels[0]["title"] == yaml.safe_load((CHART / "monitoring/panels.yaml").read_text())["operator"][0]["title"]


def monitors(cloud_api: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each ServiceMonitor with the one Service that it chooses."""
    found = rendered({"metrics": ON, "cloudApi": cloud_api})
    for monitor in (m for m in found if m["kind"] == "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [m for m in found if m["kind"] == "Service" and wanted <= m["metadata"]["labels"].items()]
        yield monitor["metadata"]["name"], monitor["spec"]["endpoints"][0], service


@pytest.mark.parametrize("cloud_api", [{}, {"standalone": True}], ids=str)
def test_each_servicemonitor_chooses_one_service_whose_name_is_the_job(cloud_api: dict[str, Any]) -> None:
    for name, endpoint, service in monitors(cloud_api):
        assert service["metadata"]["name"] == name
        assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
        assert "scheme" not in endpoint
    assert {name for name, _, _ in monitors(cloud_api)} == set(JOBS)


def test_prometheus_asks_by_https_where_the_cloud_api_has_a_certificate() -> None:
    found = {name: endpoint for name, endpoint, _ in monitors({"tls": {"existingSecret": "cert", "caKey": "ca.crt"}})}
    ca = {"secret": {"name": "cert", "key": "ca.crt"}}
    assert found["op-cloud-api"]["tlsConfig"] == {"serverName": "op-cloud-api.chart-space.svc", "ca": ca}
    assert "scheme" not in found["op-operator"]
