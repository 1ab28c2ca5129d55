"""Puts the images and the operator into a local cluster; what is there already is not done again."""

import json
from pathlib import Path

from devkit import images, progress, shell
from devkit.cluster import Cluster
from devkit.cluster.native import Native
from devkit.images import engine
from magecluster.api.pod import DEFAULT_REPOSITORY, DEFAULT_TAG

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "magecluster"
RELEASE = "magecluster"
DEPLOYMENT = f"deployment/{RELEASE}-operator"
CLOUD_API = f"{RELEASE}-cloud-api"
"""The Service; it listens on port 80."""

PUBLIC_MAGE = f"docker.io/{DEFAULT_REPOSITORY}:{DEFAULT_TAG}"
"""What the kubelet looks for when a MageCluster names no image."""

RECORD = ("configmap", "loaded-images", "--namespace", "kube-system")
"""Remembers in the cluster, and only as long as there is one, which archives it has been given."""


def install(cluster: Cluster, *settings: str) -> None:
    """Images, custom resource definitions and operator; `settings` are values of the chart: `resources.limits=…`.

    Raises shell.Failed.
    """
    if isinstance(cluster, Native):
        _load(cluster, images.archive(_named_as_public(images.build("mage"))))
    # A cluster of kind has a way to the registry: its node pulls the public image itself.
    changed = _load(cluster, images.archive(images.build("operator")))
    with progress.step("Installing the operator with the chart", "10 s"):
        chart = ("upgrade", "--install", RELEASE, ROOT / "charts/magecluster", "--namespace", NAMESPACE)
        values = [word for setting in settings for word in ("--set", setting)]
        before = cluster.kubectl("get", "--namespace", NAMESPACE, DEPLOYMENT, "--ignore-not-found")
        helm = (cluster.binary("helm"), "--kubeconfig", cluster.kubeconfig)
        shell.run(*helm, *chart, "--create-namespace", *values)
        if before and changed:  # the tag is the same, so the chart alone would leave the old pod
            cluster.kubectl("rollout", "restart", "--namespace", NAMESPACE, DEPLOYMENT)
        cluster.kubectl("rollout", "status", "--namespace", NAMESPACE, DEPLOYMENT, "--timeout=120s")


def _named_as_public(reference: str) -> str:
    """Give our stock-like image the name of the public one too, so that manifests for people work unchanged here.

    No registry answers there, so it hides nothing; a public image that somebody pulled by hand is left as it is.
    """
    builder = engine.find()
    kept = builder.image_id(PUBLIC_MAGE)
    ours = shell.run(builder.program, "images", "--quiet", "--no-trunc", "--filter", f"label={engine.INPUTS}").split()
    if not kept or kept in ours:
        shell.run(builder.program, "tag", reference, PUBLIC_MAGE)
    return PUBLIC_MAGE


def _load(cluster: Cluster, archive: Path) -> bool:
    """Load an archive, whose name has the image's id in it, unless the cluster was given that very one."""
    name = archive.stem.rpartition("-")[0]
    found = cluster.kubectl("get", *RECORD, "--ignore-not-found", "--output", "json")
    data = json.loads(found)["data"] if found else {}
    if data.get(name) == archive.name:
        return False
    cluster.load(str(archive))
    metadata = {"name": RECORD[1], "namespace": RECORD[3]}
    record = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {**data, name: archive.name}}
    cluster.kubectl("apply", "--filename", "-", input=json.dumps(record))
    return True
