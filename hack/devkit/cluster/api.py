"""Bring a cluster up, or find one: with kind where a container engine answers, else from processes of this machine."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from devkit import debian, progress, shell
from devkit.cluster import binaries, kind, network, node, state
from devkit.cluster.components import Facts
from devkit.cluster.native import Native

DEFAULT_NAME = "mage"


class Cluster(Protocol):
    """What a test may do with a cluster. Every method raises shell.Failed."""

    @property
    def name(self) -> str: ...
    @property
    def kubeconfig(self) -> Path: ...
    @property
    def server(self) -> str: ...
    def binary(self, program: str) -> Path: ...
    def kubectl(self, *args: str, input: str | None = None) -> str: ...
    def load(self, image: str) -> None: ...
    def stop(self, component: str) -> None: ...
    def start(self, component: str) -> None: ...
    def restart(self, component: str) -> None: ...
    def logs(self, component: str) -> str: ...
    def status(self) -> str: ...
    def down(self) -> None: ...


def up(name: str = DEFAULT_NAME, nodes: str | None = None, *, audit: bool = False) -> Cluster:
    """Bring a cluster up, or what is missing of it; quick when all of it runs.

    `nodes` is kubelet (the default), kwok:COUNT or none; a cluster keeps what it was made with. `audit` turns the
    API server's audit log on for good. The first call on a machine builds Kubernetes, which takes minutes.
    """
    known = state.load(name)
    wanted = state.Nodes.parse(nodes or (known.nodes if known else "kubelet"))
    if wanted.kind == "kubelet" and not known and kind.usable():
        return kind.up(name, binaries.ensure(), audit=audit)
    _check_machine(wanted)
    programs = binaries.ensure()
    with state.lock(name):
        with state.lock():
            spec = _spec(name, wanted.text, audit=audit)
            state.save(spec)
        cluster = Native(Facts(spec, state.folder(name), programs))
        if cluster.healthy():
            progress.say(f"{name} is up already")
            return cluster
        with progress.step(f"Starting Kubernetes {name} with nodes {wanted.text}", "10 s"):
            cluster.up()
    return cluster


def find(name: str = DEFAULT_NAME) -> Cluster | None:
    """The cluster with a name, as it was recorded, whether it runs or not; None when there is none."""
    spec = state.load(name)
    if spec:
        return Native(Facts(spec, state.folder(name), binaries.ensure()))
    return kind.find(name, binaries.ensure) if kind.usable() else None


def _spec(name: str, nodes: str, *, audit: bool) -> state.Spec:
    known = state.load(name)
    if known is None:
        taken = [spec.index for spec in state.all_specs()]
        busy = [i for i in range(network.CLUSTERS) if i not in taken and not network.free(network.Plan(i).ports)]
        return state.Spec(name, nodes, network.choose([*taken, *busy], network.routes()), audit)
    if known.nodes != nodes:
        raise shell.Failed(f"{name} exists with nodes {known.nodes}; take it down first, or choose another --name")
    return replace(known, audit=known.audit or audit)


def _check_machine(nodes: state.Nodes) -> None:
    if sys.platform != "linux":
        raise shell.Failed("please install Docker or Podman: without one, a cluster needs Linux")
    if nodes.kind != "kubelet":
        debian.require({"ip": "iproute2", "unshare": "util-linux"})
        return
    if os.geteuid() != 0:
        raise shell.Failed(
            "please install Docker or Podman, or be root: real pods need one of them (--nodes none does not)"
        )
    debian.require(node.PACKAGES)
