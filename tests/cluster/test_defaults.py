"""Is-it-applied against what a real API server makes of our objects."""

import asyncio
import copy
import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devkit.cluster import Cluster
from magecluster.api.magecluster import MageCluster
from magecluster.kube.connection import Connection
from magecluster.kube.difference import is_applied
from magecluster.kube.kinds import kind_of
from magecluster.resources import desired_objects

NAMES = st.sampled_from(["a", "b-c", "x1"])
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
AMOUNTS = st.sampled_from(["1", "1000m", "0.5", "1024Mi", "1Gi", "1e9", "100M", 1])

SPECS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["Active", "Stopped"]),
        "extraEnvs": st.lists(
            st.one_of(
                st.fixed_dictionaries({"name": st.sampled_from(["A", "B", "C"]), "value": TEXT}),
                st.fixed_dictionaries(
                    {
                        "name": st.sampled_from(["D", "E"]),
                        "valueFrom": st.fixed_dictionaries(
                            {
                                "secretKeyRef": st.fixed_dictionaries(
                                    {"name": NAMES, "key": NAMES, "optional": st.booleans()}
                                )
                            }
                        ),
                    }
                ),
                st.just({"name": "F", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}),
            ),
            unique_by=lambda env: env["name"],
            max_size=4,
        ),
        "resources": st.fixed_dictionaries(
            {}, optional={"limits": st.fixed_dictionaries({"memory": AMOUNTS, "cpu": AMOUNTS}), "requests": st.just({})}
        ),
        "imagePullSecrets": st.lists(
            st.fixed_dictionaries({"name": NAMES}), max_size=2, unique_by=lambda ref: ref["name"]
        ),
        "nodeSelector": st.dictionaries(NAMES, NAMES, max_size=2),
        "tolerations": st.lists(
            st.fixed_dictionaries(
                {"key": NAMES, "operator": st.just("Exists")}, optional={"effect": st.just("NoSchedule")}
            ),
            max_size=2,
        ),
        "podAnnotations": st.dictionaries(NAMES, TEXT, max_size=2),
        "podLabels": st.dictionaries(NAMES, NAMES, max_size=2),
        "service": st.fixed_dictionaries(
            {}, optional={"type": st.sampled_from(["ClusterIP", "NodePort"]), "port": st.sampled_from([80, 6789])}
        ),
        "kubernetesExecutor": st.fixed_dictionaries({"enabled": st.booleans()}),
        "ingress": st.just({"enabled": True, "hosts": [{"host": "a.example.com"}, {"host": "*.b.example.com"}]}),
        "storage": st.fixed_dictionaries({"size": st.sampled_from(["1Gi", "1024Mi", "1.5Gi", "1e9"])}),
    },
)


def parse(namespace: str, name: str, spec: dict[str, Any]) -> MageCluster:
    metadata = {"name": name, "namespace": namespace, "uid": str(uuid.uuid4())}
    return MageCluster.parse(
        {"apiVersion": "magecluster.io/v1alpha1", "kind": "MageCluster", "metadata": metadata, "spec": spec}
    )


async def apply_all(cluster: Cluster, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    async with Connection(cluster.kubeconfig, None) as connection:
        live = []
        for manifest in wanted:
            metadata = manifest["metadata"]
            live.append(
                await connection.apply(kind_of(manifest).path(metadata["namespace"], metadata["name"]), manifest)
            )
        return live


def test_what_was_applied_counts_as_applied(cluster: Cluster) -> None:
    """And what was applied before an edit does not, unless the edit changed nothing."""
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", namespace)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(before=SPECS, after=SPECS, references=st.sampled_from(["", "0123"]))
    def check(before: dict[str, Any], after: dict[str, Any], references: str) -> None:
        cluster_of = {"spec": parse(namespace, f"c{uuid.uuid4().hex[:12]}", before)}["spec"]
        wanted = desired_objects(cluster_of, references)
        live = asyncio.run(apply_all(cluster, wanted))
        for desired, found in zip(wanted, live, strict=True):
            assert is_applied(desired, found), (desired, found)
        edited = cluster_of.model_copy(
            update={"spec": parse(namespace, "x", {**after, "storage": before.get("storage", {})}).spec}
        )
        for desired in desired_objects(edited, references):
            found = next((m for m in live if m["kind"] == desired["kind"]), None)
            if found and is_applied(desired, found):
                again = asyncio.run(apply_all(cluster, [desired]))[0]
                assert without_times(again) == without_times(found)

    check()
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def without_times(manifest: dict[str, Any]) -> dict[str, Any]:
    """What an apply that changes nothing leaves as it is, resource version included."""
    shown = copy.deepcopy(manifest)
    shown.pop("status", None)
    return shown
