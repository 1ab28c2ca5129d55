from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request

from magecluster.cloud.errors import ForbiddenError, UnauthenticatedError
from magecluster.cloud.settings import PUBLISHED_KEY, Settings
from magecluster.cloud.web.identity import address_of, check_api_key, check_same_site, origin, token_of

HERE = {"Host": "mage.example.com"}


@pytest.mark.parametrize(
    ("headers", "token", "by_cookie"),
    [
        ({"Authorization": "Bearer abc"}, "abc", False),
        ({"Authorization": "bearer  abc "}, "abc", False),
        ({"OAUTH-TOKEN": "abc"}, "abc", False),
        ({"Cookie": "oauth_token=abc"}, "abc", True),
        ({"Cookie": 'a=b; oauth_token="abc"; c=d'}, "abc", True),
        ({"Cookie": "oauth_token=", "OAUTH-TOKEN": "abc"}, "abc", False),
        ({"Authorization": "Basic YTpi", "Cookie": "oauth_token=abc"}, "abc", True),
        ({"Authorization": "Bearer one", "OAUTH-TOKEN": "two", "Cookie": "oauth_token=three"}, "one", False),
    ],
)
def test_the_token_is_found_in_all_its_places(headers: dict[str, str], token: str, by_cookie: bool) -> None:  # noqa: FBT001
    shown = token_of(make_mocked_request("GET", "/", headers=headers))
    assert shown is not None
    assert (shown.token, shown.by_cookie) == (token, by_cookie)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer "}, {"Cookie": "other=abc"}, {"Authorization": "abc"}]
)
def test_nobody_is_nobody(headers: dict[str, str]) -> None:
    assert token_of(make_mocked_request("GET", "/", headers=headers)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-KEY": PUBLISHED_KEY, "Content-Type": "application/json"},
        {"Content-Type": "application/json"},
        {"X-API-KEY": "any"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://mage.example.com"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://mage.example.com"},
    ],
)
def test_a_write_with_a_cookie_from_here_is_let_in(headers: dict[str, str]) -> None:
    check_same_site(make_mocked_request("PUT", "/", headers={**HERE, **headers}), Settings())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"},
        {"Sec-Fetch-Site": "same-site", "Content-Type": "application/json"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "X-API-KEY": PUBLISHED_KEY},
        {"Origin": "https://evil.example.com", "Content-Type": "application/json"},
        {"Origin": "null", "Content-Type": "application/json"},
        {"Origin": "http://mage.example.com.evil.example", "X-API-KEY": PUBLISHED_KEY},
        {"Origin": "http://mage.example.com", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_write_with_a_cookie_that_another_site_caused_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ForbiddenError):
        check_same_site(make_mocked_request("PUT", "/", headers={**HERE, **headers}), Settings())


def test_the_key_of_the_installation_is_asked_for_unless_there_is_none() -> None:
    check_api_key(make_mocked_request("POST", "/", headers={"X-API-KEY": PUBLISHED_KEY}), Settings())
    check_api_key(make_mocked_request("POST", "/"), Settings(api_keys=frozenset()))
    for headers in ({}, {"X-API-KEY": "other"}, {"X-API-KEY": ""}):
        with pytest.raises(UnauthenticatedError):
            check_api_key(make_mocked_request("POST", "/", headers=headers), Settings())


class Peer:
    """A transport that says where it comes from."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._address, 1234) if name == "peername" else default

    def is_closing(self) -> bool:
        return False


def address(peer: str, forwarded: str | None, *trusted: str) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = make_mocked_request("GET", "/", headers=headers, transport=Peer(peer))
    return address_of(request, [ip_network(network) for network in trusted])


def test_only_proxies_that_are_trusted_say_for_whom_they_speak() -> None:
    assert address("10.0.0.1", "1.1.1.1") == "10.0.0.1"
    assert address("8.8.8.8", "1.1.1.1", "10.0.0.0/8") == "8.8.8.8"
    assert address("10.0.0.1", "1.1.1.1", "10.0.0.0/8") == "1.1.1.1"
    assert address("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "10.0.0.0/8") == "1.1.1.1"
    assert address("10.0.0.1", "nonsense", "10.0.0.0/8") == "10.0.0.1"
    assert address("10.0.0.1", None, "10.0.0.0/8") == "10.0.0.1"


def test_links_begin_with_the_address_that_people_use() -> None:
    request = make_mocked_request("GET", "/", headers=HERE)
    assert origin(request, Settings()) == "http://mage.example.com"
    assert origin(request, Settings(public_url="https://mage.example.org/")) == "https://mage.example.org"
