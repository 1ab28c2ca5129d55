"""Host, credentials and TLS, as `kubernetes.aio` reads them."""

import ssl
from pathlib import Path

from kubernetes.aio import config as kubeconfig
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config.config_exception import ConfigException

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""What a pod gets of its account."""


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


def namespace_of(path: Path | None, context: str | None) -> str | None:
    """The one that the context of `read` names, or the pod's own; `None` if none is named."""
    if path is None and context is None and _in_pod():
        return (_ACCOUNT / "namespace").read_text().strip()
    try:
        contexts, active = kubeconfig.list_kube_config_contexts(config_file=str(path) if path else None)
    except ConfigException:  # `read` says what is wrong; a file without a current context is no error there
        return None
    found = next((each for each in contexts if each["name"] == context), active)
    name: str | None = (found["context"] or {}).get("namespace")
    return name


def tls(configuration: Configuration) -> ssl.SSLContext:
    """The package's own reading of certificates, authorities and switches."""
    context: ssl.SSLContext = RESTClientObject(configuration).ssl_context
    return context


def _in_pod() -> bool:
    return (_ACCOUNT / "token").exists()
