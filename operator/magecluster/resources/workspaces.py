"""What the gateway asks for workspaces with: a token of the pod, which no other container sees."""

from magecluster.api.workspaces import AUDIENCE, TOKEN_SECONDS

_NAME = "cloud-api-token"
_FOLDER = "/var/run/secrets/magecluster"

TOKEN = f"{_FOLDER}/token"

TOKEN_MOUNT = {"name": _NAME, "mountPath": _FOLDER, "readOnly": True}

TOKEN_VOLUME = {
    "name": _NAME,
    "projected": {
        "sources": [
            {"serviceAccountToken": {"audience": AUDIENCE, "expirationSeconds": TOKEN_SECONDS, "path": "token"}}
        ]
    },
}
"""Good for the Cloud API alone: the API server takes no token for another audience than its own."""
