"""The way of a user who follows the quick start."""

import pytest
import yaml
from tests.support.kube import Namespace
from tests.support.mage import active, look, owner_of

from devkit.install import ROOT

EXAMPLE = yaml.safe_load((ROOT / "examples/quickstart.yaml").read_text())


@pytest.mark.timeout(600)
def test_apply_run_stop_start_and_everything_is_still_there(space: Namespace) -> None:
    space.apply(EXAMPLE)
    active(space, "quickstart")
    with owner_of(space, "quickstart") as mage:
        assert look(mage, "GREETING") == {"GREETING": "hello"}
        run = mage.runs("look")[0]
    volume = space.get("pvc", "quickstart-data")["metadata"]["uid"]

    space.spec("quickstart", status="Stopped")
    stopped = space.becomes("quickstart", "Stopped")
    assert space.all("pods") == []
    assert stopped["spec"]["replicaCount"] == 1
    assert space.get("pvc", "quickstart-data")["metadata"]["uid"] == volume

    space.spec("quickstart", status="Active")
    active(space, "quickstart")
    with owner_of(space, "quickstart") as mage:
        assert "look" in mage.pipelines()
        assert (mage.runs("look")[0]["id"], mage.runs("look")[0]["status"]) == (run["id"], "completed")
        assert mage.output(mage.run(run["id"]), "same") == [{"GREETING": "hello"}], "block outputs are on the volume"
