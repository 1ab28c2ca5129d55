"""The gateway, which stands in front of Mage in the same pod."""

from typing import Annotated

from pydantic import Field

from magecluster.api.model import ApiModel
from magecluster.api.pod import DIGEST, REPOSITORY, TAG, Resources

GATEWAY_CONTAINER = "gateway"
GATEWAY_PORT = 6790
"""The port that the gateway listens on; that of the Service stays as it is."""

GATEWAY_HEALTH = "/.magecluster/healthz"
"""Answers as long as the gateway itself works. No path of Mage's begins like this."""


class Gateway(ApiModel):
    """The container in front of Mage."""

    enabled: bool = False
    """Put the gateway in front of Mage: Service and NetworkPolicy then lead to it and no longer to Mage's own port."""
    image: Annotated[str, Field(pattern=f"^{REPOSITORY}(:{TAG})?(@{DIGEST})?$", max_length=512)] | None = None
    """Image with its tag or digest. When absent the operator's own, so an update of the operator restarts the pod."""
    resources: Resources = Resources()
    """CPU and memory of the gateway container."""
