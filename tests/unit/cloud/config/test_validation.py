import re
from typing import Any

import pytest
from tests.support.cloud import config_of, env, from_secret, put, stored

from magecluster.api.annotations import REFUSED as REFUSED_ANNOTATIONS
from magecluster.api.annotations import Refused
from magecluster.api.environment import RESERVED
from magecluster.api.model import Manifest
from magecluster.cloud.config.validation import REFUSED
from magecluster.cloud.errors import InvalidConfigError

HOSTILE = "s3cr3t-and-must-not-be-quoted"


def problems(config: Manifest, live: Manifest | None = None, **more: Any) -> dict[str, str]:
    with pytest.raises(InvalidConfigError) as refusal:
        put(live or stored(), config, **more)
    assert (refusal.value.status, refusal.value.type) == (422, "invalid_config")
    assert all(f"{name}: {problem}" in refusal.value.message for name, problem in refusal.value.fields.items())
    return refusal.value.fields


UNKNOWN = [
    ({"replicaCout": 1}, "replicaCout", "replicaCount"),
    ({"replica_count": 1}, "replica_count", "replicaCount"),
    ({"extraEnv": []}, "extraEnv", "extraEnvs"),
    ({"env": []}, "env", "extraEnvs"),
    ({"persistence": {}}, "persistence", "storage"),
    ({"postgresql": {}}, "postgresql", "database"),
    ({"image": {"pullpolicy": "Always"}}, "image.pullpolicy", "pullPolicy"),
    ({"image": {"pull_policy": "Always"}}, "image.pull_policy", "pullPolicy"),
    ({"resources": {"limit": {}}}, "resources.limit", "limits"),
    ({"tolerations": [{"key": "a"}, {"kee": "b"}]}, "tolerations[1].kee", "key"),
    ({"ingress": {"hosts": [{"host": "a.b", "paths": [{"pathtype": "Exact"}]}]}}, None, "pathType"),
    ({"extraEnvs": [{"name": "A", "valeu": "x"}]}, "extraEnvs[A].valeu", "value"),
    ({"extraEnvs": [{"nam": "A", "value": "x"}]}, "extraEnvs[0].nam", "name"),
    ({"extraEnvs": [{"name": "A", "valueFrom": {"secretkeyref": {}}}]}, "extraEnvs[A].valueFrom.secretkeyref", None),
    ({"affinity": {"nodeAfinity": {}}}, "affinity.nodeAfinity", "nodeAffinity"),
    ({"database": {"secretKeyRef": {"name": "x", "kez": "y"}}}, "database.secretKeyRef.kez", "key"),
    ({"zzz": HOSTILE}, "zzz", None),
]


@pytest.mark.parametrize(("config", "name", "near"), UNKNOWN)
def test_unknown_keys_with_the_nearest_known_name(config: Manifest, name: str | None, near: str | None) -> None:
    found = problems(config)
    name = name or "ingress.hosts[0].paths[0].pathtype"
    if near:
        assert found[name] == f"is not known; did you mean {near}?"
    else:
        assert found[name].startswith("is not known")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    config = {
        "replicaCout": 1,
        "replicaCount": "two",
        "image": {"tagg": "x", "tag": 5, "pullPolicy": HOSTILE},
        "hostNetwork": True,
        "resources": {"limits": {"cpu": [HOSTILE]}},
        "extraEnvs": [env("A", "x"), {"name": "B", "value": 1}, {"value": HOSTILE}, HOSTILE],
        "nodeSelector": {"pool": 1},
        "tolerations": {"key": "a"},
    }
    found = problems(config)
    assert list(found) == [
        "replicaCout",
        "image.tagg",
        "hostNetwork",
        "extraEnvs[B].value",
        "extraEnvs[2].name",
        "extraEnvs[3]",
        "replicaCount",
        "image.tag",
        "image.pullPolicy",
        "resources.limits.cpu",
        "nodeSelector.pool",
        "tolerations",
    ]
    assert HOSTILE not in str(found)


WRONG = [
    ({"replicaCount": "1"}, "replicaCount", "valid integer"),
    ({"replicaCount": 1.5}, "replicaCount", "valid integer"),
    ({"replicaCount": 11}, "replicaCount", "less than or equal to 10"),
    ({"replicaCount": {}}, "replicaCount", "valid integer"),
    ({"image": "mage:1"}, "image", "valid dictionary"),
    ({"image": {"tag": "a b"}}, "image.tag", "match pattern"),
    ({"extraEnvs": {}}, "extraEnvs", "valid list"),
    ({"extraEnvs": {"A": "x"}}, "extraEnvs", "valid list"),
    ({"extraEnvs": [{"name": "A B", "value": "x"}]}, "extraEnvs[A B].name", "match pattern"),
    ({"extraEnvs": [env("A", "x", secret="yes")]}, "extraEnvs[A].secret", "valid boolean"),
    ({"tolerations": {}}, "tolerations", "valid list"),
    ({"database": {}}, "database.secretKeyRef", "required"),
    ({"database": {"secretKeyRef": {}}}, "database.secretKeyRef.name", "required"),
    ({"service": {"port": 0}}, "service.port", "greater than or equal to 1"),
    ({"affinity": []}, "affinity", "valid dictionary"),
]


@pytest.mark.parametrize(("config", "name", "text"), WRONG)
def test_wrong_types_and_values_with_their_path(config: Manifest, name: str, text: str) -> None:
    found = problems(config)
    assert list(found) == [name]
    assert text in found[name]


@pytest.mark.parametrize("value", ["x", {}, [], None, [{"hostPath": {"path": "/"}}]])
@pytest.mark.parametrize("key", REFUSED)
def test_keys_that_give_power_are_refused_with_the_reason(key: str, value: object) -> None:
    assert REFUSED[key] in problems({key: value})[key]


@pytest.mark.parametrize("where", ["image", "service", "storage", "kubernetesExecutor", "gateway"])
def test_they_are_refused_at_every_depth(where: str) -> None:
    found = problems({where: {"securityContext": {"privileged": True}}})
    assert list(found) == [f"{where}.securityContext"]
    assert "power over the node" in found[f"{where}.securityContext"]


@pytest.mark.parametrize("name", RESERVED)
def test_variables_of_the_operator_are_refused(name: str) -> None:
    for secret in (None, True):
        found = problems({"extraEnvs": [env(name, "x", secret=secret)]})
        assert found == {f"extraEnvs[{name}]": "is set by the operator: remove it"}


def test_one_that_was_stored_before_it_was_reserved_does_not_lock_the_cluster() -> None:
    live = stored(extraEnvs=[env("KUBE_NAMESPACE", "x")])
    assert put(live, {**config_of(live), "replicaCount": 2}).changed == ["replicaCount"]


def test_a_variable_stands_in_the_list_once() -> None:
    found = problems({"extraEnvs": [env("A", "1"), env("B", "1"), env("A", "1")]})
    assert found == {"extraEnvs[A]": "stands in the list more than once: send each variable once"}


TLS = {"ingress": {"tls": [{"secretName": "theirs"}]}}
TAKEN = [
    ({"extraEnvs": [from_secret("A", "theirs")]}, "extraEnvs[A]"),
    ({"extraEnvs": [from_secret("A", "lab-env")]}, "extraEnvs[A]"),
    ({"extraEnvs": [from_secret("A", "lab-auth", "owner-password")]}, "extraEnvs[A]"),
    ({"database": {"secretKeyRef": {"name": "theirs"}}}, "database.secretKeyRef"),
    ({"auth": {"existingSecret": "theirs"}}, "auth.existingSecret"),
    ({"git": {"repository": "https://a.example/b.git", "credentialsSecret": "theirs"}}, "git.credentialsSecret"),
    ({"imagePullSecrets": [{"name": "theirs"}]}, "imagePullSecrets[0]"),
    (TLS, "ingress.tls[0]"),
]


@pytest.mark.parametrize(("config", "name"), TAKEN)
def test_secrets_of_others_are_refused(config: Manifest, name: str) -> None:
    found = problems(config)
    assert list(found) == [name]
    assert "ask an administrator" in found[name]
    allowed = ("theirs", "lab-env", "lab-auth")
    assert put(stored(), config, secrets=allowed).patch
    assert put(stored(**config), {**config_of(stored(**config)), "replicaCount": 2}).changed == ["replicaCount"]


def test_volumes_of_others_are_refused_and_one_that_is_there_stays() -> None:
    theirs = {"storage": {"existingClaim": "theirs"}}
    found = problems(theirs)
    assert list(found) == ["storage.existingClaim"]
    assert "an administrator of Kubernetes can set it" in found["storage.existingClaim"]
    live = stored(**theirs)
    assert problems({"storage": {"existingClaim": "others"}}, live).keys() == {"storage.existingClaim"}
    assert put(live, {**config_of(live), "replicaCount": 2}).changed == ["replicaCount"]


def test_another_key_of_a_secret_in_use_is_refused_and_the_same_is_not() -> None:
    live = stored(extraEnvs=[from_secret("A", "vault", "a")])
    kept = from_secret("A", "vault", "a")
    assert problems({"extraEnvs": [kept, from_secret("B", "vault", "b")]}, live).keys() == {"extraEnvs[B]"}
    assert put(live, {"extraEnvs": [kept, from_secret("B", "vault", "a")]}).changed == ["extraEnvs[B]"]


def test_credentials_for_git_are_shown_to_nobody_else() -> None:
    git = {"repository": "https://a.example/b.git", "credentialsSecret": "deploys", "branch": "main"}
    live = stored(git=git)
    assert put(live, {"git": {"branch": "release"}}).changed == ["git.branch"]
    assert problems({"git": {"repository": "https://mine.example/b.git"}}, live).keys() == {"git.credentialsSecret"}
    assert put(live, {"git": {"repository": "https://mine.example/b.git"}}, secrets=("deploys",)).patch


POWERFUL = [
    ("podAnnotations", "container.apparmor.security.beta.kubernetes.io/mage"),
    ("podAnnotations", "seccomp.security.alpha.kubernetes.io/pod"),
    ("podAnnotations", "container.seccomp.security.alpha.kubernetes.io/mage"),
    ("podAnnotations", "iam.amazonaws.com/role"),
    ("podAnnotations", "iam.cloud.google.com/service-account"),
    ("podAnnotations", "k8s.v1.cni.cncf.io/networks"),
    ("podAnnotations", "v1.multus-cni.io/default-network"),
    ("podAnnotations", "cni.projectcalico.org/ipAddrs"),
    ("podAnnotations", "networking.gke.io/interfaces"),
    ("podAnnotations", "io.kubernetes.cri-o.Devices"),
    ("podAnnotations", "io.katacontainers.config.hypervisor.path"),
    ("podAnnotations", "run.oci.handler"),
    ("podAnnotations", "org.systemd.property.DeviceAllow"),
    ("podAnnotations", "cpu-load-balancing.crio.io"),
    ("podAnnotations", "devices.nri.io/container.mage"),
    ("podAnnotations", "cdi.k8s.io/gpu"),
    ("podAnnotations", "sidecar.istio.io/inject"),
    ("podAnnotations", "sidecar.istio.io/userVolume"),
    ("podAnnotations", "inject.istio.io/templates"),
    ("podAnnotations", "config.linkerd.io/proxy-image"),
    ("podAnnotations", "vault.hashicorp.com/agent-inject"),
    ("podAnnotations", "instrumentation.opentelemetry.io/inject-python"),
    ("podLabels", "sidecar.istio.io/inject"),
    ("podLabels", "azure.workload.identity/use"),
    ("podLabels", "aadpodidbinding"),
    ("ingress.annotations", "nginx.ingress.kubernetes.io/configuration-snippet"),
    ("ingress.annotations", "nginx.org/server-snippets"),
    ("ingress.annotations", "nginx.org/location-snippets"),
    ("ingress.annotations", "haproxy.org/backend-config-snippet"),
    ("ingress.annotations", "haproxy-ingress.github.io/config-backend"),
    ("ingress.annotations", "nginx.org/policies"),
    ("ingress.annotations", "nginx.ingress.kubernetes.io/auth-proxy-set-headers"),
    ("ingress.annotations", "nginx.ingress.kubernetes.io/fastcgi-params-configmap"),
    ("ingress.annotations", "traefik.ingress.kubernetes.io/router.middlewares"),
    ("ingress.annotations", "traefik.ingress.kubernetes.io/router.tls.options"),
    ("ingress.annotations", "projectcontour.io/tls-cert-namespace"),
    ("service.annotations", "traefik.ingress.kubernetes.io/service.serverstransport"),
    ("service.annotations", "getambassador.io/config"),
]
"""Field and key, as they are written by people."""


def set_in(field: str, values: dict[str, str]) -> Manifest:
    above, _, last = field.rpartition(".")
    return {above: {last: values}} if above else {last: values}


@pytest.mark.parametrize(("field", "key"), POWERFUL)
def test_annotations_that_give_power_are_refused(field: str, key: str) -> None:
    values = {key: "x", "example.com/team": "data"}
    assert list(problems(set_in(field, values))) == [f"{field}.{key}"]
    live = stored(**set_in(field, values))
    assert put(live, {**config_of(live), "replicaCount": 2}).changed == ["replicaCount"]
    assert list(problems(set_in(field, {key: "y"}), live)) == [f"{field}.{key}"]


HARMLESS = [
    ("podAnnotations", "prometheus.io/scrape"),
    ("podAnnotations", "cluster-autoscaler.kubernetes.io/safe-to-evict"),
    ("podAnnotations", "kubernetes.io/ingress-bandwidth"),
    ("podLabels", "team"),
    ("ingress.annotations", "cert-manager.io/cluster-issuer"),
    ("ingress.annotations", "nginx.ingress.kubernetes.io/proxy-body-size"),
    ("ingress.annotations", "nginx.ingress.kubernetes.io/auth-secret-type"),
    ("ingress.annotations", "traefik.ingress.kubernetes.io/router.entrypoints"),
    ("service.annotations", "service.beta.kubernetes.io/aws-load-balancer-type"),
]


@pytest.mark.parametrize(("field", "key"), HARMLESS)
def test_other_annotations_are_not(field: str, key: str) -> None:
    assert put(stored(), set_in(field, {key: "x"})).changed == [f"{field}.{key}"]


@pytest.mark.parametrize("row", REFUSED_ANNOTATIONS, ids=lambda row: row.pattern)
def test_every_row_of_the_table_is_tried(row: Refused) -> None:
    assert [key for field, key in POWERFUL if field in row.fields and re.search(row.pattern, key)]


SECRET_KEYS = [
    ("ingress.annotations", "nginx.ingress.kubernetes.io/auth-secret"),
    ("ingress.annotations", "nginx.ingress.kubernetes.io/auth-tls-secret"),
    ("ingress.annotations", "nginx.ingress.kubernetes.io/proxy-ssl-secret"),
    ("ingress.annotations", "nginx.org/basic-auth-secret"),
    ("ingress.annotations", "nginx.com/jwt-key"),
    ("ingress.annotations", "haproxy.org/server-ca"),
    ("ingress.annotations", "alb.ingress.kubernetes.io/auth-idp-oidc"),
    ("service.annotations", "konghq.com/client-cert"),
]


@pytest.mark.parametrize(("field", "key"), SECRET_KEYS)
def test_annotations_name_only_secrets_that_the_team_may_use(field: str, key: str) -> None:
    live = stored()
    live["metadata"]["namespace"] = "ours"
    for value in ("theirs", "others/theirs", "ours/theirs", "others/mine", "ours-too/mine", "file:///etc/x"):
        found = problems(set_in(field, {key: value}), live, secrets=("mine",))
        assert list(found) == [f"{field}.{key}"]
        assert "ask an administrator" in found[f"{field}.{key}"]
    for value in ("mine", "ours/mine"):
        assert put(live, set_in(field, {key: value}), secrets=("mine",)).changed == [f"{field}.{key}"]
    kept = {**stored(**set_in(field, {key: "others/theirs"})), "metadata": live["metadata"]}
    assert put(kept, {**config_of(kept), "replicaCount": 2}).changed == ["replicaCount"]
