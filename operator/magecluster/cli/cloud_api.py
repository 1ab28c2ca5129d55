"""`magecluster cloud-api`: runs the Cloud API, beside the operator or apart from it."""

import argparse
import ipaddress
import os
from pathlib import Path

from magecluster.cli import api_keys, logs
from magecluster.cli.failure import CommandError
from magecluster.cloud.settings import Oidc, Settings, Tls

_DEFAULT = Settings()


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "cloud-api", help="run the Cloud API", description="Serves the Cloud API until it is stopped."
    )
    _add_kubernetes(parser)
    _add_server(parser)
    _add_limits(parser)
    _add_oidc(parser)
    logs.add_to(parser)
    parser.set_defaults(run=_run)


def _add_kubernetes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        metavar="NAME",
        help="serve clusters of this namespace; may be repeated",
    )
    parser.add_argument(
        "--own-namespace",
        default=os.environ.get("POD_NAMESPACE", _DEFAULT.namespace),
        metavar="NAME",
        help="where accounts, teams and the server's key are; default: POD_NAMESPACE",
    )
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="default: KUBECONFIG, ~/.kube/config, or the pod's account"
    )
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    parser.add_argument(
        "--gitops-manager",
        action="append",
        default=[],
        metavar="NAME",
        help="whose fields are not taken over without force; may be repeated; default: those of Argo CD and Flux",
    )


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", default=_DEFAULT.listen, metavar="ADDRESS", help="address to serve on")
    parser.add_argument("--port", type=int, default=_DEFAULT.port, help="port of the same; 0 takes a free one")
    parser.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="certificate chain, PEM; read again when it changes"
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, PEM")
    parser.add_argument(
        "--public-url", metavar="URL", help="how people reach this server; default: as they asked for it"
    )
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        type=_network,
        default=[],
        metavar="CIDR",
        help="addresses whose X-Forwarded-For and X-Forwarded-Proto count; may be repeated",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--api-key",
        action="append",
        default=[],
        metavar="KEY",
        help="accepted X-API-KEY; may be repeated; default: the published one",
    )
    api_keys.add_file_to(parser, "read once, at the start")
    parser.add_argument("--no-api-key", action="store_true", help="ask for no X-API-KEY at login")
    parser.add_argument(
        "--bootstrap-admin",
        default=_DEFAULT.bootstrap_admin,
        metavar="EMAIL",
        help="the first account; empty makes none",
    )
    parser.add_argument(
        "--session-hours", type=float, default=_DEFAULT.session_seconds / 3600, metavar="N", help="life of a session"
    )
    parser.add_argument(
        "--idle-hours",
        type=float,
        default=_DEFAULT.idle_seconds / 3600,
        metavar="N",
        help="life of one that is not used",
    )
    parser.add_argument(
        "--requests-per-second",
        type=float,
        default=_DEFAULT.requests_per_second,
        metavar="N",
        help="of one token; 0 does not limit",
    )
    parser.add_argument(
        "--burst", type=int, default=_DEFAULT.burst, metavar="N", help="requests at once on top of that"
    )
    parser.add_argument(
        "--stale-seconds",
        type=float,
        default=_DEFAULT.stale_seconds,
        metavar="N",
        help="age of the cache from which on nothing is served",
    )
    parser.add_argument(
        "--body-seconds",
        type=float,
        default=_DEFAULT.body_seconds,
        metavar="N",
        help="time in which a request has to arrive",
    )


def _add_oidc(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--oidc-issuer", metavar="URL", help="log people in by this OpenID Connect provider")
    parser.add_argument("--oidc-client-id", metavar="ID")
    parser.add_argument("--oidc-client-secret-file", type=Path, metavar="FILE", help="default: a public client")
    parser.add_argument("--oidc-claim", default="groups", metavar="NAME", help="claim with the groups that teams name")
    parser.add_argument(
        "--oidc-scope", action="append", default=[], metavar="NAME", help="default: openid, email, profile"
    )


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no network like 10.0.0.0/8") from error


def settings_of(chosen: argparse.Namespace) -> Settings:
    """Raises `CommandError` for options that do not fit together."""
    return Settings(
        kubeconfig=chosen.kubeconfig,
        context=chosen.context,
        namespace=chosen.own_namespace,
        namespaces=tuple(chosen.namespace),
        listen=chosen.listen,
        port=chosen.port,
        tls=_tls(chosen),
        public_url=chosen.public_url,
        trusted_proxies=tuple(chosen.trusted_proxy),
        api_keys=_api_keys(chosen),
        gitops_managers=tuple(chosen.gitops_manager) or _DEFAULT.gitops_managers,
        bootstrap_admin=chosen.bootstrap_admin or None,
        oidc=_oidc(chosen),
        session_seconds=chosen.session_hours * 3600,
        idle_seconds=chosen.idle_hours * 3600,
        requests_per_second=chosen.requests_per_second,
        burst=chosen.burst,
        stale_seconds=chosen.stale_seconds,
        body_seconds=chosen.body_seconds,
    )


def _api_keys(chosen: argparse.Namespace) -> frozenset[str]:
    if chosen.no_api_key:
        return frozenset()
    kept = api_keys.read(chosen.api_key_file) if chosen.api_key_file else ()
    return frozenset([*chosen.api_key, *kept]) or _DEFAULT.api_keys


def _tls(chosen: argparse.Namespace) -> Tls | None:
    if not chosen.tls_cert and not chosen.tls_key:
        return None
    if not chosen.tls_cert or not chosen.tls_key:
        raise CommandError("--tls-cert and --tls-key belong together: give both")
    return Tls(certificate=chosen.tls_cert, key=chosen.tls_key)


def _oidc(chosen: argparse.Namespace) -> Oidc | None:
    if not chosen.oidc_issuer:
        return None
    if not chosen.oidc_client_id:
        raise CommandError("--oidc-issuer needs --oidc-client-id")
    file = chosen.oidc_client_secret_file
    try:
        secret = file.read_text().strip() if file else None
    except OSError as error:
        raise CommandError(f"--oidc-client-secret-file: cannot read {file} ({error.strerror})") from error
    return Oidc(
        issuer=chosen.oidc_issuer.rstrip("/"),
        client_id=chosen.oidc_client_id,
        client_secret=secret,
        claim=chosen.oidc_claim,
        **({"scopes": tuple(chosen.oidc_scope)} if chosen.oidc_scope else {}),
    )


def _run(chosen: argparse.Namespace) -> int:
    import uvloop

    from magecluster.cloud.main import run
    from magecluster.cloud.store.keys import InvalidKeyError
    from magecluster.cloud.web.server import CannotListenError
    from magecluster.kube.connection import NoClusterError

    settings = settings_of(chosen)
    logs.configure(chosen)
    try:
        uvloop.run(run(settings))
    except (NoClusterError, CannotListenError, InvalidKeyError) as error:
        raise CommandError(str(error)) from error
    return 0
