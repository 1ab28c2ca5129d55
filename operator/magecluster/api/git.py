"""The repository whose commits are deployed into a cluster's project."""

from typing import Annotated

from pydantic import Field

from magecluster.api.model import ApiModel, DnsName
from magecluster.api.pod import Resources

DEPLOYER_CONTAINER = "deployer"

_WEB, _SSH, _SCP = r"https?://[^@\s/]+/\S+", r"ssh://\S+", r"[-.\w]+@[-.\w]+:\S+"


class Git(ApiModel):
    """Has the container `deployer` stand beside Mage. Needs the gateway."""

    repository: Annotated[str, Field(pattern=f"^({_WEB}|{_SSH}|{_SCP})$", max_length=1024)]
    """Address by HTTP or SSH, without credentials, for example `https://github.com/team/project.git`."""
    branch: Annotated[str, Field(pattern=r"^[^-\s~^:?*\[\\][^\s~^:?*\[\\]*$", max_length=250)] = "main"
    """Branch whose newest commit is deployed where a request names none."""
    directory: Annotated[str, Field(pattern=r"^([^/.\s][^/\s]*(/[^/.\s][^/\s]*)*)?$", max_length=1024)] = ""
    """Folder of the project within the repository; its top folder when empty."""
    setting: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([-\w]*[A-Za-z0-9])?$", max_length=63)] = "production"
    """Name by which deployments are asked for, as in `/api/deployment_settings/production/deployments`."""
    credentials_secret: DnsName | None = None
    """A Secret with `token` (and `username`, where it is not `git`), or with `ssh-privatekey` and `known_hosts`."""
    resources: Resources = Resources(requests={"cpu": "10m", "memory": "64Mi"})
    """CPU and memory of the deployer container. The check of a commit loads Mage, which takes some 400 MiB."""
