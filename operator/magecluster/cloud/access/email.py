"""E-mail addresses: who an account is."""

import re
from functools import lru_cache
from hashlib import sha256

MOST_CHARACTERS = 254
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
PATTERN = rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*"
"""What browsers accept in a field for an e-mail."""
_EMAIL = re.compile(PATTERN)


def canonical(email: str) -> str | None:
    """The one spelling of an address, `None` for what is none.

    Only ASCII: letters that look like others, or become others in lower case, would make two people one, or one two.
    """
    if not email.isascii() or len(email) > MOST_CHARACTERS:
        return None
    folded = email.casefold()
    return folded if _EMAIL.fullmatch(folded) else None


@lru_cache(maxsize=1024)
def account_id(email: str) -> str:
    """16 hexadecimal digits for any text, also one that can be no account. Remembered: every request asks for one."""
    return sha256(email.casefold().encode("utf-8", "surrogatepass")).hexdigest()[:16]
