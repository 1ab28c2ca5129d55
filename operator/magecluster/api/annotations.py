"""Annotations and labels by which other software gives a pod or an address power over others: one table.

The operator makes pods and Ingresses by its own rights, so whoever may write a MageCluster could use them. What is
dangerous in anybody's hands is a rule of the CRD. The rest is refused by the Cloud API: its tenants may not decide
that, and an administrator may, by `kubectl`.
"""

import re
from typing import NamedTuple

POD = ("podAnnotations", "podLabels")
INGRESS = ("ingress.annotations",)
ADDRESS = ("ingress.annotations", "service.annotations")

_RUNTIME = "gives orders to the container runtime of the node"
_NODE = "gives power over the node or over other pods: only administrators of Kubernetes decide that"
_IDENTITY = "gives the rights of another account: Mage gets one of its own with kubernetesExecutor.enabled"
_NETWORK = "joins networks or takes addresses of others: only administrators of Kubernetes decide that"
_SIDECAR = "changes what other software adds to the pod: containers, volumes, secrets of others"
_CONTROLLER = (
    "runs configuration in the ingress controller, which has the secrets of all: use annotations for each purpose"
)
_OTHERS = "reaches into other namespaces: only administrators of Kubernetes decide that"


class Refused(NamedTuple):
    """What is refused in some fields, and why."""

    fields: tuple[str, ...]
    pattern: str
    """Found anywhere in a key; a regular expression that Python and RE2 (CEL) read alike, without backslashes."""
    reason: str
    from_everybody: bool = False
    """By the CRD, so from `kubectl`, too."""


REFUSED = (
    Refused(
        POD,
        r"^(io[.]kubernetes[.]cri|io[.]containerd|io[.]katacontainers|run[.]oci)[-./]",
        _RUNTIME,
        from_everybody=True,
    ),
    Refused(POD, r"^org[.]systemd[.]property|(^|[.])(crio|nri|cdi[.]k8s)[.]io(/|$)", _RUNTIME, from_everybody=True),
    Refused(POD, r"^container[.]apparmor[.]security[.]beta[.]kubernetes[.]io/", _NODE),
    Refused(POD, r"(^|[.])seccomp[.]security[.]alpha[.]kubernetes[.]io/", _NODE),
    Refused(POD, r"^(iam[.]amazonaws[.]com|iam[.]cloud[.]google[.]com|azure[.]workload[.]identity)/", _IDENTITY),
    Refused(POD, r"^aadpodidbinding$", _IDENTITY),
    Refused(POD, r"(^|[.])(cni[.]cncf[.]io|multus-cni[.]io|projectcalico[.]org|cilium[.]io)/", _NETWORK),
    Refused(POD, r"^(k8s[.]ovn[.]org|ovn[.]kubernetes[.]io|networking[.]gke[.]io)/|^io[.]cilium", _NETWORK),
    Refused(POD, r"(^|[.])(istio|linkerd|dapr|opentelemetry)[.]io/", _SIDECAR),
    Refused(POD, r"(^|[.])(hashicorp|datadoghq)[.]com/", _SIDECAR),
    Refused(INGRESS, r"snippet", _CONTROLLER, from_everybody=True),
    Refused(
        INGRESS, r"^(haproxy-ingress[.]github|ingress[.]kubernetes)[.]io/config-", _CONTROLLER, from_everybody=True
    ),
    Refused(ADDRESS, r"^getambassador[.]io/|^zalando[.]org/skipper-", _CONTROLLER),
    Refused(ADDRESS, r"^traefik[.].*(middlewares|tls[.]options|serverstransport)", _OTHERS),
    Refused(ADDRESS, r"namespace$|configmap$|/auth-proxy-set-headers$", _OTHERS),
    Refused(ADDRESS, r"^nginx[.]org/policies$|^haproxy[.]org/cr-", _OTHERS),
)

_SECRET = re.compile(r"secret|/(client-ca|server-ca|server-crt|client-cert|jwt-key|auth-idp-oidc)$", re.IGNORECASE)


def refusal(field: str, key: str) -> str | None:
    """Why a tenant may not set this key, if so."""
    return next((row.reason for row in REFUSED if field in row.fields and re.search(row.pattern, key)), None)


def names_secret(key: str) -> bool:
    """Whether the value of an annotation of an Ingress or a Service is the name of a Secret."""
    return bool(_SECRET.search(key)) and not key.endswith("-type")


def refused_keys(field: str) -> str:
    """What the CRD refuses in a field: CEL, of the map `self`."""
    patterns = "|".join(row.pattern for row in REFUSED if row.from_everybody and field in row.fields)
    return f"!self.exists(k, k.matches('{patterns}'))"
