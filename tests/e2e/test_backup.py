"""What docs/backup.md says, with a real Mage: nothing of a cluster is lost in a copy under another name."""

import re
import uuid
from pathlib import Path

import pytest
import yaml
from tests.support.kube import Manifest, Namespace, a_cluster
from tests.support.mage import active, at, look, owner_of

from devkit import debian, shell
from devkit.install import ROOT
from devkit.reach import OWNER, Kubectl, password

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

A_SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sales-postgresql"}}
DOCUMENT = (ROOT / "docs/backup.md").read_text()


def copying() -> Manifest:
    """The pod of the document."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    found: Manifest = yaml.safe_load(block)
    return found


class Document:
    """Its commands, in a folder for what they save."""

    def __init__(self, space: Namespace, folder: Path) -> None:
        self._space, self._folder = space, folder
        blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
        self.back_up, self.restore = (block.split("\n\n") for block in blocks)

    def __call__(self, *commands: str) -> str:
        cluster = self._space.cluster
        kubectl = f"{cluster.binary('kubectl')} --kubeconfig {cluster.kubeconfig} "
        text = "\n".join(commands).replace("NAMESPACE=data", f"NAMESPACE={self._space.name}")
        text = text.replace("$(date +%F)", "2026-07-01").replace("kubectl ", kubectl)
        return shell.run("bash", "-euo", "pipefail", "-c", text, cwd=self._folder)


def test_a_copy_under_another_name_has_everything(space: Namespace, tmp_path: Path) -> None:
    debian.require({"jq": "jq"})
    document = Document(space, tmp_path)
    space.apply(a_cluster("sales", resources={"requests": {"cpu": "10m"}}))
    active(space, "sales")
    with owner_of(space, "sales") as mage:
        assert look(mage, "MAGE_CLUSTER_UUID") == {"MAGE_CLUSTER_UUID": "sales"}
        run = mage.runs("look")[0]
        mage.call("POST", "secrets", {"secret": {"name": "kept", "value": SECRET}})
        mage.add_block(mage.create_pipeline("tells"), "tell", "data_loader", TELLS)
    known = password(Kubectl.of(space.cluster), "sales", space.name)

    url = "postgresql{}://sales:word@postgresql.databases.svc:5432/sales"
    space.apply({**A_SECRET, "stringData": {"url": url.format("+psycopg2")}})
    wish, objects, database, _ = document.back_up
    before = (wish, objects.partition("\n")[0], database.partition("\npg_dump ")[0])
    assert document(*before, 'echo "$WISHED $DATABASE_URL"').endswith(f"\nActive {url.format('')}\n")
    assert space.state("sales") == "Stopped"

    claim = space.get("pvc", "sales-data")
    asked = {key: claim["spec"][key] for key in ("accessModes", "resources")}
    space.apply({**claim, "metadata": {"name": "sales-restored-data"}, "spec": asked, "status": {}}, copying())
    space.kubectl("wait", "pod/copy", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
    variables, objects, _, wish = document.restore
    document(variables, objects.partition("\nEND\n")[2], wish)
    space.becomes("sales-restored", "Stopped")
    assert space.get("mc", "sales-restored")["spec"]["resources"]["requests"] == {"cpu": "10m"}

    space.spec("sales-restored", status="Active")
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
