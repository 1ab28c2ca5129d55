"""Every desired object of some clusters, written out: `--update-golden` rewrites them, git shows the difference."""

from pathlib import Path
from typing import Any

import kubernetes.client.models as official
import pytest
import yaml

from magecluster.api.magecluster import MageCluster
from magecluster.resources import desired_objects
from magecluster.resources.platform import Platform

DATA = Path(__file__).parents[2] / "data"
CLUSTERS = sorted((DATA / "clusters").glob("*.yaml"))
GROUPS = {
    "v1": "V1",
    "apps/v1": "V1",
    "networking.k8s.io/v1": "V1",
    "rbac.authorization.k8s.io/v1": "V1",
}


def objects_of(path: Path) -> list[dict[str, Any]]:
    cluster = MageCluster.parse(yaml.safe_load(path.read_text()))
    platform = Platform(gateway_image="registry.example.com/magecluster:1.2.3", cloud_api="http://cloud-api.mage:80")
    return desired_objects(cluster, "0123456789abcdef", platform)


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.stem)
def test_the_objects_are_the_golden_ones(path: Path, pytestconfig: pytest.Config) -> None:
    golden = DATA / "objects" / path.name
    made = yaml.safe_dump_all(objects_of(path), sort_keys=False, width=120)
    if pytestconfig.getoption("update_golden"):
        golden.write_text(made)
    assert list(yaml.safe_load_all(golden.read_text())) == objects_of(path)


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.stem)
def test_every_field_exists_in_the_types_of_kubernetes(path: Path) -> None:
    for manifest in objects_of(path):
        model = getattr(official, GROUPS[manifest["apiVersion"]] + manifest["kind"])
        validated = model.model_validate(manifest)
        # The models also take snake_case names, which the API server would drop.
        assert validated.model_dump(mode="json", by_alias=True, exclude_unset=True) == manifest


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.stem)
def test_every_object_can_be_found_and_goes_with_its_cluster(path: Path) -> None:
    cluster = MageCluster.parse(yaml.safe_load(path.read_text()))
    for manifest in objects_of(path):
        metadata = manifest["metadata"]
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "magecluster-operator"
        assert metadata["labels"]["app.kubernetes.io/instance"] == cluster.metadata.name
        assert metadata["namespace"] == cluster.metadata.namespace
        assert len(metadata["name"]) <= 63
        kept = manifest["kind"] in ("PersistentVolumeClaim", "Secret") and cluster.spec.storage.retention == "Retain"
        assert bool(metadata.get("ownerReferences")) != kept
