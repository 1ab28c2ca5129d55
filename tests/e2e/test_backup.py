"""What docs/backup.md says, with a real Mage: nothing of a cluster is lost in a copy under another name."""

import re
import uuid

import pytest
import yaml
from tests.support.kube import Manifest, Namespace, a_cluster
from tests.support.mage import active, at, look, owner_of

from devkit.install import ROOT
from devkit.reach import OWNER, Kubectl, password
from magecluster.api.labels import labels

pytestmark = pytest.mark.timeout(600)

SECRET = uuid.uuid4().hex
TELLS = """
import pandas as pd
from mage_ai.data_preparation.shared.secrets import get_secret_value

@data_loader
def load(*args, **kwargs):
    return pd.DataFrame([{"told": get_secret_value("kept")[::-1]}])
"""
"""Reversed, because Mage masks the values of secrets in what it shows."""

DOCUMENT = (ROOT / "docs/backup.md").read_text()


def copying() -> Manifest:
    """The pod of the document."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    found: Manifest = yaml.safe_load(block)
    return found


def test_a_copy_under_another_name_has_everything(space: Namespace) -> None:
    space.apply(a_cluster("sales"))
    active(space, "sales")
    with owner_of(space, "sales") as mage:
        assert look(mage, "MAGE_CLUSTER_UUID") == {"MAGE_CLUSTER_UUID": "sales"}
        run = mage.runs("look")[0]
        mage.call("POST", "secrets", {"secret": {"name": "kept", "value": SECRET}})
        mage.add_block(mage.create_pipeline("tells"), "tell", "data_loader", TELLS)
    known = password(Kubectl.of(space.cluster), "sales", space.name)

    space.spec("sales", status="Stopped")
    space.becomes("sales", "Stopped")
    claim, secret = space.get("pvc", "sales-data"), space.get("secret", "sales-auth")
    mine = {"labels": labels("sales-restored")}
    assert all(f"{key}={value}".replace("sales-restored", "$NEW") in DOCUMENT for key, value in mine["labels"].items())
    asked = {key: claim["spec"][key] for key in ("accessModes", "resources")}
    space.apply(
        {**claim, "metadata": {"name": "sales-restored-data", **mine}, "spec": asked, "status": {}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "sales-restored-auth", **mine},
            "data": secret["data"],
        },
        copying(),
    )
    space.kubectl("wait", "pod/copy", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")

    space.apply(a_cluster("sales-restored"))
    active(space, "sales-restored")
    assert password(Kubectl.of(space.cluster), "sales-restored", space.name) == known
    with at(space, "sales-restored") as restored:
        restored.login(OWNER, known)
        assert "look" in restored.pipelines()
        assert restored.runs("look")[0]["id"] == run["id"]
        assert restored.output(restored.run(run["id"]), "same") == [{"MAGE_CLUSTER_UUID": "sales"}]
        assert look(restored, "MAGE_CLUSTER_UUID") == {"MAGE_CLUSTER_UUID": "sales-restored"}
        told = restored.output(restored.complete(restored.trigger("tells")), "tell")
        assert told == [{"told": SECRET[::-1]}], "the key of Mage's secrets is on the volume"
