"""The rights that the chart gives for one of the two processes, to run it with them and no others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.support.chart import rendered
from tests.support.cloud_api import ADMIN, PASSWORD, CloudApi
from tests.support.everything import by_the_cloud_api
from tests.support.kube import Manifest, Namespace

from devkit.cluster import Cluster


@contextmanager
def rights(
    cluster: Cluster,
    space: Namespace,
    folder: Path,
    of: str,
    values: dict[str, Any] | None = None,
    *,
    standalone: bool = True,
) -> Iterator[Path]:
    """A kubeconfig for `of`, operator or cloud-api, as if the chart were installed in `space`.

    Without `standalone` the operator has those of the Cloud API as well, as by default.
    """
    manifests = rendered({**(values or {}), "cloudApi": {"standalone": standalone}}, space.name)
    rights_only = [m for m in manifests if is_of_rights(m) or m["kind"] == "ServiceAccount"]
    chosen = [m for m in rights_only if of in name(m) or not standalone]
    cluster.kubectl("apply", "--filename", "-", input=yaml.safe_dump_all(chosen))  # some are of other namespaces
    token = space.kubectl("create", "token", f"op-{of}").strip()
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    kubeconfig["users"] = [{"name": user["name"], "user": {"token": token}} for user in kubeconfig["users"]]
    own = folder / "kubeconfig"
    own.write_text(yaml.safe_dump(kubeconfig))
    yield own
    names = [f"{space.name}-op-{part}" for part in ("operator", "cloud-api", "cloud-api-tokens")]
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", *names, "--ignore-not-found")


def is_of_rights(manifest: Manifest) -> bool:
    return str(manifest["apiVersion"]).startswith("rbac.authorization.k8s.io/")


def name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def uses_everything(api: CloudApi, own: Namespace, space: Namespace, *, workspaces: bool) -> None:
    api.user("add", ADMIN, "--admin", "--password-stdin")
    by_the_cloud_api(api.logs_in(ADMIN, PASSWORD), own, space, workspaces=workspaces)
    api.user("remove", ADMIN)
