"""What `magecluster cloud-api` makes of its options."""

import argparse
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from magecluster.cli.cloud_api import add_to, settings_of
from magecluster.cli.failure import CommandError
from magecluster.cloud.settings import Oidc, Settings, Tls

ISSUER = ("--oidc-issuer=https://id.example.com/", "--oidc-client-id=mage")
OIDC = Oidc(issuer="https://id.example.com", client_id="mage")

OPTIONS: dict[tuple[str, ...], tuple[str, Any]] = {
    ("--namespace=a", "--namespace=b"): ("namespaces", ("a", "b")),
    ("--own-namespace=own",): ("namespace", "own"),
    ("--kubeconfig=/k",): ("kubeconfig", Path("/k")),
    ("--context=other",): ("context", "other"),
    ("--gitops-manager=ours", "--gitops-manager=theirs"): ("gitops_managers", ("ours", "theirs")),
    ("--listen=0.0.0.0",): ("listen", "0.0.0.0"),  # noqa: S104  a text, nobody listens
    ("--port=1",): ("port", 1),
    ("--tls-cert=/c", "--tls-key=/k"): ("tls", Tls(certificate=Path("/c"), key=Path("/k"))),
    ("--public-url=https://mage.example.com",): ("public_url", "https://mage.example.com"),
    ("--trusted-proxy=10.0.0.0/8", "--trusted-proxy=fd00::/8"): (
        "trusted_proxies",
        (ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
    ),
    ("--trusted-proxy=10.0.0.1/8",): ("trusted_proxies", (ip_network("10.0.0.0/8"),)),
    ("--api-key=one", "--api-key=two"): ("api_keys", frozenset({"one", "two"})),
    ("--no-api-key",): ("api_keys", frozenset()),
    ("--bootstrap-admin=ann@example.com",): ("bootstrap_admin", "ann@example.com"),
    ("--bootstrap-admin=",): ("bootstrap_admin", None),
    ("--session-hours=1.5",): ("session_seconds", 5400.0),
    ("--idle-hours=0.5",): ("idle_seconds", 1800.0),
    ("--requests-per-second=0",): ("requests_per_second", 0.0),
    ("--burst=7",): ("burst", 7),
    ("--stale-seconds=9",): ("stale_seconds", 9.0),
    ("--body-seconds=3",): ("body_seconds", 3.0),
    ISSUER: ("oidc", OIDC),
    (*ISSUER, "--oidc-claim=roles"): ("oidc", Oidc(issuer=OIDC.issuer, client_id="mage", claim="roles")),
    (*ISSUER, "--oidc-scope=openid", "--oidc-scope=email"): (
        "oidc",
        Oidc(issuer=OIDC.issuer, client_id="mage", scopes=("openid", "email")),
    ),
}
"""Options, and the one field of the settings that they change."""
ELSEWHERE = {"--help", "--log-level", "--log-format", "--oidc-client-secret-file", "--api-key-file"}


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a pod."""
    monkeypatch.delenv("POD_NAMESPACE", raising=False)


def parser() -> argparse.ArgumentParser:
    commands = argparse.ArgumentParser().add_subparsers()
    add_to(commands)
    return commands.choices["cloud-api"]


def settings(*options: str) -> Settings:
    return settings_of(parser().parse_args(options))


def test_without_options_the_defaults_count() -> None:
    assert settings() == Settings()


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_an_option_changes_its_field_and_no_other(options: tuple[str, ...]) -> None:
    name, value = OPTIONS[options]
    found, default = vars(settings(*options)), vars(Settings())
    assert {field: found[field] for field in found if found[field] != default[field]} == {name: value}


def test_every_option_is_tried() -> None:
    offered = {option for action in parser()._actions for option in action.option_strings if option[:2] == "--"}  # noqa: SLF001  argparse offers no other way
    assert offered == {option.partition("=")[0] for options in OPTIONS for option in options} | ELSEWHERE


def test_in_a_pod_its_own_namespace_is_that_of_the_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAMESPACE", "magecluster")
    assert settings().namespace == "magecluster"


def test_api_keys_are_read_one_a_line_and_come_on_top(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("one\n\n two \n")
    assert settings(f"--api-key-file={file}", "--api-key=three").api_keys == {"one", "two", "three"}


@pytest.mark.parametrize("text", ["", "\n \n", None])
def test_a_file_without_an_api_key_is_no_reason_to_accept_the_published_one(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CommandError, match="--api-key-file"):
        settings(f"--api-key-file={file}")


def test_the_secret_of_a_client_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("of-the-client\n")
    found = settings(*ISSUER, f"--oidc-client-secret-file={file}")
    assert found.oidc
    assert found.oidc.client_secret == "of-the-client"
    assert "of-the-client" not in repr(found)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--tls-cert=/c",), "--tls-cert and --tls-key belong together"),
        (("--tls-key=/k",), "--tls-cert and --tls-key belong together"),
        (("--oidc-issuer=https://id.example.com",), "--oidc-issuer needs --oidc-client-id"),
        ((*ISSUER, "--oidc-client-secret-file=/none"), "cannot read /none"),
    ],
)
def test_what_does_not_fit_together_is_told(options: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        settings(*options)


def test_what_is_no_network_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings("--trusted-proxy=proxy")
    assert "'proxy' is no network like 10.0.0.0/8" in capsys.readouterr().err
