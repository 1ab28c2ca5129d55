"""The operator in the cluster, with the rights that its chart gives it and no more."""

import pytest
from tests.support.eventually import eventually
from tests.support.incluster import OperatorPod
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("component", ["operator", "cloud-api"])
def test_its_pod_is_ready_and_has_never_been_restarted(operator: OperatorPod, component: str) -> None:
    (pod,) = operator.pods(component)
    found = {one["name"]: (one["ready"], one["restartCount"]) for one in pod["status"]["containerStatuses"]}
    assert found == {component: (True, 0)}


def test_its_rights_suffice(operator: OperatorPod, space: Namespace) -> None:
    host = {"host": "mage.example.com"}
    executor = {"name": "DEFAULT_EXECUTOR_TYPE", "value": "k8s"}
    full = a_cluster("rights", ingress={"enabled": True, "hosts": [host]}, extraEnvs=[executor], status="Stopped")
    space.apply(full)
    space.becomes("rights", "Stopped")
    eventually(lambda: space.get("ingress", "rights") and space.get("rolebinding", "rights-mage"))
    space.patch("mc", "rights", {"spec": {"ingress": {"enabled": False}, "extraEnvs": []}})
    eventually(lambda: not space.get("ingress", "rights") and not space.get("rolebinding", "rights-mage"))
    operator.check()


def test_its_restart_restarts_no_mage(operator: OperatorPod, space: Namespace) -> None:
    space.apply(a_cluster("calm"))
    active(space, "calm")
    (before,) = space.all("pods")
    generation = space.get("deployment", "calm")["metadata"]["generation"]
    operator.check()  # the log of the old pod goes with it
    operator.restart()
    space.patch("mc", "calm", {"spec": {"service": {"annotations": {"seen-by": "the-new-operator"}}}})
    eventually(lambda: "seen-by" in space.get("service", "calm")["metadata"].get("annotations", {}))
    (after,) = space.all("pods")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert space.get("deployment", "calm")["metadata"]["generation"] == generation
