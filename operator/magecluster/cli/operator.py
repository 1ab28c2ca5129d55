"""`magecluster operator`: runs the operator, inside a cluster or outside."""

import argparse
import asyncio
import os
from pathlib import Path

from magecluster.cli import logs
from magecluster.cli.failure import CommandError
from magecluster.cli.options import origin
from magecluster.controller.settings import Settings

_DEFAULT = Settings()


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "operator", help="run the operator", description="Reconciles MageClusters until it is stopped."
    )
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--namespace", action="append", default=[], metavar="NAME", help="watch this namespace; may be repeated"
    )
    scope.add_argument("--all-namespaces", action="store_true", help="watch every namespace (the default)")
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="default: KUBECONFIG, ~/.kube/config, or the pod's account"
    )
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    parser.add_argument(
        "--lease-namespace", default=os.environ.get("POD_NAMESPACE", _DEFAULT.lease_namespace), metavar="NAME"
    )
    parser.add_argument("--lease-name", default=_DEFAULT.lease_name, metavar="NAME")
    parser.add_argument(
        "--listen", default=_DEFAULT.listen, metavar="ADDRESS", help="address of /healthz, /readyz, /metrics"
    )
    parser.add_argument("--port", type=int, default=_DEFAULT.port, help="port of the same; 0 takes a free one")
    parser.add_argument(
        "--resync-seconds",
        type=float,
        default=_DEFAULT.resync_seconds,
        metavar="N",
        help="how often referenced Secrets and ConfigMaps are read again",
    )
    parser.add_argument(
        "--relist-seconds",
        type=float,
        default=_DEFAULT.relist_seconds,
        metavar="N",
        help="how often everything watched is compared with a fresh list",
    )
    parser.add_argument(
        "--workers", type=int, default=_DEFAULT.workers, metavar="N", help="clusters reconciled at the same time"
    )
    parser.add_argument(
        "--gateway-image",
        default=os.environ.get("MAGECLUSTER_IMAGE") or None,
        metavar="IMAGE",
        help="image of gateways whose spec names none, this operator's own; default: MAGECLUSTER_IMAGE",
    )
    parser.add_argument(
        "--cloud-api",
        type=origin,
        default=os.environ.get("MAGECLUSTER_CLOUD_API") or None,
        metavar="URL",
        help="where gateways reach the Cloud API, which makes workspaces; default: MAGECLUSTER_CLOUD_API",
    )
    logs.add_to(parser)
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from magecluster.controller.main import run
    from magecluster.controller.server import CannotListenError
    from magecluster.kube.connection import NoClusterError

    logs.configure(chosen)
    settings = Settings(
        namespaces=tuple(chosen.namespace),
        kubeconfig=chosen.kubeconfig,
        context=chosen.context,
        lease_namespace=chosen.lease_namespace,
        lease_name=chosen.lease_name,
        listen=chosen.listen,
        port=chosen.port,
        resync_seconds=chosen.resync_seconds,
        relist_seconds=chosen.relist_seconds,
        workers=chosen.workers,
        gateway_image=chosen.gateway_image,
        cloud_api=chosen.cloud_api,
    )
    try:
        asyncio.run(run(settings))
    except (NoClusterError, CannotListenError) as error:
        raise CommandError(str(error)) from error
    return 0
