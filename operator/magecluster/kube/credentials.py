"""Host, credentials and TLS, as `kubernetes.aio` reads them."""

import ssl
from pathlib import Path

from kubernetes.aio import config as kubeconfig
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject


async def read(path: Path | None, context: str | None) -> Configuration:
    """From a kubeconfig, or of the pod where nothing is named. Raises `ConfigException`, `OSError`."""
    fresh = Configuration()
    if path is None and context is None and _in_pod():
        kubeconfig.load_incluster_config(client_configuration=fresh)
    else:
        await kubeconfig.load_kube_config(
            config_file=str(path) if path else None,
            context=context,
            client_configuration=fresh,
            persist_config=False,
        )
    return fresh


def tls(configuration: Configuration) -> ssl.SSLContext:
    """The package's own reading of certificates, authorities and switches."""
    context: ssl.SSLContext = RESTClientObject(configuration).ssl_context
    return context


def _in_pod() -> bool:
    return Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()
