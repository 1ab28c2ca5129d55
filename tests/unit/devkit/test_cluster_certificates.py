import ipaddress
import stat
from pathlib import Path
from typing import TypeVar

import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devkit.cluster import certificates
from devkit.cluster.network import Plan

PLAN = Plan(3)
Extension = TypeVar("Extension", bound=x509.ExtensionType)


def extension(pair: certificates.Pair, kind: type[Extension]) -> Extension:
    return pair.certificate.extensions.get_extension_for_class(kind).value


def test_api_server_is_reachable_under_every_name_that_pods_and_people_use() -> None:
    ca = certificates.authority("test")
    pair = certificates.issue(ca, certificates.subjects(PLAN, "node")["apiserver"])
    names = extension(pair, x509.SubjectAlternativeName)
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", PLAN.api_service, PLAN.node}
    assert {"localhost", "kubernetes.default.svc"} <= set(names.get_values_for_type(x509.DNSName))
    assert list(extension(pair, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
    pair.certificate.verify_directly_issued_by(ca.certificate)


def test_kubelet_is_the_user_and_group_that_the_node_authorizer_knows() -> None:
    subjects = certificates.subjects(PLAN, "one")
    pair = certificates.issue(certificates.authority("test"), subjects["kubelet"])
    subject = pair.certificate.subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:one"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"
    assert list(extension(pair, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert ipaddress.ip_address(PLAN.node).compressed in subjects["kubelet-server"].hosts


def test_kubeconfig_verifies_the_server_and_keys_are_private(tmp_path: Path) -> None:
    certificates.write_all(tmp_path, PLAN, "node")
    config = yaml.safe_load(certificates.kubeconfig("c", "https://127.0.0.1:1", tmp_path, "admin"))
    cluster = config["clusters"][0]["cluster"]
    assert cluster["certificate-authority-data"]
    assert "insecure-skip-tls-verify" not in cluster
    assert {stat.S_IMODE(key.stat().st_mode) for key in tmp_path.glob("*.key")} == {0o600}


def test_certificates_are_made_once(tmp_path: Path) -> None:
    certificates.write_all(tmp_path, PLAN, "node")
    before = (tmp_path / "ca.crt").read_bytes()
    certificates.write_all(tmp_path, PLAN, "node")
    assert (tmp_path / "ca.crt").read_bytes() == before
