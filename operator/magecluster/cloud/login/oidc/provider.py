"""The provider: where its endpoints are, its keys, and what it gives for a code."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]  # has no types
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]  # has no types
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # has no types
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]  # has no types
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, ValidationError

from magecluster.cloud.errors import UnauthenticatedError
from magecluster.cloud.login.oidc import id_token
from magecluster.cloud.login.oidc.http import ProviderError, ask, get, unavailable
from magecluster.cloud.login.oidc.journey import Journey
from magecluster.cloud.login.oidc.kept import Kept
from magecluster.cloud.settings import Oidc

BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Metadata(BaseModel):
    """The part of the discovery document that is needed."""

    model_config: ClassVar = ConfigDict(strict=True, frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = [BASIC]
    authorization_response_iss_parameter_supported: bool = False


class Tokens(NamedTuple):
    """What a code was exchanged for."""

    id_token: str
    access_token: str | None


class Provider:
    """One provider, and this installation as its client."""

    def __init__(self, settings: Oidc, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._metadata = Kept("discovery document", self._discover, clock)
        self._keys = Kept("keys", self._fetch_keys, clock)

    async def metadata(self) -> Metadata:
        """Raises `UnavailableError`, `ProviderError`, as everything here does."""
        return await self._metadata.get()

    async def keys(self) -> KeySet:
        """Those that sign ID tokens."""
        return await self._keys.get()

    async def newer_keys(self) -> KeySet:
        """The same when one is missing."""
        return await self._keys.newer()

    async def authorization_url(self, journey: Journey, redirect_uri: str) -> str:
        """Where the browser goes to log in."""
        url = prepare_grant_uri(
            (await self.metadata()).authorization_endpoint,
            client_id=self._settings.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=list(dict.fromkeys(("openid", *self._settings.scopes))),
            state=journey.state,
            nonce=journey.nonce,
            code_challenge=create_s256_code_challenge(journey.verifier),
            code_challenge_method="S256",
        )
        return str(url)

    async def exchange(self, code: str, journey: Journey, redirect_uri: str) -> Tokens:
        """Raises also `UnauthenticatedError` when the code is not accepted."""
        metadata = await self.metadata()
        body = prepare_token_request(
            "authorization_code", redirect_uri=redirect_uri, code=code, code_verifier=journey.verifier
        )
        auth = ClientAuth(self._settings.client_id, self._settings.client_secret, self._method(metadata))
        url, headers, body = auth.prepare("POST", metadata.token_endpoint, dict(FORM), body)
        status, answer = await ask("token endpoint", "POST", url, headers=headers, body=body)
        token, access = answer.get("id_token"), answer.get("access_token")
        if "error" in answer or status != 200:  # noqa: PLR2004  OK
            raise _refusal(answer.get("error"))
        if not isinstance(token, str):
            raise ProviderError("the OpenID Connect provider gives no ID token: allow the scope openid there")
        return Tokens(token, access if isinstance(access, str) else None)

    async def userinfo(self, access_token: str) -> dict[str, Any]:
        """What the provider tells beside the ID token; nothing when it has no such endpoint."""
        url = (await self.metadata()).userinfo_endpoint
        return await get("userinfo endpoint", url, {"Authorization": f"Bearer {access_token}"}) if url else {}

    def _method(self, metadata: Metadata) -> str:
        offered = metadata.token_endpoint_auth_methods_supported
        if not self._settings.client_secret:
            return NONE
        return POST if POST in offered and BASIC not in offered else BASIC

    async def _discover(self) -> Metadata:
        document = await get("discovery document", get_well_known_url(self._settings.issuer, external=True))
        try:
            metadata = Metadata.model_validate(document)
        except ValidationError as error:
            wrong = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
            raise ProviderError(
                f"the discovery document of the OpenID Connect provider has no usable {wrong}: check the issuer"
            ) from None
        if metadata.issuer.rstrip("/") != self._settings.issuer.rstrip("/"):
            raise ProviderError(
                "the discovery document is that of another issuer: let --oidc-issuer be the issuer that it names"
            )
        check_addresses(metadata, self._settings.issuer)
        return metadata

    async def _fetch_keys(self) -> KeySet:
        found = id_token.keys(await get("key set", (await self.metadata()).jwks_uri))
        if not found:
            raise ProviderError("the OpenID Connect provider publishes no key that can be used to verify ID tokens")
        return found


def check_addresses(metadata: Metadata, issuer: str) -> None:
    """What begins its way encrypted does not continue it in the clear. Raises `ProviderError`."""
    schemes = ("https",) if issuer.startswith("https:") else ("https", "http")
    named = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri, metadata.userinfo_endpoint)
    for address in named:
        if address is not None and (urlsplit(address).scheme not in schemes or not urlsplit(address).netloc):
            raise ProviderError("an endpoint of the OpenID Connect provider is no URL with https: check the provider")


def _refusal(error: object) -> Exception:
    """Of the token endpoint: RFC 6749, section 5.2."""
    match error:
        case "invalid_grant":
            return UnauthenticatedError("the code of the OpenID Connect provider is used or expired: begin again")
        case "temporarily_unavailable" | "server_error":
            return unavailable("token endpoint")
        case "invalid_client" | "unauthorized_client":
            return ProviderError("the OpenID Connect provider does not accept this client: check its id and secret")
        case _:
            return ProviderError("the OpenID Connect provider gives no tokens: check the client's registration there")
