"""What the demonstration applies where it takes place."""

from typing import Any

import pytest
import yaml

from devkit.demo import __main__ as demo
from devkit.demo.target import Context, Own
from magecluster.api.magecluster import MageCluster


class EnoughError(Exception):
    """The rest of the story is for a real Kubernetes."""


@pytest.mark.parametrize(("arguments", "gateway"), [(["--context", "mine"], False), ([], True)])
def test_a_cluster_of_ones_own_gets_no_gateway_whose_image_its_nodes_do_not_have(
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    gateway: bool,  # noqa: FBT001  a table
) -> None:
    applied: list[dict[str, Any]] = []

    def kubectl(*words: str, given: str = "") -> str:
        if words[0] != "apply":
            raise EnoughError
        applied.append(yaml.safe_load(given))
        return ""

    for target in (Context, Own):
        monkeypatch.setattr(target, "prepare", lambda _: kubectl)
    with pytest.raises(EnoughError):
        demo.main(arguments)
    (manifest,) = applied
    cluster = MageCluster.parse({**manifest, "metadata": {**manifest["metadata"], "namespace": "default", "uid": "u"}})
    assert cluster.spec.gateway.enabled is gateway
