"""Where the demonstration takes place: a local cluster of its own, or one that the person has already."""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from devkit import progress, shell
from devkit.cloud import Cloud
from devkit.cluster import Cluster, binaries, find, state, up
from devkit.cluster.process import Process, wait
from devkit.demo.story import NAME, TEAM
from devkit.install import CLOUD_API, NAMESPACE, ROOT, install
from devkit.reach import Kubectl, first_password, service, url
from magecluster.api.magecluster import API_VERSION

DEFAULT_NAME = "demo"
CLOUD_NAMESPACE = "magecluster-demo"
"""Where the Cloud API has its accounts when it runs on this machine."""
FIRST_ACCOUNT = "admin@mage.local"


class Target(Protocol):
    """Every method raises shell.Failed."""

    def prepare(self) -> Kubectl:
        """Kubernetes with an operator in it; what is there is kept."""

    def cloud(self) -> AbstractContextManager[Cloud]:
        """Its Cloud API, with somebody logged in who may do everything, and a team for the namespace `default`."""

    def hints(self) -> list[str]:
        """How to go on: URL, kubectl, logs and the end of it all."""

    def remove(self) -> None: ...


@dataclass(frozen=True)
class Own:
    """A local cluster with the operator inside, as the chart installs it."""

    name: str

    def prepare(self) -> Kubectl:
        cluster = up(self.name, "kubelet")
        install(cluster)
        return Kubectl.of(cluster)

    @contextmanager
    def cloud(self) -> Iterator[Cloud]:
        kubectl = Kubectl.of(self._cluster())
        _make_team(kubectl, NAMESPACE)
        with url(kubectl, CLOUD_API, NAMESPACE, 80) as address:
            yield _logged_in(kubectl, NAMESPACE, address)

    def hints(self) -> list[str]:
        cluster = self._cluster()
        kubectl = Kubectl.of(cluster)
        command = f"./hack/cluster kubectl --name {self.name} --"
        address = service(kubectl, NAME, "default") if kubectl.routed else _forward(command)
        return [
            f"Mage in your browser   {address}",
            *_common(command),
            f"the operator's log     {command} logs -n {NAMESPACE} deploy/magecluster-operator",
            *_cloud_hints(kubectl, command),
            f"your own kubectl       export KUBECONFIG={cluster.kubeconfig}",
            f"remove everything      ./hack/demo down{'' if self.name == DEFAULT_NAME else f' --name {self.name}'}",
        ]

    def remove(self) -> None:
        cluster = find(self.name)
        if cluster is None:
            progress.say(f"there is no cluster {self.name}: nothing to remove")
            return
        with progress.step(f"Removing Kubernetes {self.name} with everything in it", "5 s"):
            cluster.down()
        progress.say(f"Programs and images that another run would need again are kept: {binaries.cache()}")

    def _cluster(self) -> Cluster:
        cluster = find(self.name)
        if cluster is None:
            raise shell.Failed(f"there is no cluster {self.name}: ./hack/demo makes it")
        return cluster


@dataclass(frozen=True)
class Context:
    """A cluster of a kubeconfig. The operator runs as a process of this machine, so that nothing has to be pulled."""

    context: str
    kubeconfig: Path | None

    @property
    def options(self) -> tuple[str, ...]:
        file = ("--kubeconfig", str(self.kubeconfig.absolute())) if self.kubeconfig else ()
        return (*file, "--context", self.context)

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(("kubectl" if shutil.which("kubectl") else binaries.ensure() / "kubectl", *self.options))

    @property
    def operator(self) -> Process:
        return self._process("operator")

    @property
    def cloud_api(self) -> Process:
        return self._process("cloud-api", f"--own-namespace={CLOUD_NAMESPACE}")

    def _process(self, command: str, *more: str) -> Process:
        folder = state.root().parent / "demo" / re.sub(r"[^A-Za-z0-9.-]", "_", self.context)
        options = (command, *self.options, "--port=0", "--log-format=text", *more)
        return Process(command, (sys.executable, "-m", "magecluster", *options), folder)

    def prepare(self) -> Kubectl:
        kubectl = self.kubectl
        try:
            kubectl("get", "--raw", "/readyz", "--request-timeout=10s")
        except shell.Failed as failure:
            reason = str(failure).splitlines()[-1]
            raise shell.Failed(f"context {self.context}: no Kubernetes answers ({reason}); choose another") from failure
        with progress.step("Applying the custom resource definitions and starting the operator here", "3 s"):
            _define(kubectl)
            _start(self.operator, "Leading as")
        with progress.step(f"Starting the Cloud API here, its accounts in namespace {CLOUD_NAMESPACE}", "3 s"):
            kubectl("apply", "--filename", "-", given=yaml.safe_dump(_namespace(CLOUD_NAMESPACE)))
            _start(self.cloud_api, "Serving from a complete cache")
        return kubectl

    @contextmanager
    def cloud(self) -> Iterator[Cloud]:
        _make_team(self.kubectl, CLOUD_NAMESPACE)
        yield _logged_in(self.kubectl, CLOUD_NAMESPACE, self._cloud_address())

    def _cloud_address(self) -> str:
        log = self.cloud_api.log.read_text()
        return str(re.findall(r"Serving the Cloud API at (\S+)", log)[-1])

    def hints(self) -> list[str]:
        command = " ".join(map(str, self.kubectl.words))
        return [
            f"Mage in your browser   {_forward(command)}",
            *_common(command),
            f"the operator           process {self.operator.pid()} of this machine, log {self.operator.log}",
            f"the Cloud API          {self._cloud_address()}/api/v1/docs, log {self.cloud_api.log}",
            f"end it                 ./hack/demo down {' '.join(self.options)}",
        ]

    def remove(self) -> None:
        with progress.step(f"Deleting MageCluster {NAME} and ending operator and Cloud API", "15 s"):
            try:
                self.kubectl(
                    "delete", "magecluster", NAME, "--namespace=default", "--ignore-not-found", "--timeout=60s"
                )
                self.kubectl("delete", "namespace", CLOUD_NAMESPACE, "--ignore-not-found", "--timeout=60s")
            finally:
                self.cloud_api.stop()
                self.operator.stop()
        shutil.rmtree(self.operator.folder, ignore_errors=True)
        progress.say(
            "Kept, because deleting a MageCluster keeps its data, and other MageClusters may exist:\n"
            f"  kubectl -n default delete pvc/{NAME}-data secret/{NAME}-auth\n"
            "  kubectl delete crd mageclusters.magecluster.io mageteams.magecluster.io"
        )


def _define(kubectl: Kubectl) -> None:
    definitions = str(ROOT / "crds")
    try:
        kubectl("apply", "--server-side", "--filename", definitions)
    except shell.Failed as failure:
        if "conflict" not in str(failure):
            raise
        raise shell.Failed(
            "MageCluster is defined there already, otherwise than in this checkout, by something that keeps it so "
            "(see managedFields of the definition): bring that up to date first, for example with helm upgrade"
        ) from failure
    kubectl("wait", "--for=condition=Established", "--filename", definitions)


def _start(process: Process, ready: str) -> None:
    """Start it anew, since an older one might run older code, and wait until its log says `ready`."""
    process.stop()
    process.log.unlink(missing_ok=True)
    process.start()
    log = process.log
    wait(f"{process.name} is ready", 60, lambda: process.pid() is None or ready in log.read_text(), log)
    if process.pid() is None:
        raise shell.Failed(f"{process.name} ended: {shell.tail(log.read_text(), 1)}\n(all of it: {log})")


def _namespace(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _make_team(kubectl: Kubectl, namespace: str) -> None:
    team = {
        "apiVersion": API_VERSION,
        "kind": "MageTeam",
        "metadata": {"name": TEAM, "namespace": namespace},
        "spec": {"namespace": "default"},
    }
    progress.say(f"==> kubectl apply: MageTeam {TEAM}, which lets the Cloud API work in namespace default")
    kubectl("apply", "--filename", "-", given=yaml.safe_dump(team))


def _logged_in(kubectl: Kubectl, namespace: str, address: str) -> Cloud:
    with progress.step(f"Logging in to the Cloud API at {address} as {FIRST_ACCOUNT}", "1 s"):
        return Cloud(address).login(FIRST_ACCOUNT, first_password(kubectl, namespace), TEAM)


def _cloud_hints(kubectl: Kubectl, command: str) -> list[str]:
    if not kubectl.routed:
        return []
    secret = f"{command} -n {NAMESPACE} get secret magecluster-admin -o jsonpath='{{.data.password}}' | base64 -d; echo"
    return [
        f"the Cloud API          {service(kubectl, CLOUD_API, NAMESPACE, 80)}/api/v1/docs",
        f"its first password     {secret}",
    ]


def _common(command: str) -> list[str]:
    path = "jsonpath='{.data.owner-password}'"
    return [
        f"its password           {command} -n default get secret {NAME}-auth -o {path} | base64 -d; echo",
        f"what the operator says {command} -n default describe mc {NAME}",
    ]


def _forward(command: str) -> str:
    return f"http://localhost:6789 while this runs: {command} -n default port-forward service/{NAME} 6789"
