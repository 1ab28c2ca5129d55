"""What values of the chart do to the manifests."""

from typing import Any

import pytest
from tests.support.chart import CHART, container, of, rendered
from tests.support.kube import Manifest

from devkit import shell
from devkit.cluster import binaries


def api(**values: Any) -> list[Manifest]:
    return rendered({"cloudApi": values})


def args(**values: Any) -> list[str]:
    """Of the Cloud API."""
    return list(container(api(**values), "op-operator", "cloud-api")["args"])


def accounts(manifests: list[Manifest]) -> dict[str, str]:
    """Deployment to service account."""
    deployments = [m for m in manifests if m["kind"] == "Deployment"]
    return {m["metadata"]["name"]: m["spec"]["template"]["spec"]["serviceAccountName"] for m in deployments}


def subjects(manifests: list[Manifest]) -> dict[str, str]:
    """Binding to service account."""
    bindings = [m for m in manifests if m["kind"].endswith("RoleBinding")]
    return {m["metadata"]["name"]: m["subjects"][0]["name"] for m in bindings}


def test_apart_each_process_has_its_own_account_and_its_own_rights_alone() -> None:
    found = api(standalone=True)
    assert accounts(found) == {"op-operator": "op-operator", "op-cloud-api": "op-cloud-api"}
    assert {m["metadata"]["name"] for m in found if m["kind"] == "ServiceAccount"} == {"op-operator", "op-cloud-api"}
    assert set(subjects(found).items()) == {
        ("op-operator", "op-operator"),
        ("op-cloud-api", "op-cloud-api"),
        ("chart-space-op-operator", "op-operator"),
        ("chart-space-op-cloud-api-tokens", "op-cloud-api"),
        ("chart-space-op-cloud-api", "op-cloud-api"),
    }
    assert [c["name"] for c in of(found, "Deployment", "op-operator")["spec"]["template"]["spec"]["containers"]] == [
        "operator"
    ]


@pytest.mark.parametrize("standalone", [False, True])
def test_the_service_leads_to_the_pods_that_run_the_cloud_api(standalone: bool) -> None:  # noqa: FBT001  a parameter
    found = api(standalone=standalone)
    pods = of(found, "Deployment", "op-cloud-api" if standalone else "op-operator")["spec"]["template"]
    selector = of(found, "Service", "op-cloud-api")["spec"]["selector"]
    assert selector.items() <= pods["metadata"]["labels"].items()
    ports = {port["containerPort"] for c in pods["spec"]["containers"] for port in c["ports"]}
    policy = next(
        m
        for m in found
        if m["kind"] == "NetworkPolicy" and m["spec"]["podSelector"]["matchLabels"].items() == selector.items()
    )
    assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == ports


def test_two_pods_or_more_have_a_budget() -> None:
    def budgets(**values: Any) -> dict[str, int]:
        found = rendered(values)
        return {m["metadata"]["name"]: m["spec"]["maxUnavailable"] for m in found if m["kind"] == "PodDisruptionBudget"}

    assert budgets() == {}
    assert budgets(replicas=2, cloudApi={"standalone": True}) == {"op-operator": 1}
    assert budgets(cloudApi={"standalone": True, "replicas": 3}) == {"op-cloud-api": 1}


def test_a_rollout_never_leaves_fewer_pods_and_lets_requests_drain() -> None:
    found = api(standalone=True)
    for name in ("op-operator", "op-cloud-api"):
        assert of(found, "Deployment", name)["spec"]["strategy"]["rollingUpdate"] == {
            "maxUnavailable": 0,
            "maxSurge": 1,
        }
    assert container(found, "op-cloud-api", "cloud-api")["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}


def test_a_certificate_is_served_probed_and_told() -> None:
    found = api(tls={"existingSecret": "cert"}, standalone=True)
    served = container(found, "op-cloud-api", "cloud-api")
    assert {"--tls-cert=/etc/magecluster/tls/tls.crt", "--tls-key=/etc/magecluster/tls/tls.key"} <= {*served["args"]}
    assert {served[f"{probe}Probe"]["httpGet"]["scheme"] for probe in ("liveness", "readiness")} == {"HTTPS"}
    (port,) = of(found, "Service", "op-cloud-api")["spec"]["ports"]
    assert (port["port"], port["appProtocol"]) == (443, "https")
    volume = {"name": "tls", "secret": {"secretName": "cert"}}
    assert of(found, "Deployment", "op-cloud-api")["spec"]["template"]["spec"]["volumes"] == [volume]
    assert (
        "--url=https://op-cloud-api.chart-space.svc:443" in of(found, "Pod", "op-test")["spec"]["containers"][0]["args"]
    )


def test_secrets_reach_the_cloud_api_as_files_and_never_as_arguments() -> None:
    found = api(
        apiKeys={"existingSecret": "keys", "key": "login"},
        oidc={"issuer": "https://id.example.com", "clientId": "mage", "existingSecret": "oidc", "scopes": ["openid"]},
    )
    served = container(found, "op-operator", "cloud-api")
    assert {
        "--api-key-file=/etc/magecluster/api-keys/login",
        "--oidc-issuer=https://id.example.com",
        "--oidc-client-id=mage",
        "--oidc-client-secret-file=/etc/magecluster/oidc/client-secret",
        "--oidc-scope=openid",
    } <= {*served["args"]}
    mounted = {mount["name"]: mount["mountPath"] for mount in served["volumeMounts"]}
    assert mounted == {"api-keys": "/etc/magecluster/api-keys", "oidc": "/etc/magecluster/oidc"}
    assert "volumeMounts" not in container(found, "op-operator", "operator")


def test_the_public_address_is_that_of_the_ingress_unless_it_is_named() -> None:
    ingress = {"enabled": True, "host": "mage.example.com"}
    assert "--public-url=http://mage.example.com" in args(ingress=ingress)
    assert "--public-url=https://mage.example.com" in args(ingress={**ingress, "tlsSecretName": "tls"})
    assert "--public-url=https://a.example.com" in args(ingress=ingress, publicUrl="https://a.example.com")
    assert not [arg for arg in args() if arg.startswith("--public-url")]
    assert "--no-api-key" in args(apiKeys={"required": False})


def test_only_the_interface_is_outside() -> None:
    found = api(ingress={"enabled": True, "host": "mage.example.com"})
    (rule,) = of(found, "Ingress", "op-cloud-api")["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/api/v1"]


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "set cloudApi.ingress.host": {"ingress": {"enabled": True}},
    "cloudApi.ingress.enabled": {"ingress": {"host": "mage.example.com"}},
    "set cloudApi.oidc.clientId": {"oidc": {"issuer": "https://id.example.com"}},
    "cloudApi.oidc.clientId and": {"oidc": {"clientId": "mage"}},
    "cloudApi.oidc.existingSecret count": {"oidc": {"existingSecret": "oidc"}},
    "cloudApi.tls.caKey": {"tls": {"caKey": "ca.crt"}},
    "cloudApi.tls.serverName": {"tls": {"serverName": "mage.example.com"}},
    "cloudApi.workspaces: always": {"workspaces": "always", "enabled": False},
    "cloudApi.apiKeys.required": {"apiKeys": {"existingSecret": "keys", "required": False}},
    "cloudApi.replicas": {"replicas": 2},
    "cloudApi.nodeSelector": {"nodeSelector": {"a": "b"}},
    "cloudApi.podLabels": {"podLabels": {"a": "b"}},
}


@pytest.mark.parametrize(("named", "values"), CONTRADICTIONS.items(), ids=CONTRADICTIONS)
def test_values_that_do_not_fit_together_are_refused_with_the_remedy(named: str, values: dict[str, Any]) -> None:
    with pytest.raises(shell.Failed, match=named):
        api(**values)


@pytest.mark.parametrize("release", ["a.b", "123"])
def test_a_release_after_which_no_service_can_be_called_is_refused(release: str) -> None:
    with pytest.raises(shell.Failed, match="begins with a letter"):
        shell.run(binaries.ensure() / "helm", "template", release, CHART)


def test_labels_of_the_chart_cannot_be_taken_over() -> None:
    with pytest.raises(shell.Failed, match="/podLabels"):
        rendered({"podLabels": {"app.kubernetes.io/name": "other"}})
    found = rendered({"extraLabels": {"team": "data"}, "crds": {"enabled": False}})
    assert {m["metadata"]["labels"]["team"] for m in found} == {"data"}
