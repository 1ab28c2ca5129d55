"""How a cluster is reached, by the names of Mage's Helm values."""

from typing import Annotated, Literal

from pydantic import Field

from magecluster.api.annotations import refused_keys
from magecluster.api.model import ApiModel, DnsName, HostName, cel, ruled, rules
from magecluster.api.pod import StringMap

MAGE_PORT = 6789
"""The port that Mage listens on and the one of its Service, unless `service.port` says otherwise."""


class Service(ApiModel):
    """The stable address inside Kubernetes."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """ClusterIP keeps Mage inside; the others publish it: mind who can reach the login page."""
    port: Annotated[int, Field(ge=1, le=65535)] = MAGE_PORT
    """Port of the Service."""
    annotations: StringMap = {}
    """For example for a cloud's load balancer."""


class IngressPath(ApiModel):
    """A path under which Mage answers."""

    path: Annotated[str, Field(pattern=r"^/", max_length=255)] = "/"
    """Begins with a slash. Another path than `/` also needs MAGE_BASE_PATH in extraEnvs."""
    path_type: Literal["Prefix", "Exact", "ImplementationSpecific"] = "Prefix"
    """How the path is matched."""


class IngressHost(ApiModel):
    """A host name under which Mage answers."""

    host: HostName
    """Host name, without port."""
    paths: Annotated[
        list[IngressPath], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = [IngressPath()]
    """Paths that lead to Mage."""


class IngressTls(ApiModel):
    """A certificate for some of the hosts."""

    hosts: Annotated[list[HostName], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"})] = []
    """Hosts that the certificate covers."""
    secret_name: DnsName
    """Secret of type kubernetes.io/tls."""


IngressAnnotations = Annotated[
    StringMap,
    ruled(
        cel(
            refused_keys("ingress.annotations"),
            "snippet annotations run configuration in the ingress controller and are refused",
        )
    ),
]


class Ingress(ApiModel):
    """The address from outside."""

    model_config = rules(
        cel(
            "!self.enabled || self.hosts.size() > 0",
            "an enabled ingress needs at least one host in ingress.hosts",
        ),
    )

    enabled: bool = False
    """Create an Ingress."""
    class_name: DnsName | None = None
    """Ingress class; the default class when absent."""
    annotations: IngressAnnotations = {}
    """For the ingress controller or cert-manager."""
    hosts: Annotated[
        list[IngressHost], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = []
    """Host names and paths."""
    tls: Annotated[list[IngressTls], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"})] = []
    """Certificates."""
