"""What the Cloud API was asked to do."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

PUBLISHED_KEY = "oMqz2m320NfVERFonfytPFVETfPTHyN5N7db9dLK"
"""The X-API-KEY that stands in Mage's public document and so in every published client. It protects nothing."""

GITOPS = ("argocd-controller", "argocd-application-controller", "kustomize-controller", "helm-controller")
"""Field managers of Argo CD and Flux, as they stand in metadata.managedFields."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """PEM files, as a Secret of type kubernetes.io/tls is mounted; read again when they change."""

    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Oidc:
    """An OpenID Connect provider."""

    issuer: str
    """URL below which /.well-known/openid-configuration answers."""
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    claim: str = "groups"
    """Claim with the names that `groups` of a MageTeam speak of: a text or a list of texts."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One value for the whole process, made by the command line."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str = "default"
    """Our own: accounts, teams, invitations, the server's key."""
    namespaces: tuple[str, ...] = ()
    """Namespaces whose clusters are served; all of them when empty."""
    listen: str = "127.0.0.1"
    port: int = 8090
    """0 takes a free one."""
    tls: Tls | None = None
    public_url: str | None = None
    """How people reach this server, for links and redirects; made from the request when absent."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Who may say by X-Forwarded-For and X-Forwarded-Proto for whom it speaks."""
    api_keys: frozenset[str] = frozenset({PUBLISHED_KEY})
    """Accepted X-API-KEY at login; none is asked for when empty."""
    gitops_managers: tuple[str, ...] = GITOPS
    """Field managers whose fields are not taken over without force."""
    bootstrap_admin: str | None = "admin@mage.local"
    """E-mail of the first account, made when there is none."""
    oidc: Oidc | None = None
    session_seconds: float = 24 * 3600.0
    """A session ends so long after the login, whatever happens."""
    idle_seconds: float = 8 * 3600.0
    """And so long after it was used last."""
    requests_per_second: float = 50.0
    """Of one session or token, on the average; 0 does not limit."""
    burst: int = 100
    """Requests at once on top of that."""
    stale_seconds: float = 60.0
    """A cache that is older is not served from."""
    body_seconds: float = 15.0
    """How long a request may take to arrive."""
    grace_seconds: float = 10.0
    """How long requests under way may take when the server ends."""
