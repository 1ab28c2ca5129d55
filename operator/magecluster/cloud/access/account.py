"""An account, and the one Secret that keeps it.

Everything of an account is in one Secret, so one write can change the password and end all sessions, and the API server
itself keeps apart two who write at the same time. Each session and token has a key of its own: an administrator can end
it with kubectl.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from magecluster.api.labels import CLOUD_API, COMPONENT, MANAGED_BY
from magecluster.api.model import Manifest
from magecluster.cloud.access.credentials import (
    MOST_SESSIONS,
    MOST_TOKENS,
    Seconds,
    ServiceToken,
    Session,
    by_id,
    kept_sessions,
    kept_tokens,
    read,
    written,
)
from magecluster.cloud.access.email import account_id, canonical
from magecluster.cloud.errors import LimitError

__all__ = ["Account", "InvalidAccountError", "ServiceToken", "Session", "account_id", "secret_name", "secret_of"]

SECRET_TYPE = "magecluster.io/account"  # noqa: S105  a type
LABELS = {MANAGED_BY: CLOUD_API, COMPONENT: "account"}
EMAIL_ANNOTATION = "magecluster.io/email"
"""For people who look at Secrets; never read."""
PASSWORD = "password"  # noqa: S105  the name of a key


class InvalidAccountError(Exception):
    """A Secret is labelled as an account and is none; the message quotes nothing of it."""


class _Profile(BaseModel):
    """The key `account`."""

    model_config: ClassVar = ConfigDict(strict=True, frozen=True)

    email: str
    name: str
    admin: bool
    created: Seconds
    identity: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who may log in. Edits return another one; `store/accounts.py` writes it."""

    email: str
    """In its canonical spelling."""
    name: str = ""
    """For people."""
    admin: bool = False
    """Whether all teams, and all accounts, are theirs to administrate."""
    created: float
    password: str | None = field(default=None, repr=False)
    """Argon2id hash; nobody can log in by password without one."""
    identity: str | None = None
    """Issuer and subject of OpenID Connect, a space between."""
    groups: tuple[str, ...] = ()
    """What the issuer said at the last login."""
    sessions: Mapping[str, Session] = field(default_factory=dict, repr=False)
    tokens: Mapping[str, ServiceToken] = field(default_factory=dict, repr=False)
    version: str = ""
    """resourceVersion of the Secret; empty when there is none yet."""

    @property
    def id(self) -> str:
        """Stands in tokens and in the name of the Secret."""
        return account_id(self.email)

    @classmethod
    def parse(cls, secret: Manifest) -> "Account":
        """From the Secret as the API server keeps it. Raises `InvalidAccountError`."""
        metadata = secret["metadata"]
        labels = metadata.get("labels") or {}
        if secret.get("type") != SECRET_TYPE or any(labels.get(label) != value for label, value in LABELS.items()):
            raise InvalidAccountError("its type or its labels are not those of an account")
        # It stays while somebody's finalizer holds it, but who deletes it means it.
        if metadata.get("deletionTimestamp"):
            raise InvalidAccountError("it is being deleted")
        try:
            data = {key: b64decode(value, validate=True).decode() for key, value in (secret.get("data") or {}).items()}
            profile = _Profile.model_validate_json(data.get("account", ""))
            sessions, tokens = read(Session, "session.", data), read(ServiceToken, "token.", data)
        except ValidationError as error:
            wrong = (f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors())
            raise InvalidAccountError(f"its data is not that of an account: {'; '.join(wrong)}") from None
        except ValueError:
            raise InvalidAccountError("its data is no text, or a key in it has another name than its content") from None
        if profile.email != canonical(profile.email) or metadata["name"] != secret_name(profile.email):
            raise InvalidAccountError("its name does not belong to the e-mail in it")
        return cls(
            **dict(profile),
            password=data.get(PASSWORD) or None,
            sessions=sessions,
            tokens=tokens,
            version=metadata.get("resourceVersion", ""),
        )

    def secret(self, namespace: str) -> Manifest:
        """The Secret to create."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": secret_name(self.email),
                "namespace": namespace,
                "labels": dict(LABELS),
                "annotations": {EMAIL_ANNOTATION: self.email},
            },
            "type": SECRET_TYPE,
            "data": self._data(),
        }

    def patch(self, after: "Account") -> Manifest:
        """Merge patch that makes the Secret of this account that of `after`; for exactly this version of it."""
        before, wanted = self._data(), after._data()  # noqa: SLF001  of the same class
        data: Manifest = {key: None for key in before if key not in wanted}
        data |= {key: value for key, value in wanted.items() if before.get(key) != value}
        return {"metadata": {"resourceVersion": self.version}, "data": data}

    def with_session(self, session: Session) -> "Account":
        """Logged in once more; of too many sessions, the one that was not used for the longest time makes room."""
        others = (one for one in self.sessions.values() if one.id != session.id)
        kept = list(kept_sessions(others, session.created).values())
        return replace(self, sessions=by_id([session, *kept[: MOST_SESSIONS - 1]]))

    def without_session(self, id_: str) -> "Account":
        """Logged out."""
        return replace(self, sessions={key: s for key, s in self.sessions.items() if key != id_})

    def touched(self, id_: str, now: float) -> "Account":
        """A session or a token was used; the account itself when there is no such thing any more."""
        if session := self.sessions.get(id_):
            later = replace(session, seen=max(session.seen, now))
            return replace(self, sessions={**self.sessions, id_: later})
        if token := self.tokens.get(id_):
            return replace(self, tokens={**self.tokens, id_: replace(token, seen=max(token.seen or 0.0, now))})
        return self

    def with_token(self, token: ServiceToken) -> "Account":
        """Raises `LimitError`."""
        if sum(one.lives(token.created) for one in self.tokens.values()) >= MOST_TOKENS:
            raise LimitError(f"an account has at most {MOST_TOKENS} service tokens: revoke one that is not needed")
        return replace(self, tokens={**self.tokens, token.id: token})

    def revoked(self, id_: str, now: float) -> "Account":
        """A service token is not accepted any more; the account itself when it was not anyway."""
        token = self.tokens.get(id_)
        if token is None or token.revoked is not None:
            return self
        return replace(self, tokens={**self.tokens, id_: replace(token, revoked=now)})

    def with_password(self, password: str) -> "Account":
        """Another password, as its hash. Whoever knew the old one is logged out everywhere."""
        return replace(self, password=password, sessions={})

    def rehashed(self, password: str) -> "Account":
        """The same password, hashed with today's parameters."""
        return replace(self, password=password)

    def pruned(self, now: float) -> "Account":
        """Without what ended and is not needed any more."""
        return replace(
            self,
            sessions=kept_sessions(self.sessions.values(), now),
            tokens=kept_tokens(self.tokens.values(), now),
        )

    def _data(self) -> dict[str, str]:
        profile = _Profile(
            email=self.email,
            name=self.name,
            admin=self.admin,
            created=self.created,
            identity=self.identity,
            groups=self.groups,
        )
        data = {"account": profile.model_dump_json().encode()}
        if self.password is not None:
            data[PASSWORD] = self.password.encode()
        data |= written("session.", self.sessions.values()) | written("token.", self.tokens.values())
        return {key: b64encode(value).decode() for key, value in data.items()}


def secret_name(email: str) -> str:
    """Name of the Secret of an account."""
    return secret_of(account_id(email))


def secret_of(id_: str) -> str:
    """The same by the id of the account."""
    return f"magecluster-user-{id_}"
