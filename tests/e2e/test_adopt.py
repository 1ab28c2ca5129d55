"""Moving in from Mage's Helm chart with a real Mage: its data, its secrets and its runs are there afterwards."""

from pathlib import Path

import pytest
from tests.support.adopting import RELEASE, a_claim, adopt, helm, install, listed, on_claim
from tests.support.kube import Namespace
from tests.support.mage import active, at, look, owner_of

from devkit.mage import Mage

pytestmark = pytest.mark.timeout(900)

IMAGE = {"pullPolicy": "IfNotPresent"}
INSIDE = {"type": "ClusterIP"}
READS = """
import pandas as pd
from mage_ai.data_preparation.shared.secrets import get_secret_value

@data_loader
def load(*args, **kwargs):
    return pd.DataFrame([{"secret": get_secret_value("warehouse")}])
"""


def read_secret(mage: Mage) -> str:
    """What a block gets for the secret, by a run."""
    name = "vault"
    if name not in mage.pipelines():
        mage.create_pipeline(name)
        mage.add_block(name, "read", "data_loader", READS)
    value: str = mage.output(mage.complete(mage.trigger(name)), "read")[0]["secret"]
    return value


def test_data_secrets_and_runs_are_there_afterwards_and_go_back(space: Namespace) -> None:
    space.apply(a_claim())
    values = {"image": IMAGE, "service": INSIDE, "config": {"REQUIRE_USER_AUTHENTICATION": "0"}}
    install(space, **on_claim(), **values, secrets={"LAKE_PASSWORD": "deep"})
    with at(space, "mageai") as mage:
        mage.call("POST", "secrets", {"secret": {"name": "warehouse", "value": "w4rehouse"}})
        assert read_secret(mage) == "w4rehouse"
        assert look(mage, "LAKE_PASSWORD") == {"LAKE_PASSWORD": "deep"}
        before = mage.runs("look")[0]
        trigger = mage.trigger("look")

    done = adopt(space, "--apply", timeout=600)
    assert done.code == 0, done.err
    assert "as before" in done.err, "Mage says that it has the same project"
    active(space, "mageai")
    with owner_of(space, "mageai") as mage:
        assert {"look", "vault"} <= set(mage.pipelines())
        old = mage.run(before["id"])
        assert (old["status"], mage.output(old, "same")) == ("completed", [{"LAKE_PASSWORD": "deep"}])
        assert mage.trigger("look") == trigger, "programs start runs as before"
        assert read_secret(mage) == "w4rehouse"
        assert look(mage, "LAKE_PASSWORD") == {"LAKE_PASSWORD": "deep"}
        number = mage.runs("look")[0]["id"]
    assert number > before["id"]
    assert listed(space) == []
    assert "not found" in helm(space, "uninstall", RELEASE).err

    done = adopt(space, "--undo", timeout=600)
    assert done.code == 0, done.err
    install(space, **on_claim(), **values, secrets={"LAKE_PASSWORD": "deep"})
    with at(space, "mageai") as mage:
        assert mage.runs("look")[0]["id"] == number, "what was done meanwhile stays"
        assert read_secret(mage) == "w4rehouse"


def test_files_of_a_node_are_copied_with_all_that_is_in_them(space: Namespace, tmp_path: Path) -> None:
    space.enforce("privileged")  # a folder of its node is what `baseline` lets no pod have
    folder = {"hostPath": {"path": str(tmp_path / "mage"), "type": "DirectoryOrCreate"}}
    install(
        space,
        "files",
        fullnameOverride="files",
        nameOverride="files",
        serviceAccount={"name": "files"},
        image=IMAGE,
        service=INSIDE,
        config={"REQUIRE_USER_AUTHENTICATION": "0", "USER_CODE_PATH": "projects/sales"},
        extraVolumes=[{"name": "mage-fs", **folder}],
    )
    with at(space, "files") as mage:
        mage.call("POST", "secrets", {"secret": {"name": "warehouse", "value": "c0pied"}})
        assert read_secret(mage) == "c0pied"
        run = mage.runs("vault")[0]
    done = adopt(space, "--apply", "--size", "100Mi", release="files", timeout=600)
    assert done.code == 0, done.err
    assert "compared" in done.err
    active(space, "files")
    with owner_of(space, "files") as mage:
        assert mage.output(mage.run(run["id"]), "read") == [{"secret": "c0pied"}]
        assert read_secret(mage) == "c0pied"
    assert space.get("mc", "files")["spec"]["storage"]["project"] == "projects/sales"
    space.kubectl("delete", "mc", "files")
