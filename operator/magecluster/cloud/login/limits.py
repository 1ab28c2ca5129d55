"""How often one may try to log in."""

from ipaddress import IPv6Address, ip_address, ip_network

from magecluster.cloud.access.buckets import TokenBuckets
from magecluster.cloud.access.email import account_id
from magecluster.cloud.errors import TooManyRequestsError

NETWORK_BITS = 64
"""What one customer of a network gets of IPv6."""


class LoginLimits:
    """For each account, whether it exists or not, and for each address. A success costs an account nothing."""

    def __init__(self, accounts: TokenBuckets | None = None, addresses: TokenBuckets | None = None) -> None:
        """By default 10 and then one in 30 s for an account, 30 and then one in 2 s for an address."""
        self._accounts = accounts or TokenBuckets(rate=1 / 30, burst=10)
        self._addresses = addresses or TokenBuckets(rate=1 / 2, burst=30)

    def attempt(self, email: str, address: str, now: float) -> None:
        """Raises `TooManyRequestsError`."""
        wait = self._addresses.take(source(address), now) or self._accounts.take(account_id(email), now)
        if wait:
            raise TooManyRequestsError("too many attempts to log in: wait, and then try again", retry_after=wait)

    def success(self, email: str, now: float) -> None:
        """Scripts log in each time they run, and who knows the password does not guess it."""
        self._accounts.refund(account_id(email), now)


def source(address: str) -> str:
    """Whom an address stands for: itself, or its network where everybody has more of them than can be counted."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), NETWORK_BITS), strict=False))
