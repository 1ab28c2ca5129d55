"""CPU and memory of a container."""

from magecluster.api.model import Manifest
from magecluster.api.pod import Resources


def requirements(resources: Resources) -> Manifest:
    """The field `resources` of a container; nothing when nothing is asked for, as the API server keeps it."""
    asked = {key: value for key, value in resources.manifest().items() if value}
    return {"resources": asked} if asked else {}
