"""`magecluster check-cloud-api`, which `helm test` runs, against a real Cloud API."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from tests.support.cloud_api import BOOTSTRAP, CloudApi, a_team, first_password
from tests.support.kube import Namespace, a_cluster

from devkit.cluster import Cluster, certificates
from devkit.cluster.certificates import Subject

NAME = "op-cloud-api.chart-space.svc"
KEY = "an-api-key"


class Installed(NamedTuple):
    """A Cloud API with a certificate and an API key, and files as the chart mounts them."""

    api: CloudApi
    own: Namespace
    folder: Path

    def check(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "magecluster", "check-cloud-api")
        files = (f"--api-key-file={self.folder}/keys", f"--ca-file={self.folder}/ca.crt", f"--server-name={NAME}")
        given = (f"--url={self.api.url()}", f"--credentials={self.folder}", *files, "--timeout=30", *options)
        return subprocess.run([*command, *given], capture_output=True, text=True, check=False, timeout=60)

    def refused(self, *options: str) -> str:
        """The one line that it says when it fails."""
        done = self.check(*options)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        return line


@pytest.fixture(scope="module")
def installed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder, name = tmp_path_factory.mktemp("check"), "check-cloud-api"
    cluster.kubectl("create", "namespace", name)
    own = Namespace(cluster, name)
    ca = certificates.authority("check")
    pair = certificates.issue(ca, Subject("cloud-api", hosts=(NAME,)))
    for file, made in (("ca.crt", ca), ("tls.crt", pair)):
        (folder / file).write_bytes(made.certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    text = pair.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "tls.key").write_bytes(text)
    (folder / "keys").write_text(f"{KEY}\nanother\n")
    files = (f"--tls-cert={folder}/tls.crt", f"--tls-key={folder}/tls.key", f"--api-key-file={folder}/keys")
    api = CloudApi(cluster.kubeconfig, folder / "log", name, *files).start()
    try:
        (folder / "email").write_text(BOOTSTRAP)
        (folder / "password").write_text(first_password(cluster, name))
        yield Installed(api, own, folder)
    finally:
        api.stop()
        cluster.kubectl("delete", "namespace", name, "--wait=false")
    assert not api.tracebacks()


def test_it_logs_in_reads_what_there_is_and_logs_out(installed: Installed) -> None:
    done = installed.check()
    assert done.returncode == 0, done.stderr
    assert f"Logged in as {BOOTSTRAP}" in done.stdout
    rows = [line.split() for line in installed.api.user("list").splitlines()]
    assert dict(zip(rows[0], rows[1], strict=True))["SESSIONS"] == "0"


def test_it_reads_a_cluster(installed: Installed, bare: Namespace) -> None:
    bare.apply(a_cluster("lab"))
    installed.own.apply(a_team(bare.name, bare.name))
    try:
        done = installed.check()
        assert done.returncode == 0, done.stderr
        assert f"Read cluster lab of team {bare.name}: " in done.stdout
    finally:
        installed.own.kubectl("delete", "mageteam", bare.name)


def test_a_wrong_password_is_told_in_one_line(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "email").write_text(BOOTSTRAP)
    (tmp_path / "password").write_text("not-this-one")
    told = installed.refused(f"--credentials={tmp_path}")
    assert "(HTTP status 401)" in told
    assert "not-this-one" not in told


def test_an_account_that_is_not_there_is_waited_for_and_then_told(installed: Installed, tmp_path: Path) -> None:
    told = installed.refused(f"--credentials={tmp_path}", "--timeout=1")
    assert str(tmp_path / "email") in told
    assert "mount the Secret" in told


def test_a_certificate_of_somebody_else_is_not_trusted(installed: Installed, tmp_path: Path) -> None:
    other = certificates.authority("other").certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "ca.crt").write_bytes(other)
    assert "--ca-file" in installed.refused(f"--ca-file={tmp_path}/ca.crt")
    assert "--server-name" in installed.refused("--server-name=elsewhere.example.com")
    assert "--ca-file" in installed.refused(f"--ca-file={tmp_path}/none")


def test_nobody_there_is_told_after_the_time_that_it_was_given(installed: Installed) -> None:
    told = installed.refused("--url=https://127.0.0.1:9", "--timeout=1")
    assert "gave up after 1 s" in told


def test_a_key_that_is_not_accepted_is_told(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("wrong")
    assert "X-API-KEY" in installed.refused(f"--api-key-file={tmp_path}/keys")
