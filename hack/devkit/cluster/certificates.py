"""One certificate authority a cluster, and what it signs. Keys never leave the cluster's folder."""

import base64
import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devkit.cluster.network import Plan
from devkit.cluster.state import write

LIFE = dt.timedelta(days=365)
SKEW = dt.timedelta(hours=1)  # a clock may have been set back


@dataclass(frozen=True)
class Pair:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Subject:
    """Who a certificate is for. Kubernetes reads the common name as user and organizations as groups.

    One with `hosts` (DNS names and IP addresses) serves, one without is a client.
    """

    name: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def subjects(plan: Plan, node: str) -> dict[str, Subject]:
    """All certificates of a cluster by file name; users and groups as in Kubernetes' PKI requirements."""
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    return {
        "apiserver": Subject("kube-apiserver", hosts=(*service, "localhost", "127.0.0.1", plan.api_service, plan.node)),
        "etcd": Subject("etcd", hosts=("localhost", "127.0.0.1")),
        "kubelet-server": Subject(f"system:node:{node}", ("system:nodes",), (node, plan.node)),
        "admin": Subject("admin", ("system:masters",)),
        "apiserver-etcd": Subject("kube-apiserver-etcd-client"),
        "apiserver-kubelet": Subject("kube-apiserver-kubelet-client"),
        "controller-manager": Subject("system:kube-controller-manager"),
        "scheduler": Subject("system:kube-scheduler"),
        "kubelet": Subject(f"system:node:{node}", ("system:nodes",)),
        "proxy": Subject("system:kube-proxy"),
        "coredns": Subject("system:coredns"),
    }


def authority(name: str) -> Pair:
    """A new, self-signed certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(Subject(name), key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def issue(by: Pair, subject: Subject) -> Pair:
    """A new key and a certificate for it, signed by an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    use = ExtendedKeyUsageOID.SERVER_AUTH if subject.hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = _builder(subject, key, by.certificate.subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    if subject.hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_host(host) for host in subject.hosts]), critical=False
        )
    return Pair(builder.sign(by.key, hashes.SHA256()), key)


def write_all(folder: Path, plan: Plan, node: str) -> None:
    """Make every certificate and the key that signs service account tokens, unless they are all there already."""
    if (folder / "ready").exists():
        return
    ca = authority("hack-cluster")
    write(folder / "ca.crt", ca.certificate.public_bytes(serialization.Encoding.PEM))
    write(folder / "sa.key", _private(ec.generate_private_key(ec.SECP256R1())), secret=True)
    for name, subject in subjects(plan, node).items():
        pair = issue(ca, subject)
        write(folder / f"{name}.crt", pair.certificate.public_bytes(serialization.Encoding.PEM))
        write(folder / f"{name}.key", _private(pair.key), secret=True)
    write(folder / "ready", "")


def _builder(subject: Subject, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.groups]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, subject.name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + LIFE)
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    # Kubernetes reads a public key out of this form of a private one, but not out of PKCS #8.
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def kubeconfig(cluster: str, server: str, folder: Path, user: str) -> str:
    """A kubeconfig with all certificates inside, so that it may be copied elsewhere."""

    def data(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    identity = {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": data("ca.crt")}}],
        "users": [{"name": user, "user": identity}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }
    return yaml.safe_dump(content, sort_keys=False)
