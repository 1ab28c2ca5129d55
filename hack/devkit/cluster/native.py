"""A cluster of processes of this machine: inside of a node of its own or, without real pods, beside each other."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from devkit import shell
from devkit.cluster import addons, certificates, cgroups, components, images, network, node, runtime, state, status
from devkit.cluster.components import Facts
from devkit.cluster.process import Process, wait

USERS = ("admin", "controller-manager", "scheduler", "kubelet", "proxy", "coredns")
# Binds a folder of ours over the one that the host path provisioner has compiled in, for one process alone.
OWN_VOLUMES = 'mkdir -p /tmp/hostpath_pv && mount --bind "$0" /tmp/hostpath_pv && exec "$@"'


@dataclass(frozen=True)
class Native:
    """A cluster that `up` has made. All methods raise shell.Failed."""

    facts: Facts

    @property
    def name(self) -> str:
        return self.facts.spec.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return Path(self.facts.kubeconfig("admin"))

    @property
    def server(self) -> str:
        """URL of the API server, for this machine and for pods of the node's network."""
        return self.facts.server

    def binary(self, program: str) -> Path:
        """The full path of kubectl, helm, kwok, coredns or controlplane."""
        return self.facts.programs / program

    def kubectl(self, *args: str, input: str | None = None) -> str:
        """What kubectl answers, as administrator."""
        return shell.run(self.binary("kubectl"), "--kubeconfig", self.kubeconfig, *args, input=input)

    def load(self, image: str) -> None:
        """Make an image (an archive, or a name in buildah's storage) known to the node."""
        images.load(self._node(), image, self.facts.folder)

    def processes(self) -> dict[str, Process]:
        """All components by name, in starting order, whether they run or not."""
        enter = node.enter(node.inner(node.first(self.facts)) or 0) if self.facts.real else ()
        argvs = components.argvs(self.facts)
        if not self.facts.real:
            argvs["controller-manager"] = (*_own_volumes(self.facts.folder), *argvs["controller-manager"])
        return {name: Process(name, argv, self.facts.folder, enter) for name, argv in argvs.items()}

    def component(self, name: str) -> Process:
        found = self.processes()
        if name not in found:
            raise shell.Failed(f"{name}: no such component; there are {', '.join(found)}")
        return found[name]

    def stop(self, component: str) -> None:
        """End a component: asked first, killed after five seconds (the API server drains while watches hang on it)."""
        self.component(component).stop()

    def start(self, component: str) -> None:
        """Start a component and wait until it answers."""
        self.component(component).start()
        if component == "apiserver":
            self._wait_for_api()
        if component == "containerd":
            wait("containerd answers", 30, self._containerd_answers, self.component(component).log)

    def restart(self, component: str) -> None:
        self.stop(component)
        self.start(component)

    def logs(self, component: str) -> str:
        """What a component has written so far; `node` is the one that holds the others, `audit` all requests."""
        if component == "audit":
            return components.audit_log(self.facts).read_text()
        log = node.first(self.facts).log if component == "node" else self.component(component).log
        return log.read_text(errors="replace") if log.exists() else ""

    def status(self) -> str:
        """What runs, and how a person reaches it."""
        return status.text(self.facts, {name: process.pid() for name, process in self.processes().items()})

    def healthy(self) -> bool:
        """Tell whether everything runs as it should and the API server answers."""
        return all(process.current() for process in self.processes().values()) and self._api_answers()

    def up(self) -> None:
        """Make it run; what runs already is left alone."""
        facts = self.facts
        self._write_files()
        if facts.real:
            pid = node.start(facts)
            cgroups.create(self.name)
            network.connect(facts.plan, pid, list(node.enter(pid, dies_with_caller=False)))
        for name in components.argvs(facts):
            if name == "kubelet":
                images.ensure_pause(self._node(), facts.programs / "pause", facts.folder)
            self.start(name)
        self._apply([*addons.manifests(facts), *(addons.fake_nodes(facts.nodes.count) if not facts.real else [])])
        if facts.nodes.count:
            wait("nodes are Ready", 60, self._nodes_ready, self.component("kubelet" if facts.real else "kwok").log)

    def down(self) -> None:
        """End and remove all of it. Nothing is asked to end: nothing of it is to be kept."""
        with state.lock(self.name):
            holder = node.first(self.facts)
            inner = node.inner(holder)
            holder.kill()
            for process in reversed(self.processes().values()):
                process.kill()
            if self.facts.real:
                wait("end of the node", 30, lambda: inner is None or not Path(f"/proc/{inner}").exists())
                network.disconnect(self.facts.plan)
                cgroups.remove(self.name)
            with state.lock():
                with suppress(FileNotFoundError):  # somebody else was as quick
                    shutil.rmtree(self.facts.folder)
                if not state.all_specs():
                    _remove_mount_points()

    def _node(self) -> int:
        if not self.facts.real:
            raise shell.Failed(f"{self.name} has no node that could run a container")
        pid = node.inner(node.first(self.facts))
        if pid is None:
            raise shell.Failed(f"the node of {self.name} does not run: hack/cluster up --name {self.name}")
        return pid

    def _apply(self, manifests: list[addons.Manifest]) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)

    def _wait_for_api(self) -> None:
        process = self.component("apiserver")
        wait("API server answers", 60, lambda: self._api_answers() or process.pid() is None, process.log)
        if process.pid() is None:
            raise shell.Failed(
                f"the API server ended\n{shell.tail(process.log.read_text())}\n(all of it: {process.log})"
            )

    def _api_answers(self) -> bool:
        return self._answers("get", "--raw", "/readyz", "--request-timeout", "5s")

    def _nodes_ready(self) -> bool:
        # One question for all: `kubectl wait` asks for each node by itself.
        ready = self.kubectl("get", "nodes", "-o", 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}')
        return ready.split() == ["True"] * self.facts.nodes.count

    def _answers(self, *args: str) -> bool:
        try:
            self.kubectl(*args)
        except shell.Failed:
            return False
        return True

    def _containerd_answers(self) -> bool:
        try:
            node.run(self._node(), "ctr", "--timeout", "2s", "version")
        except shell.Failed:
            return False
        return True

    def _write_files(self) -> None:
        facts = self.facts
        certificates.write_all(facts.folder / "pki", facts.plan, facts.node)
        for user in USERS:
            text = certificates.kubeconfig(self.name, facts.server, facts.folder / "pki", user)
            state.write(Path(facts.kubeconfig(user)), text, secret=True)
        state.write(Path(facts.config("audit-policy.yaml")), yaml.safe_dump(addons.AUDIT_POLICY))
        (facts.folder / "volumes").mkdir(exist_ok=True)
        if facts.real:
            for own in node.PRIVATE.values():
                (facts.folder / own).mkdir(exist_ok=True)
            plugins = next(path for path in map(Path, ("/usr/lib/cni", "/opt/cni/bin")) if (path / "bridge").exists())
            for name, text in runtime.files(facts, plugins).items():
                state.write(Path(facts.config(name)), text)


def _own_volumes(folder: Path) -> tuple[str, ...]:
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    return ("unshare", *as_root, "--mount", "/bin/sh", "-euc", OWN_VOLUMES, str(folder / "volumes"))


def _remove_mount_points() -> None:
    """Empty folders that a node needed to mount over; while another cluster runs, its mounts would go with them."""
    for place in (Path(place) for place in node.PRIVATE):
        with suppress(OSError):  # not empty, or another person's, whose cluster will remove it
            place.rmdir()
