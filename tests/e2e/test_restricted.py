"""Mage's unchanged image where nothing may run as root."""

import pytest
from tests.support.kube import Namespace, a_cluster
from tests.support.mage import active, look, owner_of

pytestmark = pytest.mark.timeout(400)


def test_mage_works_in_a_namespace_that_lets_in_restricted_pods_alone(space: Namespace) -> None:
    space.enforce("restricted")
    space.apply(a_cluster("sealed", podSecurity={"standard": "Restricted"}))
    active(space, "sealed")

    with owner_of(space, "sealed") as mage:
        assert look(mage, "HOME", "MAGE_CLUSTER_UUID") == {"HOME": "/home/src", "MAGE_CLUSTER_UUID": "sealed"}
    for container in ("mage", "runner"):
        inside = ("exec", "deploy/sealed", f"--container={container}", "--")
        assert space.kubectl(*inside, "id", "-u") == "65532\n"
        assert space.kubectl(*inside, "sh", "-c", "grep CapBnd /proc/1/status").split()[1].strip("0") == ""
    installed = space.kubectl(
        "exec", "deploy/sealed", "--", "python", "-c", "import site; print(site.getusersitepackages())"
    )
    assert installed.startswith("/home/src/.local/")
