"""What Helm itself says about values: wrong ones are refused with their name before anything reaches Kubernetes."""

import argparse
import itertools
import json
import re
import shutil
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.chart.test_combinations import FEATURES, merged
from tests.support.chart import CHART, RELEASE, container, of, render, rendered

from devkit import shell
from devkit.chart.document import values
from devkit.cluster import binaries
from magecluster.cli import cloud_api

NAMES = {"name", "namespace", "secretName", "priorityClassName", "ingressClassName", "serverName", "key", "path"}
"""Fields that hold a name which somebody chose."""

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
    "no e-mail address": ({"cloudApi": {"bootstrapAdmin": "bob"}}, "/cloudApi/bootstrapAdmin"),
    "no network": ({"cloudApi": {"trustedProxies": ["999.1/99"]}}, "/cloudApi/trustedProxies/0"),
    "no length of a network": ({"cloudApi": {"trustedProxies": ["10.0.0.0/33"]}}, "/cloudApi/trustedProxies/0"),
    "a host that is many": ({"cloudApi": {"ingress": {"host": "*.example.com"}}}, "/cloudApi/ingress/host"),
    "a name that is many": ({"cloudApi": {"tls": {"serverName": "*.example.com"}}}, "/cloudApi/tls/serverName"),
    "one text for a list": ({"extraArgs": "--workers=2"}, "/extraArgs"),
}


@pytest.mark.parametrize(("wrong", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_refused_with_its_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(shell.Failed) as refusal:
        rendered(wrong)
    assert "values don't meet the specifications of the schema" in str(refusal.value)
    assert named in str(refusal.value)


def without(*names: str) -> str:
    """What `helm install` tells when their defaults are removed, by `null`."""
    removed = [word for name in names for word in ("--set", f"{name}=null")]
    told = shell.run(binaries.ensure() / "helm", "install", RELEASE, CHART, "--dry-run=client", *removed)
    return re.sub(r"LAST DEPLOYED:.*", "", told)


def missed(refusal: shell.Failed) -> set[str]:
    found = re.findall(r"- at '(.*)': missing propert(?:y|ies) (.*)", str(refusal))
    return {f"{place}/{name}"[1:].replace("/", ".") for place, names in found for name in re.findall(r"'(\w+)'", names)}


def test_a_value_without_its_default_is_as_by_default_or_refused_by_name() -> None:
    leaves = {".".join(value.path) for value in values() if not value.section and "resources" not in value.path}
    refused: set[str] = set()
    told = ""
    while not told:
        try:
            told = without(*(leaves - refused))
        except shell.Failed as refusal:
            named = missed(refusal)
            assert named, refusal  # noqa: PT017  it goes on with the others
            refused |= named
    assert "cloudApi.tls.existingSecret" in refused
    assert leaves - refused
    assert told == without()


@pytest.mark.parametrize("group", [".".join(value.path) for value in values() if value.section])
def test_a_group_without_its_values_is_refused_by_name(group: str) -> None:
    if group.endswith("resources"):
        assert "STATUS" in without(group), "left to Kubernetes"
        return
    with pytest.raises(shell.Failed) as refusal:
        without(group)
    assert missed(refusal.value) == {group}


@pytest.mark.parametrize("network", ["10.0.0.1/8", "192.168.0.10", "::/0", "fd00::1/64", "2001:db8:0:1:2:3:4:5"])
def test_networks_that_pass_are_networks_of_the_cloud_api(network: str) -> None:
    args = container(rendered({"cloudApi": {"trustedProxies": [network]}}), "op-operator", "cloud-api")["args"]
    (option,) = [arg for arg in args if arg.startswith("--trusted-proxy=")]
    parser = argparse.ArgumentParser()
    cloud_api.add_to(parser.add_subparsers())
    (found,) = cloud_api.settings_of(parser.parse_args(["cloud-api", option])).trusted_proxies
    assert ip_address(network.partition("/")[0]) in found


def test_names_that_look_like_numbers_and_switches_stay_texts() -> None:
    def texts(node: Any) -> Iterator[Any]:
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            if key in NAMES:
                yield inner
            yield from texts(inner)

    chosen: dict[str, Any] = {}
    for name, feature in FEATURES.items():
        chosen = merged(chosen, {} if name in ("no Cloud API", "no definitions") else feature)
    found = list(texts(rendered({**chosen, "crds": {"enabled": False}}, "2024")))
    assert {"2024", "no", "100", "123", "456", "789"} <= set(map(str, found))
    assert [value for value in found if not isinstance(value, str)] == []


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
