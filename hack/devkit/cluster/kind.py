"""The same cluster inside of a container engine: kind, where Docker or Podman answers."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from devkit import progress, shell
from devkit.cluster import addons, binaries, state

VERSION = "v0.33.0"
ENGINES = ("docker", "podman")
MANIFESTS = "/etc/kubernetes/manifests"
AUDIT = "/var/log/kubernetes/audit.log"


def usable() -> str | None:
    """The engine that answers, if any."""
    for engine in filter(shutil.which, ENGINES):
        try:
            shell.run(engine, "info", timeout=20)
        except shell.Failed:
            continue
        return engine
    return None


def up(name: str, programs: Path, *, audit: bool) -> "Kind":
    """Create a cluster with one node unless it exists."""
    cluster = Kind(name, programs, usable() or ENGINES[0])
    if name in cluster.kind("get", "clusters").split():
        progress.say(f"{name} is up already")
        return cluster
    folder = cluster.kubeconfig.parent
    folder.mkdir(parents=True, exist_ok=True)
    state.write(folder / "audit-policy.yaml", yaml.safe_dump(addons.AUDIT_POLICY))
    config = yaml.safe_dump(configuration(folder / "audit-policy.yaml", audit=audit))
    with progress.step(f"Starting Kubernetes {name} with kind", "2 min"):
        cluster.kind(
            "create", "cluster", "--name", name, "--kubeconfig", str(cluster.kubeconfig), "--config", "-", input=config
        )
    return cluster


def find(name: str, programs: Callable[[], Path]) -> "Kind | None":
    cluster = Kind(name, programs(), usable() or ENGINES[0])
    return cluster if name in cluster.kind("get", "clusters").split() else None


def configuration(policy: Path, *, audit: bool) -> dict[str, object]:
    """Configuration for kind; with an audit policy mounted into the node and the API server told to use it."""
    config: dict[str, object] = {"apiVersion": "kind.x-k8s.io/v1alpha4", "kind": "Cluster"}
    if not audit:
        return config
    inside = "/etc/kubernetes/audit/policy.yaml"
    volumes = [
        {"name": "audit-policy", "hostPath": inside, "mountPath": inside, "readOnly": True, "pathType": "File"},
        {"name": "audit-log", "hostPath": str(Path(AUDIT).parent), "mountPath": str(Path(AUDIT).parent)},
    ]
    flags = [{"name": "audit-policy-file", "value": inside}, {"name": "audit-log-path", "value": AUDIT}]
    flags += [{"name": "audit-log-maxsize", "value": "10000"}]
    patch = {"kind": "ClusterConfiguration", "apiServer": {"extraArgs": flags, "extraVolumes": volumes}}
    mount = {"hostPath": str(policy), "containerPath": inside, "readOnly": True}
    node = {"role": "control-plane", "kubeadmConfigPatches": [yaml.safe_dump(patch)], "extraMounts": [mount]}
    return config | {"nodes": [node]}


@dataclass(frozen=True)
class Kind:
    """A cluster in one container; its components are static pods of the node."""

    name: str
    programs: Path
    engine: str

    @property
    def kubeconfig(self) -> Path:
        return state.root().parent / "kind" / self.name / "kubeconfig"

    @property
    def server(self) -> str:
        return str(yaml.safe_load(self.kubeconfig.read_text())["clusters"][0]["cluster"]["server"])

    def binary(self, program: str) -> Path:
        return self.programs / program

    def kubectl(self, *args: str, input: str | None = None) -> str:
        return shell.run(self.binary("kubectl"), "--kubeconfig", self.kubeconfig, *args, input=input)

    def load(self, image: str) -> None:
        source = "image-archive" if Path(image).is_file() else "docker-image"
        self.kind("load", source, image, "--name", self.name)

    def stop(self, component: str) -> None:
        """The kubelet ends a static pod whose manifest goes away."""
        self._node("mv", f"{MANIFESTS}/{_pod(component)}.yaml", "/root/")

    def start(self, component: str) -> None:
        self._node("mv", f"/root/{_pod(component)}.yaml", f"{MANIFESTS}/")

    def restart(self, component: str) -> None:
        self._node("pkill", "-x", _pod(component))  # the kubelet starts it again

    def logs(self, component: str) -> str:
        if component == "audit":
            return self._node("cat", AUDIT)
        return self.kubectl("logs", "-n", "kube-system", f"{_pod(component)}-{self.name}-control-plane")

    def status(self) -> str:
        return (
            f"{self.name}: kind, API server {self.server}\nkubeconfig {self.kubeconfig}\n{self.kubectl('get', 'nodes')}"
        )

    def down(self) -> None:
        self.kind("delete", "cluster", "--name", self.name)
        shutil.rmtree(self.kubeconfig.parent, ignore_errors=True)

    def kind(self, *args: str, input: str | None = None) -> str:
        """Run kind itself, installed first when it is not on PATH."""
        return shell.run(_program(), *args, input=input, env={"KIND_EXPERIMENTAL_PROVIDER": self.engine})

    def _node(self, *argv: str) -> str:
        return shell.run(self.engine, "exec", f"{self.name}-control-plane", *argv)


def _pod(component: str) -> str:
    return component if component == "etcd" else f"kube-{component}"


def _program() -> Path:
    installed = shutil.which("kind")
    if installed:
        return Path(installed)
    folder = binaries.cache() / f"kind-{VERSION}"
    if not (folder / "kind").exists():
        with progress.step(f"Installing kind {VERSION}", "1 min"):
            shell.run("go", "install", f"sigs.k8s.io/kind@{VERSION}", env={"GOBIN": os.fspath(folder)})
    return folder / "kind"
