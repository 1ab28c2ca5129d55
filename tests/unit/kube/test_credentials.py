"""Which namespace is meant where nobody names one."""

from pathlib import Path

import pytest
import yaml

from magecluster.kube.credentials import namespace_of


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """With two contexts, of which one names a namespace."""
    contexts = [
        {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}},
        {"name": "there", "context": {"cluster": "c", "user": "u"}},
    ]
    clusters = [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]
    users = [{"name": "u", "user": {}}]
    path = tmp_path / "config"
    text = {"current-context": "here", "contexts": contexts, "clusters": clusters, "users": users}
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **text}))
    return path


@pytest.mark.parametrize(("context", "namespace"), [(None, "team"), ("here", "team"), ("there", None)])
def test_it_is_that_of_the_context(kubeconfig: Path, context: str | None, namespace: str | None) -> None:
    assert namespace_of(kubeconfig, context) == namespace


def test_a_file_that_names_nothing_names_none(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\n")
    assert namespace_of(path, None) is None
