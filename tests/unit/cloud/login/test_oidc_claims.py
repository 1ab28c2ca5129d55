"""Who has logged in, and whether the provider is to be believed: a real one, which can misbehave."""

import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import RSAKey
from tests.support.oidc import (
    CLIENT,
    EMAIL,
    SUBJECT,
    Provider,
    Signer,
    a_provider,
    altered,
    answering,
    by_ellipse,
    forged,
    unsigned,
    with_public_key,
    without_kid,
)
from tests.support.oidc_server import DISCOVERY, Server

from magecluster.cloud.errors import (
    ForbiddenError,
)
from magecluster.cloud.login.oidc.http import ProviderError
from magecluster.cloud.login.oidc.person import Person


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as found:
        yield found


@pytest.fixture
def server(provider: Provider) -> Server:
    return Server(provider)


@pytest.mark.parametrize("sign", [unsigned, with_public_key, forged, altered])
async def test_a_signature_that_is_none(server: Server, sign: Signer) -> None:
    server.provider.sign = sign
    assert "not to be trusted" in await server.refusal()


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": "another", "azp": CLIENT},
        {"aud": []},
        {"aud": None},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "http://issuer.example"},
        {"iss": None},
        {"exp": 1_000_000_000},
        {"exp": "never"},
        {"exp": None},
        {"iat": 100_000_000_000},
        {"iat": None},
        {"nbf": 100_000_000_000},
        {"sub": None},
        {"sub": 7},
        {"at_hash": "another"},
    ],
    ids=str,
)
async def test_a_claim_that_is_not_that_of_this_login(server: Server, claims: dict[str, Any]) -> None:
    server.provider.changed = claims
    message = await server.refusal()
    assert next(iter(claims)) in message or "azp" in message
    assert "another" not in message


async def test_several_audiences_when_it_was_made_for_us(server: Server) -> None:
    server.provider.changed = {"aud": ["another", CLIENT], "azp": CLIENT}
    assert (await server.login()).email == EMAIL


async def test_another_algorithm_and_a_second_key(server: Server) -> None:
    await server.login()
    server.ahead = 20
    server.provider.sign = by_ellipse
    assert (await server.login()).email == EMAIL


async def test_a_new_key_is_fetched_but_not_again_and_again(server: Server, provider: Provider) -> None:
    await server.login()
    provider.rotate("second")
    assert "does not publish" in await server.refusal()
    assert provider.asked["/jwks"] == 1
    server.ahead = 11
    assert (await server.login()).email == EMAIL
    assert (await server.login()).email == EMAIL
    assert provider.asked["/jwks"] == 2
    assert provider.asked[DISCOVERY] == 1


async def test_one_key_needs_no_name_and_what_encrypts_is_not_counted(server: Server, provider: Provider) -> None:
    encrypts = RSAKey.generate_key(2048, {"use": "enc"})
    provider.keys.insert(0, encrypts)
    provider.sign = without_kid
    assert (await server.login()).email == EMAIL
    provider.keys.insert(0, RSAKey.generate_key(2048, {"use": "sig"}))
    assert "does not publish" in await Server(provider).refusal()


async def test_a_key_that_is_too_short_does_not_count(server: Server, provider: Provider) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        provider.keys.append(RSAKey.generate_key(1024, {"kid": "short"}))
    assert "does not publish" in await server.refusal()


async def test_a_key_that_cannot_be_used_does_no_harm(server: Server, provider: Provider) -> None:
    usable = provider.keys[0].as_dict(private=False)
    odd = [{"kty": "AKP", "kid": "new"}, {"kty": "RSA", "n": "AQAB"}, {"kty": "EC", "crv": "P-0", "x": "", "y": ""}, 7]
    provider.instead["/jwks"] = answering(200, {"keys": [*odd, {**usable, "use": "enc"}, usable]})
    assert (await server.login()).email == EMAIL


@pytest.mark.parametrize(
    "email", [None, "", 7, "no address", "gr\u00e4ce@example.com", "grace@ex\u212aample.com", ["a@b.c"]]
)
async def test_an_email_address_is_needed(server: Server, email: object) -> None:
    server.provider.claims["email"] = email
    assert "no e-mail address" in await server.refusal(ForbiddenError)


@pytest.mark.parametrize(
    ("verified", "fine"),
    [(False, False), ("false", False), (0, False), ("", False), (True, True), ("true", True), (None, True)],
)
async def test_an_email_address_is_not_one_that_is_not_verified(
    server: Server, verified: object, *, fine: bool
) -> None:
    server.provider.claims["email_verified"] = verified
    if fine:
        assert (await server.login()).email == EMAIL
    else:
        assert "not verified" in await server.refusal(ForbiddenError)


async def test_names_are_for_people(server: Server) -> None:
    server.provider.claims["name"] = " \x1b[31mGrace\u202e\n" + "x" * 200
    assert (await server.login()).name == ("[31mGrace" + "x" * 200)[:100]
    server.provider.claims |= {"name": 7, "preferred_username": "grace"}
    assert (await server.login()).name == "grace"


@pytest.mark.parametrize(
    ("claim", "groups"), [(None, ()), ("data", ("data",)), ("", ()), ([], ()), (["b", "a", "b"], ("b", "a"))]
)
async def test_groups_are_a_text_or_a_list(provider: Provider, claim: object, groups: tuple[str, ...]) -> None:
    provider.claims["https://mage.example/roles"] = claim
    assert (await Server(provider, claim="https://mage.example/roles").login()).groups == groups


@pytest.mark.parametrize(
    "claim", [7, {"a": "b"}, ["a", 7], ["x"] * 1001, ["x" * 257]], ids=lambda claim: type(claim).__name__
)
async def test_groups_of_another_form_are_not_left_out_silently(server: Server, claim: object) -> None:
    server.provider.claims["groups"] = claim
    assert "--oidc-claim" in await server.refusal(ProviderError)


async def test_what_is_told_at_the_userinfo_endpoint_only(server: Server, provider: Provider) -> None:
    provider.userinfo = {"sub": SUBJECT, "email": EMAIL, "email_verified": True, "groups": ["data"]}
    provider.claims = {"sub": SUBJECT}
    assert (await server.login()).groups == ("data",)
    provider.userinfo["email_verified"] = False
    assert "not verified" in await server.refusal(ForbiddenError)
    provider.userinfo["sub"] = "somebody-else"
    assert "somebody else" in await server.refusal(ProviderError)


async def test_the_id_token_counts_more_than_userinfo(server: Server, provider: Provider) -> None:
    provider.userinfo = {"sub": SUBJECT, "email": "boss@example.com", "email_verified": True, "groups": ["data"]}
    assert (await server.login()) == Person(EMAIL, "Grace", f"{provider.url} {SUBJECT}", ("data",))
    provider.claims["email_verified"] = False
    assert "not verified" in await server.refusal(ForbiddenError)
