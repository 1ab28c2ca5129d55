"""Limits of log-ins."""

import pytest

from magecluster.cloud.errors import TooManyRequestsError
from magecluster.cloud.login.limits import LoginLimits, source

NOW = 1_800_000_000.0


def until_refused(limits: LoginLimits, email: str, address: str, now: float = NOW) -> tuple[int, int]:
    """Attempts that were let through, and what the refused one is told to wait, in seconds."""
    for number in range(1000):
        try:
            limits.attempt(email.replace("#", str(number)), address.replace("#", str(number)), now)
        except TooManyRequestsError as refused:
            return number, round(refused.retry_after or 0)
    raise AssertionError("never refused")


def test_an_account_is_tried_ten_times_from_everywhere_together() -> None:
    limits = LoginLimits()
    assert until_refused(limits, "ada@example.com", "192.0.2.#") == (10, 30)
    assert until_refused(limits, "ADA@example.com", "198.51.100.#") == (0, 30)
    assert until_refused(limits, "ada@example.com", "192.0.2.#", NOW + 60)[0] == 2
    assert until_refused(limits, "bob@example.com", "192.0.2.#", NOW + 60)[0] == 10


def test_an_address_tries_thirty_times_for_all_accounts_together() -> None:
    limits = LoginLimits()
    assert until_refused(limits, "user#@example.com", "192.0.2.1") == (30, 2)
    limits.attempt("ada@example.com", "192.0.2.2", NOW)


def test_what_an_address_is_refused_is_no_attempt_on_the_account() -> None:
    limits = LoginLimits()
    until_refused(limits, "user#@example.com", "192.0.2.1")
    for _ in range(50):
        with pytest.raises(TooManyRequestsError):
            limits.attempt("ada@example.com", "192.0.2.1", NOW)
    assert until_refused(limits, "ada@example.com", "192.0.2.#1")[0] == 10


def test_a_success_costs_the_account_nothing_and_hides_no_failure() -> None:
    limits = LoginLimits()
    for _ in range(5):
        limits.attempt("ada@example.com", "192.0.2.1", NOW)
    for number in range(20):
        limits.attempt("ada@example.com", f"192.0.2.{number}", NOW)
        limits.success("ada@example.com", NOW)
    assert until_refused(limits, "ada@example.com", "192.0.2.#")[0] == 5


def test_whoever_has_many_addresses_is_one() -> None:
    assert source("2001:db8:1:2::1") == source("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert source("2001:db8:1:3::1") != source("2001:db8:1:2::1")
    assert source("::ffff:192.0.2.1") == source("192.0.2.1") == "192.0.2.1"
    assert source("unix:") == "unix:"
