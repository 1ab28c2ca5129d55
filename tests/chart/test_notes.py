"""What `helm install` tells people to do next: right for the chosen values."""

import json
import re
from typing import Any

from tests.support.chart import CHART, NAMESPACE, RELEASE
from tests.support.fixtures import ROOT
from tests.support.kube import Namespace

from devkit import shell
from devkit.cluster import binaries


def notes(**values: Any) -> str:
    """Rendered without a cluster."""
    settings = [word for name, value in values.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]
    helm = (binaries.ensure() / "helm", "install", RELEASE, CHART, "--namespace", NAMESPACE, "--dry-run=client")
    return shell.run(*helm, *settings).partition("NOTES:\n")[2]


def test_the_next_three_commands_are_numbered() -> None:
    for told in (notes(), notes(**{"cloudApi.enabled": False})):
        assert re.findall(r"^(\d)\. ", told, re.MULTILINE) == ["1", "2", "3"]


def test_by_default_they_reach_the_cloud_api_by_a_forwarded_port() -> None:
    told = notes()
    assert "service/op-cloud-api 8090:80 &" in told
    assert "http://localhost:8090/api/v1/sessions" in told
    assert "get secret magecluster-admin -n chart-space" in told


def test_with_an_ingress_they_use_its_address() -> None:
    told = notes(**{"cloudApi.ingress": {"enabled": True, "host": "mage.example.com", "tlsSecretName": "tls"}})
    assert "https://mage.example.com/api/v1/sessions" in told
    assert "port-forward" not in told


def test_with_a_certificate_they_speak_https() -> None:
    told = notes(**{"cloudApi.tls.existingSecret": "cert"})
    assert "service/op-cloud-api 8090:443 &" in told
    assert "curl -sSk --retry 10 --retry-connrefused https://localhost:8090/api/v1/sessions" in told


def test_keys_of_a_secret_are_read_from_it() -> None:
    told = notes(**{"cloudApi.apiKeys.existingSecret": "keys"})
    assert (
        "KEY=$(kubectl get secret keys -n chart-space -o jsonpath='{.data.api-keys}' | base64 -d | head -n 1)" in told
    )
    assert "X-API-KEY" not in notes(**{"cloudApi.apiKeys.required": False})


def test_without_a_first_account_they_make_one() -> None:
    told = notes(**{"cloudApi.bootstrapAdmin": "", "cloudApi.standalone": True})
    assert "deploy/op-cloud-api -c cloud-api -- python -m magecluster user add" in told
    assert "magecluster-admin" not in told


def test_they_wait_for_what_they_need() -> None:
    for told, deployment in (
        (notes(), "op-operator"),
        (notes(**{"cloudApi.standalone": True, "cloudApi.bootstrapAdmin": ""}), "op-cloud-api"),
        (notes(**{"cloudApi.enabled": False}), "op-operator"),
    ):
        _, _, first = told.partition("1. Wait until it runs")
        assert first.splitlines()[2] == f"  kubectl rollout status -n chart-space deploy/{deployment}"
    assert "kubectl wait -n chart-space --for=create secret/magecluster-admin" in notes()


def test_the_first_account_is_that_of_the_secret_which_stays_as_it_was() -> None:
    assert "boss@example.com" not in notes(**{"cloudApi.bootstrapAdmin": "boss@example.com"})
    assert "EMAIL=$(kubectl get secret magecluster-admin -n chart-space -o jsonpath='{.data.email}'" in notes()


def test_a_team_is_made_where_one_can_work() -> None:
    assert '"namespace": "data"' in notes(watchNamespaces=[NAMESPACE, "data"])
    alone = notes(watchNamespaces=[NAMESPACE])
    assert "/api/v1/teams" not in alone
    assert "3. No team can work in chart-space" in alone


def test_without_the_cloud_api_kubectl_makes_a_cluster(bare: Namespace) -> None:
    told = notes(**{"cloudApi.enabled": False, "watchNamespaces": [bare.name]})
    assert f"MageClusters of {bare.name}." in told
    (command,) = re.findall(r"^  kubectl (apply .*)$", told, re.MULTILINE)
    kubectl = (bare.cluster.binary("kubectl"), "--kubeconfig", bare.cluster.kubeconfig)
    made = shell.run(*kubectl, *command.split(), "--dry-run=server", cwd=ROOT)
    assert made.startswith("magecluster.magecluster.io/quickstart created")
