"""A login by OpenID Connect, from the first redirect to the session."""

from collections.abc import Callable
from typing import Any

import structlog

from magecluster.cloud.access.account import Account, Session
from magecluster.cloud.access.buckets import TokenBuckets
from magecluster.cloud.errors import (
    CloudError,
    ForbiddenError,
    TooManyRequestsError,
    UnauthenticatedError,
)
from magecluster.cloud.login.limits import source
from magecluster.cloud.login.oidc import id_token
from magecluster.cloud.login.oidc.enrolment import Enrolment
from magecluster.cloud.login.oidc.http import ProviderError, unavailable
from magecluster.cloud.login.oidc.id_token import Expected, UnknownKeyError, UntrustedError
from magecluster.cloud.login.oidc.journey import Arrival, Departure, Journeys
from magecluster.cloud.login.oidc.person import Person, person
from magecluster.cloud.login.oidc.provider import Metadata, Provider, Tokens
from magecluster.cloud.login.sessions import ChangedError, Sessions
from magecluster.cloud.settings import Oidc, Settings
from magecluster.cloud.store.accounts import Accounts

logger = structlog.stdlib.get_logger(__name__)


class OpenIdConnect:
    """Used on several replicas: a login may begin on one and end on another."""

    def __init__(
        self,
        settings: Settings,
        oidc: Oidc,
        key: bytes,
        accounts: Accounts,
        sessions: Sessions,
        random: Callable[[int], bytes],
    ) -> None:
        """`key` is the server's; `random` makes so many bytes that nobody can guess."""
        self._oidc, self._sessions, self._clock = oidc, sessions, accounts.clock
        self._provider = Provider(oidc, accounts.clock)
        self._journeys = Journeys(key, f"{oidc.issuer} {oidc.client_id}", accounts.clock, random)
        self._enrolment = Enrolment(accounts, after_first=settings.bootstrap_admin is not None)
        # As many as by password.
        self._addresses = TokenBuckets(rate=1 / 2, burst=30)

    async def begin(self, redirect_uri: str) -> Departure:
        """Raises `UnavailableError`, `ProviderError`."""
        journey = self._journeys.begin()
        return Departure(await self._provider.authorization_url(journey, redirect_uri), journey.cookie)

    async def finish(self, arrival: Arrival, redirect_uri: str, address: str) -> tuple[str, Session, Account]:
        """The text of the token, the session and the account. Raises `CloudError`, `KubeError`."""
        found = await self.identify(arrival, redirect_uri, address)
        account = await self._enrolment.account(found)
        try:
            return await self._sessions.open(account, address, "oidc")
        except ChangedError:
            raise UnauthenticatedError("the account was changed in this moment: begin again") from None

    async def identify(self, arrival: Arrival, redirect_uri: str, address: str) -> Person:
        """Who has logged in at the provider; nothing is written. Raises `CloudError`."""
        if wait := self._addresses.take(source(address), self._clock()):
            raise TooManyRequestsError("too many attempts to log in: wait, and then try again", retry_after=wait)
        journey = self._journeys.resume(arrival.cookie, arrival.state)
        metadata = await self._provider.metadata()
        _check_issuer(arrival, metadata)
        if arrival.error is not None:
            raise _refusal(arrival.error)
        if not arrival.code:
            raise ProviderError("the OpenID Connect provider sent neither a code nor an error: begin again")
        tokens = await self._provider.exchange(arrival.code, journey, redirect_uri)
        expected = Expected(metadata.issuer, self._oidc.client_id, journey.nonce, tokens.access_token)
        claims = await self._verified(tokens.id_token, expected)
        return person(await self._completed(claims, tokens), metadata.issuer, self._oidc.claim)

    async def _verified(self, token: str, expected: Expected) -> dict[str, Any]:
        """Raises `UnauthenticatedError`."""
        now = self._clock()
        try:
            try:
                return id_token.claims(token, await self._provider.keys(), expected, now)
            except UnknownKeyError:
                # The provider changes its keys from time to time.
                return id_token.claims(token, await self._provider.newer_keys(), expected, now)
        except UntrustedError as error:
            logger.warning("Could not trust an ID token of the OpenID Connect provider: %s", error)
            raise UnauthenticatedError(
                f"what the OpenID Connect provider says is not to be trusted, {error}: begin again; if that does not"
                " help, check clock and client"
            ) from None

    async def _completed(self, claims: dict[str, Any], tokens: Tokens) -> dict[str, Any]:
        """With what is told at the userinfo endpoint only, where OpenID Connect has the claims of scopes."""
        if tokens.access_token is None or ("email" in claims and self._oidc.claim in claims):
            return claims
        more = await self._provider.userinfo(tokens.access_token)
        if more and more.get("sub") != claims["sub"]:
            raise ProviderError("the userinfo endpoint of the OpenID Connect provider speaks of somebody else")
        return {**more, **claims}


def _check_issuer(arrival: Arrival, metadata: Metadata) -> None:
    """The answer of one provider is not to be taken for that of another. Raises `UnauthenticatedError`."""
    missing = arrival.issuer is None and metadata.authorization_response_iss_parameter_supported
    if missing or arrival.issuer not in (None, metadata.issuer):
        raise UnauthenticatedError("the answer is not that of the configured OpenID Connect provider: begin again")


def _refusal(error: str) -> CloudError:
    """Of the authorization endpoint: RFC 6749, section 4.1.2.1, and OpenID Connect Core, section 3.1.2.6."""
    match error:
        case "access_denied":
            return ForbiddenError("the OpenID Connect provider did not let you in, or you did not agree: try again")
        case "login_required" | "interaction_required" | "consent_required" | "account_selection_required":
            return UnauthenticatedError("the OpenID Connect provider wants you to log in there: begin again")
        case "temporarily_unavailable" | "server_error":
            return unavailable("login page")
        case _:
            return ProviderError(
                "the OpenID Connect provider refuses what this installation asks for: check client, redirect URI and"
                " scopes there"
            )
