"""Is-it-applied against what a real API server makes of our objects."""

import asyncio
import json
import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from devkit.cluster import Cluster
from magecluster.api.magecluster import MageCluster
from magecluster.api.model import Manifest
from magecluster.kube.connection import Connection
from magecluster.kube.difference import is_applied
from magecluster.kube.kinds import kind_of
from magecluster.resources import desired_objects
from magecluster.resources.platform import Platform

Spec = dict[str, Any]

PLATFORM = Platform(gateway_image="registry.example.com/magecluster:1")

NAMES = st.sampled_from(["a", "b-c", "x1"])
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
AMOUNTS = st.sampled_from(["1", "1000m", "0.5", "1024Mi", "1Gi", "1e9", "100M", 1])


def distinct(items: SearchStrategy[Any]) -> SearchStrategy[list[Any]]:
    """Lists whose items have different names."""
    return st.lists(items, unique_by=lambda item: str(item["name"]), max_size=4)


SPECS: SearchStrategy[Spec] = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["Active", "Stopped"]),
        "extraEnvs": distinct(
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
            )
        ),
        "resources": st.fixed_dictionaries(
            {}, optional={"limits": st.fixed_dictionaries({"memory": AMOUNTS, "cpu": AMOUNTS}), "requests": st.just({})}
        ),
        "imagePullSecrets": distinct(st.fixed_dictionaries({"name": NAMES})),
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
        "gateway": st.fixed_dictionaries(
            {"enabled": st.booleans()}, optional={"resources": st.just({"limits": {"memory": "0.25Gi"}})}
        ),
        "kubernetesExecutor": st.fixed_dictionaries({"enabled": st.booleans()}),
        "ingress": st.just({"enabled": True, "hosts": [{"host": "a.example.com"}, {"host": "*.b.example.com"}]}),
        "storage": st.fixed_dictionaries({"size": st.sampled_from(["1Gi", "1024Mi", "1.5Gi", "1e9"])}),
    },
)


def parse(namespace: str, name: str, spec: Spec) -> MageCluster:
    metadata = {"name": name, "namespace": namespace, "uid": str(uuid.uuid4())}
    return MageCluster.parse(
        {"apiVersion": "magecluster.io/v1alpha1", "kind": "MageCluster", "metadata": metadata, "spec": spec}
    )


async def apply_all(connection: Connection, wanted: list[Manifest]) -> list[Manifest]:
    return [await connection.apply(path_of(manifest), manifest) for manifest in wanted]


def path_of(manifest: Manifest) -> str:
    return kind_of(manifest).path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])


async def changes_nothing(connection: Connection, manifest: Manifest) -> bool:
    """Whether an apply leaves the resource version; asked again, as other controllers may write in between."""
    for _ in range(10):
        before = await connection.get(path_of(manifest))
        after = await connection.apply(path_of(manifest), manifest)
        if after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]:
            return True
    return False


def desired_of(made: MageCluster, references: str, owner: Manifest) -> list[Manifest]:
    """With an owner that exists: the garbage collector removes what has none, and the cluster itself is never made."""
    wanted = desired_objects(made, references, PLATFORM)
    for reference in (one for manifest in wanted for one in manifest["metadata"].get("ownerReferences", ())):
        reference.update(apiVersion="v1", kind="Namespace", name=owner["metadata"]["name"])
        reference["uid"] = owner["metadata"]["uid"]
    return wanted


async def check_edit(cluster: Cluster, owner: Manifest, before: Spec, after: Spec, references: str) -> None:
    namespace = owner["metadata"]["name"]
    made = parse(namespace, f"c{uuid.uuid4().hex[:12]}", before)
    wanted = desired_of(made, references, owner)
    async with Connection(cluster.kubeconfig, None) as connection:
        live = await apply_all(connection, wanted)
        for desired, found in zip(wanted, live, strict=True):
            assert is_applied(desired, found), (desired, found)
        storage = {"storage": before["storage"]} if "storage" in before else {}
        edited = made.model_copy(update={"spec": parse(namespace, "x", {**after, **storage}).spec})
        for desired in desired_of(edited, references, owner):
            found = next((m for m in live if m["kind"] == desired["kind"]), {})
            if found and is_applied(desired, found):
                assert await changes_nothing(connection, desired), desired


def test_what_was_applied_counts_as_applied_and_an_edit_is_seen(cluster: Cluster) -> None:
    """No apply that would change something is left out, and after an apply none is asked for."""
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    owner = json.loads(cluster.kubectl("create", "namespace", namespace, "--output=json"))

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(before=SPECS, after=SPECS, references=st.sampled_from(["", "0123"]))
    def check(before: Spec, after: Spec, references: str) -> None:
        asyncio.run(check_edit(cluster, owner, before, after, references))

    check()
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
