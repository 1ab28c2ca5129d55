import pytest
from tests.support.releases import SERVICE, a_record

from magecluster.adopt.helm import NoReleaseError, newest


def test_the_deployed_revision_counts_also_after_a_failed_upgrade() -> None:
    records = [a_record(revision=n, status=s) for n, s in ((9, "superseded"), (11, "failed"), (10, "deployed"))]
    assert newest(records, "data", "team").revision == 10


def test_objects_are_told_apart_by_the_chart_that_they_come_from() -> None:
    manifest = """---
# Source: mageai/charts/redis/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: redis
---
# Source: mageai/templates/service.yaml
apiVersion: v1
kind: Service
metadata: {name: mageai, namespace: other}
---
# Source: mageai/templates/nothing.yaml
"""
    release = newest([a_record(manifest=manifest)], "data", "team")
    assert release.of_mage("Service") == ["mageai"]
    assert [each.manifest["metadata"]["namespace"] for each in release.of_kind("Service")] == ["team", "other"]
    assert release.owns("Service", "redis")
    assert not release.owns("Secret", "redis")


BROKEN = a_record(SERVICE)
BROKEN["data"]["release"] = "bm90IGEgcmVsZWFzZQ=="


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([], "there is no Helm release data in namespace team: see helm list"),
        ([a_record(), a_record(revision=2, status="pending-upgrade")], "pending-upgrade: wait for it to end"),
        ([a_record(status="failed")], "no revision of release data is deployed"),
        ([a_record(chart="redis")], "is of the chart redis, and only mageai is known here"),
        ([BROKEN], "Secret sh.helm.release.v1.data.v1 of release data cannot be read"),
        ([a_record(manifest="a: [")], "cannot be read"),
    ],
)
def test_what_cannot_be_adopted_is_said_with_the_remedy(records: list[dict[str, object]], told: str) -> None:
    with pytest.raises(NoReleaseError, match=told.replace("(", r"\(").replace(".", r"\.")):
        newest(records, "data", "team")
