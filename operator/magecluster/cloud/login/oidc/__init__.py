"""Logging in by an OpenID Connect provider: authorization code flow with PKCE.

- `journey.py`    a login under way: everything that is known of it is in a cookie of the browser
- `http.py`       requests to the provider
- `kept.py`       what the provider says of itself, remembered for a while
- `provider.py`   where the provider's endpoints are, its keys, its tokens
- `id_token.py`   what an ID token says, verified
- `person.py`     who that is
- `enrolment.py`  the account of that person
- `flow.py`       put together
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from magecluster.cloud.settings import Settings

if TYPE_CHECKING:
    from magecluster.cloud.login.oidc.flow import OpenIdConnect
    from magecluster.cloud.login.sessions import Sessions
    from magecluster.cloud.store.accounts import Accounts


def configured(
    settings: Settings,
    key: bytes,
    accounts: "Accounts",
    sessions: "Sessions",
    random: Callable[[int], bytes],
) -> "OpenIdConnect | None":
    """`None` unless a provider is configured; `key` is the server's."""
    if settings.oidc is None:
        return None
    # Its libraries take 10 MB, which nobody pays for who does not use it.
    from magecluster.cloud.login.oidc.flow import OpenIdConnect  # noqa: PLC0415

    return OpenIdConnect(settings, settings.oidc, key, accounts, sessions, random)
