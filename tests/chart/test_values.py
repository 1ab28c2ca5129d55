"""What Helm itself says about values: wrong ones are refused with their name before anything reaches Kubernetes."""

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.chart import CHART, of, render, rendered

from devkit import shell
from devkit.chart.document import values
from devkit.cluster import binaries

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a word for a number": ({"replicas": "two"}, "/replicas"),
    "a misspelt key": ({"replicaCount": 2}, "replicaCount"),
    "a misspelt key further down": ({"cloudApi": {"service": {"ports": 80}}}, "/cloudApi/service"),
    "no name of an image": ({"image": {"repository": "Magecluster!"}}, "/image/repository"),
    "a pull policy that does not exist": ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
    "a Secret without its name": ({"imagePullSecrets": ["registry"]}, "/imagePullSecrets/0"),
    "no quantity": ({"resources": {"limits": {"memory": "4 GB"}}}, "/resources/limits/memory"),
    "a port beyond all ports": ({"cloudApi": {"service": {"port": 70000}}}, "/cloudApi/service/port"),
    "a text for a switch": ({"crds": {"keep": "no"}}, "/crds/keep"),
    "one text for a list": ({"extraArgs": "--workers=2"}, "/extraArgs"),
}


@pytest.mark.parametrize(("wrong", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_refused_with_its_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(shell.Failed) as refusal:
        rendered(wrong)
    assert "values don't meet the specifications of the schema" in str(refusal.value)
    assert named in str(refusal.value)


def test_amounts_may_be_numbers_and_texts() -> None:
    amounts = {"requests": {"cpu": 0.5, "memory": 268435456}, "limits": {"cpu": "2", "memory": "1Gi"}}
    pods = [m["spec"]["template"]["spec"] for m in rendered({"resources": amounts}) if m["kind"] == "Deployment"]
    assert pods[0]["containers"][0]["resources"]["requests"]["cpu"] == 0.5


def test_helm_finds_nothing_to_say_about_the_chart() -> None:
    assert "0 chart(s) failed" in shell.run(binaries.ensure() / "helm", "lint", "--strict", CHART)


def test_every_object_of_the_schema_refuses_unknown_keys() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        found = [node] if isinstance(node, dict) and node.get("type") == "object" else []
        return found + [inner for value in below for inner in objects(value)]

    schema = json.loads((CHART / "values.schema.json").read_text())
    opened = [node for node in objects(schema) if node.get("additionalProperties") in (None, True)]
    assert opened == [schema["properties"]["global"]]


def test_every_value_is_told_in_the_readme_and_in_the_file_of_values() -> None:
    told = (CHART / "README.md").read_text()
    lines = (CHART / "values.yaml").read_text().splitlines()
    for value in values():
        assert value.section or f"| `{'.'.join(value.path)}` |" in told
    uncommented = [
        line for before, line in itertools.pairwise(lines) if "#" not in (line.lstrip()[0], before.lstrip()[0])
    ]
    assert uncommented == []


def test_the_chart_can_be_part_of_another_one(tmp_path: Path) -> None:
    parent = tmp_path / "platform"
    shutil.copytree(CHART, parent / "charts" / "magecluster")
    (parent / "Chart.yaml").write_text(
        "{apiVersion: v2, name: platform, version: 0.1.0,"
        " dependencies: [{name: magecluster, version: 0.1.0, condition: magecluster.enabled}]}"
    )
    (parent / "values.yaml").write_text("{global: {region: north}, magecluster: {enabled: true, replicas: 2}}")
    found = [m for m in yaml.safe_load_all(render(chart=parent)) if m]
    assert of(found, "Deployment", "op-operator")["spec"]["replicas"] == 2
    assert "Deployment" not in render("--set", "magecluster.enabled=false", chart=parent)
