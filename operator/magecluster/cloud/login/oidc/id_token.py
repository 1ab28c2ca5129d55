"""What an ID token says. Verified by joserfc (signature) and authlib (claims of OpenID Connect)."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # has no types
from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError, SecurityWarning
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import JWSRegistry

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Only those whose keys to verify cannot sign: never `none`, never HS256, which a public key could be used with."""
KEY_TYPES = ("RSA", "EC", "OKP")
LEEWAY_SECONDS = 60
"""How far the provider's clock and ours may be apart."""


class UntrustedError(Exception):
    """The token is not to be believed; the text quotes nothing of it but names of claims."""


class UnknownKeyError(UntrustedError):
    """It is signed by a key that the provider may have begun to use since its keys were read."""


class _Registry(JWSRegistry):
    """Some providers put their whole certificate into the header."""

    max_header_length = 16 * 1024
    max_payload_length = 512 * 1024
    max_signature_length = 4 * 1024


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say to be the one that was asked for."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    """What came with it; `at_hash`, when there is one, has to belong to it."""


def keys(document: Mapping[str, Any]) -> KeySet:
    """The keys of a JWKS that can verify signatures; those that cannot be used are left out, as RFC 7517 has it."""
    listed = document.get("keys")
    found = (_key(one) for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
    return KeySet([key for key in found if key])


def _key(one: dict[str, Any]) -> Key | None:
    if one.get("kty") not in KEY_TYPES or one.get("use", "sig") != "sig":
        return None
    try:
        with warnings.catch_warnings():
            # A key that is too short.
            warnings.simplefilter("error", SecurityWarning)
            return JWKRegistry.import_key(one)
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
        return None


def claims(token: str, known: KeySet, expected: Expected, now: float) -> dict[str, Any]:
    """Raises `UntrustedError`, of which `UnknownKeyError`."""
    registry = _Registry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        decoded = jwt.decode(token, known, registry=registry)
        _claims(decoded, expected).validate(now=now, leeway=LEEWAY_SECONDS)
    except InvalidKeyIdError:
        raise UnknownKeyError("it is signed by a key that the provider does not publish") from None
    except ClaimError as error:
        raise UntrustedError(f"{error.error} ({error.claim})") from None
    except JoseError as error:
        raise UntrustedError(error.error) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise UntrustedError(f"it is malformed ({type(error).__name__})") from None
    return decoded.claims


def _claims(decoded: jwt.Token, expected: Expected) -> Any:
    needed = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
    }
    asked = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}
    return CodeIDToken(decoded.claims, decoded.header, needed, asked)
