"""Addresses and ports: which ones a cluster has, and the link between its node and this machine."""

import ipaddress
import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from devkit import shell

CLUSTERS = 64  # how many fit into 10.128.0.0/10, one /16 each
BRIDGE = "pods"


@dataclass(frozen=True)
class Plan:
    """Addresses and ports of the cluster with one index; plans of different indexes share nothing."""

    index: int

    @property
    def block(self) -> str:
        return f"10.{128 + self.index}.0.0/16"

    @property
    def pods(self) -> str:
        return f"10.{128 + self.index}.0.0/18"

    @property
    def services(self) -> str:
        return f"10.{128 + self.index}.128.0/18"

    @property
    def gateway(self) -> str:
        """The node's address on the bridge of its pods."""
        return f"10.{128 + self.index}.0.1"

    @property
    def host(self) -> str:
        """This machine's address on the link to the node."""
        return f"10.{128 + self.index}.255.1"

    @property
    def node(self) -> str:
        """The node's address on the link to this machine."""
        return f"10.{128 + self.index}.255.2"

    @property
    def api_service(self) -> str:
        """The API server takes the first address of the service range for the Service `kubernetes`."""
        return f"10.{128 + self.index}.128.1"

    @property
    def dns_service(self) -> str:
        return f"10.{128 + self.index}.128.10"

    @property
    def link(self) -> str:
        return f"mage{self.index}"

    @property
    def api_port(self) -> int:
        return 26000 + 10 * self.index

    @property
    def etcd_port(self) -> int:
        return self.api_port + 1

    @property
    def etcd_peer_port(self) -> int:
        return self.api_port + 2

    @property
    def ports(self) -> tuple[int, ...]:
        return self.api_port, self.etcd_port, self.etcd_peer_port


def choose(taken: Iterable[int], routes: Iterable[str]) -> int:
    """The first index that no other cluster has and whose addresses no route of this machine covers."""
    used = set(taken)
    networks = [ipaddress.ip_network(route) for route in routes]
    for index in range(CLUSTERS):
        block = ipaddress.ip_network(Plan(index).block)
        if index not in used and not any(block.overlaps(network) for network in networks):
            return index
    raise shell.Failed(f"no address range is free: {CLUSTERS} clusters fit on one machine")


def routes() -> list[str]:
    """Destinations of this machine's IPv4 routes, without the default route."""
    listed = json.loads(shell.run("ip", "-json", "-4", "route", "show", "table", "all") or "[]")
    return [route["dst"] for route in listed if route["dst"] != "default" and not route["dst"].startswith("127.")]


def free(ports: Iterable[int]) -> bool:
    """Tell whether nobody listens on these ports of the loopback interface."""
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return False
    return True


def connect(plan: Plan, node: int, inside: list[str]) -> None:
    """Lay the link between this machine and a node's network, which process `node` holds.

    Only the cluster's own block is routed over it, and the node gets no default route: pods have no way out of this
    machine. The host route comes last, so that a link that was half laid is laid anew.
    """
    if shell.run("ip", "route", "show", plan.block).strip():
        return
    disconnect(plan)
    shell.run("ip", "link", "add", plan.link, "type", "veth", "peer", "name", "uplink", "netns", str(node))
    shell.run(*inside, "ip", "address", "add", f"{plan.node}/30", "dev", "uplink")
    shell.run(*inside, "ip", "link", "set", "uplink", "up")
    shell.run("ip", "address", "add", f"{plan.host}/30", "dev", plan.link)
    shell.run("ip", "link", "set", plan.link, "up")
    shell.run("ip", "route", "add", plan.block, "via", plan.node, "dev", plan.link)


def disconnect(plan: Plan) -> None:
    """Remove the link with its addresses and routes; nothing happens when there is none."""
    if plan.link in {link["ifname"] for link in json.loads(shell.run("ip", "-json", "link", "show"))}:
        shell.run("ip", "link", "delete", plan.link)
