from dataclasses import replace
from pathlib import Path

import pytest

from devkit import shell
from devkit.cluster import binaries, components, images, runtime
from devkit.cluster.components import Facts
from devkit.cluster.state import Nodes, Spec

FACTS = Facts(Spec("mage", "kubelet", 1), Path("/state/mage"), Path("/cache/bin"))


@pytest.mark.parametrize(
    ("text", "kind", "count"), [("kubelet", "kubelet", 1), ("none", "none", 0), ("kwok:250", "kwok", 250)]
)
def test_nodes_are_read_and_written_alike(text: str, kind: str, count: int) -> None:
    assert Nodes.parse(text) == Nodes(kind, count)
    assert Nodes.parse(text).text == text


def test_other_nodes_are_refused() -> None:
    with pytest.raises(shell.Failed, match="kubelet, kwok:COUNT or none"):
        Nodes.parse("kwok")


@pytest.mark.parametrize("nodes", ["none", "kwok:3"])
def test_api_server_without_a_node_of_its_own_listens_for_this_machine_alone(nodes: str) -> None:
    facts = replace(FACTS, spec=replace(FACTS.spec, nodes=nodes))
    assert "--bind-address=127.0.0.1" in components.apiserver(facts)
    assert facts.server == f"https://127.0.0.1:{facts.plan.api_port}"
    assert not {"containerd", "kubelet", "proxy"} & set(components.argvs(facts))


def test_audit_log_is_written_only_when_asked_for() -> None:
    asked = replace(FACTS, spec=replace(FACTS.spec, audit=True))
    assert [flag for flag in components.apiserver(asked) if "audit" in flag]
    assert not [flag for flag in components.apiserver(FACTS) if "audit" in flag]


def test_pods_have_a_route_to_their_cluster_and_none_to_anywhere_else() -> None:
    plugins = runtime.pod_network(FACTS.plan)["plugins"]
    assert isinstance(plugins, list)
    assert plugins[0]["ipam"]["routes"] == [{"dst": FACTS.plan.block}]


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("mage", "localhost/mage:latest"),
        ("mage:1", "localhost/mage:1"),
        ("localhost/mage:1", "localhost/mage:1"),
        ("registry.test:5000/mage", "registry.test:5000/mage:latest"),
    ],
)
def test_image_has_the_name_under_which_the_kubelet_looks_for_it(given: str, full: str) -> None:
    assert images.full_name(given) == full


def test_build_follows_sources_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module m\n\nrequire k8s.io/kubernetes v1.36.3\n")
    (tmp_path / "main.go").write_text("package main\n")
    first = binaries.key(tmp_path)
    (tmp_path / "notes").write_text("x")
    assert binaries.key(tmp_path) == first
    (tmp_path / "main.go").write_text("package other\n")
    assert binaries.key(tmp_path) != first


def test_kubernetes_knows_its_version() -> None:
    version = binaries.required((binaries.MODULE / "go.mod").read_text(), "k8s.io/kubernetes")
    assert f"gitVersion={version}" in binaries.linker_flags(version)
