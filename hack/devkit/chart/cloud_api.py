"""Values of the Cloud API."""

from typing import Annotated, Literal

from pydantic import Field

from devkit.chart.pods import Pod
from devkit.chart.types import Arguments, KeyOrNone, NameOrNone, Replicas, Url
from magecluster.api.model import ApiModel, DataKey, DnsName
from magecluster.api.network import IngressPath
from magecluster.api.pod import StringMap
from magecluster.cloud.access.email import MOST_CHARACTERS, PATTERN
from magecluster.cloud.login.bootstrap import NAME
from magecluster.cloud.settings import Settings

_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = rf"{_BYTE}(\.{_BYTE}){{3}}(/(3[0-2]|[12]?[0-9]))?"
_V6 = "[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){2,7}(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"
Network = Annotated[str, Field(pattern=f"^({_V4}|{_V6})$")]
Email = Annotated[str, Field(pattern=f"^$|^{PATTERN}$", max_length=MOST_CHARACTERS)]


class Service(ApiModel):
    """Its address inside Kubernetes."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """ClusterIP keeps it inside; the others publish it, so give it a certificate."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of the Service; 0 takes 80, or 443 with a certificate."""
    annotations: StringMap = {}
    """For example for a cloud's load balancer."""


class Ingress(ApiModel):
    """Its address from outside."""

    enabled: bool = False
    """Create an Ingress. It also needs `trustedProxies`, so that limits and audit see the clients' addresses."""
    class_name: NameOrNone = ""
    """Ingress class; the default class when empty."""
    annotations: StringMap = {}
    """For the ingress controller or cert-manager."""
    host: NameOrNone = ""
    """Host name, without port."""
    paths: Annotated[list[IngressPath], Field(min_length=1)] = [IngressPath(path="/api/v1")]
    """Paths that lead to the Cloud API: `path` and `pathType`. Metrics and health are not below `/api/v1`."""
    tls_secret_name: NameOrNone = ""
    """Secret of type kubernetes.io/tls with the certificate for the host."""


class Tls(ApiModel):
    """A certificate that the Cloud API itself serves."""

    existing_secret: NameOrNone = ""
    """Secret of type kubernetes.io/tls; without one it speaks plain HTTP. A renewed certificate is taken up at once."""
    ca_key: KeyOrNone = ""
    """Key of the same Secret with the CA by which `helm test` and Prometheus check it; theirs when empty."""
    server_name: NameOrNone = ""
    """Name in the certificate that they expect; default: that of the Service, `NAME.NAMESPACE.svc`."""


class ApiKeys(ApiModel):
    """X-API-KEY of logins."""

    required: bool = True
    """Ask for one. It is the one of Mage's published scripts unless a Secret has others."""
    existing_secret: NameOrNone = ""
    """Secret with the keys that are accepted. Restart the Cloud API when they change."""
    key: DataKey = "api-keys"
    """Key of that Secret; its value has one API key a line."""


class Oidc(ApiModel):
    """Login by OpenID Connect."""

    issuer: Url = ""
    """URL of the provider; no such login when empty."""
    client_id: str = ""
    """The client that is registered there, with the redirect URI `PUBLIC_URL/api/v1/oidc/callback`."""
    existing_secret: NameOrNone = ""
    """Secret with the client's secret; a public client when empty."""
    key: DataKey = "client-secret"
    """Key of that Secret."""
    claim: Annotated[str, Field(min_length=1)] = "groups"
    """Claim with the groups that teams name."""
    scopes: Arguments = []
    """Scopes to ask for; default: openid, email, profile."""


class Test(ApiModel):
    """`helm test`."""

    existing_secret: DnsName = NAME
    """Secret with `email` and `password` of the account that it uses; by default that of the first account."""


class _First(ApiModel):
    """What stands above the values of its pod: fields of a later base come first."""

    enabled: bool = True
    """Run the Cloud API."""
    standalone: bool = False
    """Run it as a Deployment and with a service account of its own, not as a container beside the operator. Then
    neither has the rights of the other."""


class CloudApi(Pod, _First):
    """The Cloud API."""

    replicas: Replicas = 1
    """Pods, with `standalone`. Two or more get a PodDisruptionBudget."""
    extra_args: Arguments = []
    """Further arguments of `magecluster cloud-api`, for example `["--session-hours=8"]`."""
    workspaces: Literal["auto", "always", "never"] = "auto"
    """Let owners make workspaces at their Mage; that needs a ClusterRole to review the tokens of pods. `auto`: unless
    `watchNamespaces` is set."""
    bootstrap_admin: Email = Settings().bootstrap_admin or ""
    """E-mail of the first account, whose password is in Secret `magecluster-admin`; none is made when empty."""
    public_url: Url = ""
    """How people reach it, for links and redirects; default: the host of `ingress`, else as it was asked for."""
    trusted_proxies: list[Network] = []
    """Networks whose `X-Forwarded-For` and `X-Forwarded-Proto` count, for example `["10.0.0.0/8"]`."""
    api_keys: ApiKeys = ApiKeys()
    """X-API-KEY of logins."""
    oidc: Oidc = Oidc()
    """Login by OpenID Connect."""
    tls: Tls = Tls()
    """A certificate that the Cloud API itself serves."""
    service: Service = Service()
    """Its address inside Kubernetes."""
    ingress: Ingress = Ingress()
    """Its address from outside."""
    test: Test = Test()
    """`helm test`."""
