"""Who calls: the user of a session of Mage's, as Mage itself would find out."""

from __future__ import annotations

from jwt.exceptions import PyJWTError
from mage_ai.api.utils import authenticate_client_and_token, has_at_least_admin_role, is_owner
from mage_ai.authentication.oauth2 import decode_token
from mage_ai.orchestration.db.models.oauth import Oauth2Application
from mage_ai.settings import OAUTH2_APPLICATION_CLIENT_ID, REQUIRE_USER_AUTHENTICATION

from magecluster_runner.wire import Json, RefusedError

_JWT_DOTS = 2


def caller(request: Json) -> Json:
    """For the API key and the token of a request: `{"name", "admin", "owner"}`. Raises `RefusedError`."""
    if not REQUIRE_USER_AUTHENTICATION:
        return {"caller": {"name": "anybody", "admin": True, "owner": True}}
    client = Oauth2Application.query_client(request["api_key"]) if request["api_key"] else None
    if client is None or client.client_id != OAUTH2_APPLICATION_CLIENT_ID:
        raise RefusedError(401, "unauthenticated", "The API key is missing or wrong; send Mage's as X-API-KEY")
    token = str(request["token"])
    if token.count(".") == _JWT_DOTS:  # as sessions tell it; it holds the one that is looked up
        token = _held_by(token)
    found, valid = authenticate_client_and_token(client.id, token) if token else (None, False)
    if not found or not valid or not found.user:
        raise RefusedError(
            401, "unauthenticated", "The token of a session is missing, wrong or over; log in at /api/sessions"
        )
    user = found.user
    roles = {"admin": bool(has_at_least_admin_role(user)), "owner": bool(is_owner(user))}
    return {"caller": {"name": str(user.email or user.username), **roles}}


def _held_by(signed: str) -> str:
    """The token in one that Mage has signed, empty for any other."""
    try:
        return str(decode_token(signed).get("token", ""))
    except PyJWTError:
        return ""
