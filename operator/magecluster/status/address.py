"""Where a cluster answers and what version it runs."""

from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.api.network import IngressTls
from magecluster.api.pod import CONTAINER


def url(cluster: MageCluster) -> str:
    """The first host of the ingress that is no wildcard, else the Service; also while the cluster is stopped."""
    ingress = cluster.spec.ingress
    rule = next((rule for rule in ingress.hosts if not rule.host.startswith("*")), None)
    if not ingress.enabled or rule is None:
        return f"http://{cluster.metadata.name}.{cluster.metadata.namespace}.svc:{cluster.spec.service.port}"
    scheme = "https" if any(_covers(tls, rule.host) for tls in ingress.tls) else "http"
    path = rule.paths[0].path if rule.paths else "/"
    return f"{scheme}://{rule.host}{'' if path == '/' else path}"


def _covers(tls: IngressTls, host: str) -> bool:
    """An entry without hosts is for all of them; `*.` stands for one label."""
    return not tls.hosts or host in tls.hosts or f"*.{host.partition('.')[2]}" in tls.hosts


def version(deployment: Manifest | None) -> str | None:
    """Digest or tag of the Mage image in the pod template, `None` as long as there is none."""
    containers = deployment["spec"]["template"]["spec"]["containers"] if deployment else []
    image = next((c["image"] for c in containers if c["name"] == CONTAINER), None)
    if image is None:
        return None
    name, _, digest = image.partition("@")
    return digest or name.rpartition("/")[2].partition(":")[2] or "latest"
