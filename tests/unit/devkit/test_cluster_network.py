import ipaddress
from itertools import combinations

import pytest

from devkit import shell
from devkit.cluster import network
from devkit.cluster.network import Plan


def test_clusters_of_different_indexes_share_no_address_and_no_port() -> None:
    for one, other in combinations(map(Plan, range(network.CLUSTERS)), 2):
        assert not ipaddress.ip_network(one.block).overlaps(ipaddress.ip_network(other.block))
        assert not set(one.ports) & set(other.ports)
        assert one.link != other.link


def test_ranges_of_one_cluster_lie_apart_in_its_block() -> None:
    plan = Plan(network.CLUSTERS - 1)
    block, pods, services = map(ipaddress.IPv4Network, (plan.block, plan.pods, plan.services))
    link = ipaddress.IPv4Network(f"{plan.node}/30", strict=False)
    parts = (pods, services, link)
    assert all(part.subnet_of(block) for part in parts)
    assert not any(one.overlaps(other) for one, other in combinations(parts, 2))
    assert ipaddress.ip_address(plan.host) in link
    assert ipaddress.ip_address(plan.dns_service) in services
    assert ipaddress.ip_address(plan.api_service) == services[1]


def test_index_avoids_other_clusters_and_routes_of_the_machine() -> None:
    assert network.choose([], []) == 0
    assert network.choose([0, 2], ["10.129.7.0/24", "192.168.0.0/16"]) == 3


def test_full_machine_is_told() -> None:
    with pytest.raises(shell.Failed, match="no address range is free"):
        network.choose([], ["10.0.0.0/8"])
