"""The gateway in front of a real Mage."""

import urllib.request

import pytest
from tests.support.gateway_process import GatewayProcess

from devkit.local_mage import OWNER, PASSWORD
from devkit.mage import Mage

pytestmark = pytest.mark.timeout(300)


def test_who_comes_through_the_gateway_uses_the_same_mage(owner: Mage, gateway: GatewayProcess) -> None:
    Mage(gateway.url).login(OWNER, PASSWORD).create_pipeline("through")
    assert "through" in owner.pipelines()


def test_the_pages_come_through(owner: Mage, gateway: GatewayProcess) -> None:
    with urllib.request.urlopen(gateway.url, timeout=30) as answer:
        assert answer.headers["Via"] == "1.1 magecluster-gateway"
        assert b"<html" in answer.read()
