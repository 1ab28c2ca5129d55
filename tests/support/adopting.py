"""A Mage that was installed with Helm, and the command that moves it in."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from tests.support.eventually import eventually
from tests.support.kube import Manifest, Namespace

ROOT = Path(__file__).parents[2]
CHART = ROOT / "tests/data/mage-chart"
"""Mirrors Mage's own."""

RELEASE = "data"
CLAIM = "mage-files"


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def on_claim(name: str = CLAIM) -> Manifest:
    """Values for a release that has its files on a claim, as its users write them."""
    return {"extraVolumes": [{"name": "mage-fs", "persistentVolumeClaim": {"claimName": name}}]}


def a_claim(name: str = CLAIM) -> Manifest:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def helm(space: Namespace, *words: str, given: str | None = None) -> Done:
    """The real one, in the namespace of the test."""
    command = [str(space.cluster.binary("helm")), "--kubeconfig", str(space.cluster.kubeconfig), "-n", space.name]
    done = subprocess.run([*command, *words], input=given, capture_output=True, text=True, check=False, timeout=180)
    return Done(done.returncode, done.stdout, done.stderr)


def install(space: Namespace, release: str = RELEASE, /, **values: Any) -> None:
    """The release, as a person installs it; returns when its pods are ready."""
    done = helm(space, "upgrade", "--install", release, str(CHART), "--values", "-", given=yaml.safe_dump(values))
    assert done.code == 0, done.err
    eventually(lambda: runs(space), within=240, what="the release runs")


def runs(space: Namespace) -> bool:
    """Every Deployment of the release has the pods that it should have, and there is one."""
    found = [each for each in space.all("deployments") if each["metadata"]["labels"].get("helm.sh/chart")]
    return bool(found) and all(
        each["spec"]["replicas"] > 0 and each["status"].get("availableReplicas") == each["spec"]["replicas"]
        for each in found
    )


def adopt(space: Namespace, *words: str, release: str = RELEASE, timeout: float = 300) -> Done:
    """`magecluster adopt`, as a process of its own."""
    command = [sys.executable, "-m", "magecluster", "adopt", "--release", release, "--namespace", space.name]
    command += ["--kubeconfig", str(space.cluster.kubeconfig), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, env=environment)
    return Done(done.returncode, done.stdout, done.stderr)


def listed(space: Namespace) -> list[str]:
    """Names of the releases that Helm knows."""
    return [each["name"] for each in json.loads(helm(space, "list", "--output", "json").out)]
