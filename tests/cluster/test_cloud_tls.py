"""TLS of the Cloud API: a certificate that changes while it serves, and one that cannot be used."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.support.cloud_api import CloudApi, Team
from tests.support.cloud_more import another
from tests.support.eventually import eventually

from devkit.cluster import Cluster, certificates
from devkit.cluster.certificates import Pair, Subject

CA = certificates.authority("cloud-api-test")


def issue() -> Pair:
    return certificates.issue(CA, Subject("cloud-api", hosts=("localhost", "127.0.0.1")))


class Mount:
    """Two files that change at the same moment, as the kubelet mounts a Secret: `..data` is a link to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._count = folder, 0
        self.certificate, self.key = folder / "..data" / "tls.crt", folder / "..data" / "tls.key"

    def write(self, certificate: bytes, key: bytes) -> None:
        self._count += 1
        target = self.folder / f"..{self._count}"
        target.mkdir()
        (target / "tls.crt").write_bytes(certificate)
        (target / "tls.key").write_bytes(key)
        link = self.folder / "..new"
        link.symlink_to(target.name)
        link.replace(self.folder / "..data")


def pem(pair: Pair) -> bytes:
    return pair.certificate.public_bytes(serialization.Encoding.PEM)


def key(pair: Pair, password: bytes | None = None) -> bytes:
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return pair.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)


def served(url: str) -> int:
    """Serial number of the certificate that a new connection gets."""
    at = urlsplit(url)
    assert at.hostname
    context = ssl.create_default_context(cadata=pem(CA).decode())
    with (
        socket.create_connection((at.hostname, at.port or 0), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=at.hostname) as wire,
    ):
        return x509.load_der_x509_certificate(wire.getpeercert(binary_form=True) or b"").serial_number


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    return Mount(tmp_path)


@pytest.fixture
def secure(cluster: Cluster, team: Team, tmp_path: Path, mount: Mount) -> Iterator[tuple[CloudApi, Pair]]:
    """A replica with TLS, and its certificate."""
    first = issue()
    mount.write(pem(first), key(first))
    options = (f"--tls-cert={mount.certificate}", f"--tls-key={mount.key}")
    with another(cluster.kubeconfig, tmp_path, team.api.namespace, *options) as api:
        eventually(api.url, what="serving")
        yield api, first


def warned(api: CloudApi) -> int:
    return sum(line["event"].startswith("Could not load the new certificate") for line in api.lines())


def test_a_new_certificate_is_used_and_a_broken_one_is_not(
    secure: tuple[CloudApi, Pair], team: Team, mount: Mount, tmp_path: Path
) -> None:
    api, first = secure
    url = api.url()
    (tmp_path / "ca.pem").write_bytes(pem(CA))
    client = api.client(team.token("Viewer"))
    client.session.verify = str(tmp_path / "ca.pem")
    client.session.trust_env = False  # requests would prefer a bundle that the environment names
    assert url.startswith("https://")
    eventually(lambda: client("GET", f"/teams/{team.name}").ok, what="the team by TLS")
    assert served(url) == first.certificate.serial_number

    second = issue()
    mount.write(pem(second), key(second))
    eventually(lambda: served(url) == second.certificate.serial_number, what="the new certificate")
    assert client("GET", f"/teams/{team.name}").ok, "the connection of before"

    other = issue()
    broken = [(pem(other), key(first)), (b"no certificate", key(other)), (pem(other), key(other, b"locked"))]
    for number, pair in enumerate(broken, 1):
        mount.write(*pair)
        eventually(lambda number=number: warned(api) >= number, what=f"warning {number}")  # type: ignore[misc]
        assert served(url) == second.certificate.serial_number

    mount.write(pem(other), key(other))
    eventually(lambda: served(url) == other.certificate.serial_number, what="a good pair after broken ones")


def test_nobody_gets_in_without_tls(secure: tuple[CloudApi, Pair]) -> None:
    api, _ = secure
    plain = api.url().replace("https://", "http://")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{plain}/healthz", timeout=10)
