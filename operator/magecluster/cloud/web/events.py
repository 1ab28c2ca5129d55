"""What was done to a cluster through the Cloud API, as Kubernetes Events: `kubectl describe mc` shows them."""

from magecluster.api.labels import CLOUD_API
from magecluster.api.magecluster import API_VERSION, KIND
from magecluster.api.model import Manifest
from magecluster.cloud.web.call import Call
from magecluster.kube import events


def report(call: Call, live: Manifest, reason: str, text: str) -> None:
    """Tell it in the background: a change is not slower for it, and never fails because of it."""
    about = {"apiVersion": API_VERSION, "kind": KIND, **live}
    event = events.Event("Normal", reason, f"{call.actor} {text} through the Cloud API")
    told = events.record(call.services.connection, about, event, call.services.now(), CLOUD_API)
    call.services.background.start(told, f"record Event {reason}")
