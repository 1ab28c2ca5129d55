"""Who has logged in, as the provider tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from magecluster.cloud.access.email import canonical
from magecluster.cloud.errors import ForbiddenError
from magecluster.cloud.login.oidc.http import ProviderError

MOST_SUBJECT = 255
"""As OpenID Connect has it."""
MOST_NAME = 100
MOST_GROUPS = 1000
MOST_GROUP = 256


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the provider vouches for."""

    email: str
    """In its canonical spelling."""
    name: str
    """Empty when the provider tells none."""
    identity: str
    """Issuer and subject, a space between: all that never changes and is never given to somebody else."""
    groups: tuple[str, ...]


def person(claims: Mapping[str, Any], issuer: str, group_claim: str) -> Person:
    """Of verified claims. Raises `ForbiddenError`, `ProviderError`."""
    subject = claims["sub"]
    if not (isinstance(subject, str) and 0 < len(subject) <= MOST_SUBJECT and subject.isprintable()):
        raise ProviderError("the OpenID Connect provider tells no usable subject (sub): check it")
    return Person(
        email=_email(claims),
        name=_name(claims.get("name")) or _name(claims.get("preferred_username")),
        # Whether the issuer is written with a slash at the end is configuration, and no other issuer.
        identity=f"{issuer.rstrip('/')} {subject}",
        groups=_groups(claims.get(group_claim)),
    )


def _email(claims: Mapping[str, Any]) -> str:
    email, verified = claims.get("email"), claims.get("email_verified")
    address = canonical(email) if isinstance(email, str) else None
    if address is None:
        raise ForbiddenError(
            "the OpenID Connect provider tells no e-mail address of yours: give it one there, in ASCII, and let it tell"
            " (scope email)"
        )
    # Some write it as a text, and some vouch for every address and leave it out.
    if verified not in (True, "true", None):
        raise ForbiddenError("the OpenID Connect provider has not verified your e-mail address: verify it there")
    return address


def _name(given: object) -> str:
    if not isinstance(given, str):
        return ""
    # It is shown on terminals.
    return "".join(letter for letter in given if letter.isprintable()).strip()[:MOST_NAME]


def _groups(given: object) -> tuple[str, ...]:
    listed = [] if given is None else [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise ProviderError("the claim of --oidc-claim is neither a text nor a list of texts: choose another one")
    # Never a part of them: nobody would know why he lacks a role.
    if len(listed) > MOST_GROUPS or any(len(name) > MOST_GROUP for name in listed):
        raise ProviderError(
            f"the claim of --oidc-claim has more than {MOST_GROUPS} names, or one of more than {MOST_GROUP} characters:"
            " let the provider tell only the groups that teams name"
        )
    return tuple(dict.fromkeys(name for name in listed if name))
