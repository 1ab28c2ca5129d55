"""`config.revision`: what a client read, so that its answer can be merged with what others did meanwhile.

The server keeps no history. A revision holds, for each leaf of what was read, a keyed digest of its path and one of its
value, bound to the cluster; whoever lacks the server's key learns nothing from it but the number of leaves, also of
values that can be guessed. On the wire it is URL-safe base64 of

    version (1 byte) · cluster (8 bytes) · per leaf: path (6 bytes), value (8 bytes) · seal of all that (16 bytes)

which is 19 characters a leaf. It is not compressed: digests are as good as random.
"""

import base64
import binascii
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from magecluster.cloud.config.fields import Path
from magecluster.cloud.errors import InvalidRevisionError

_VERSION = b"\x01"
_CLUSTER, _PATH, _VALUE, _SEAL = 8, 6, 8, 16
"""Lengths in bytes. Values are compared only with each other at one path; among 600 paths, two share a digest of 6
bytes once in 10⁹ clusters."""
_READ_AGAIN = "read the cluster again and repeat the change, or leave config.revision out"


@dataclass(frozen=True)
class Digester:
    """Keyed digests for one cluster."""

    key: bytes = field(repr=False)
    """The server's; at least 32 random bytes, the same on every replica."""
    uid: str
    """metadata.uid of the cluster: equal values of two clusters have different digests."""

    def digest(self, purpose: str, *parts: Any) -> bytes:
        """32 bytes that depend on all arguments; `parts` are JSON values."""
        text = orjson.dumps([purpose, self.uid, *parts], option=orjson.OPT_SORT_KEYS)
        return hmac.digest(self.key, text, "sha256")

    def cluster(self) -> bytes:
        """Stands in a revision for the cluster."""
        return self.digest("cluster")[:_CLUSTER]

    def path(self, path: Path) -> bytes:
        """Stands in a revision for a path."""
        return self.digest("path", path)[:_PATH]

    def value(self, path: Path, value: Any) -> bytes:
        """Stands in a revision for a value; the path counts, so equal values of two fields look different."""
        return self.digest("value", path, value)[:_VALUE]

    def seal(self, content: bytes) -> bytes:
        """Shows that this server made `content`, for whichever cluster."""
        return hmac.digest(self.key, b"seal" + content, "sha256")[:_SEAL]


@dataclass(frozen=True)
class Revision:
    """Digests of what a client read."""

    digester: Digester
    values: Mapping[bytes, bytes]
    """Digest of a path → digest of its value."""

    def holds(self, path: Path, value: Any) -> bool:
        """Whether the client read this value there; `None` asks whether it read none."""
        read = self.values.get(self.digester.path(path))
        return read == (None if value is None else self.digester.value(path, value))

    def knows_others(self, paths: Collection[Path]) -> bool:
        """Whether the client read anything beside these leaves."""
        return not self.values.keys() <= {self.digester.path(path) for path in paths}

    @classmethod
    def of(cls, leaves: Mapping[Path, Any], digester: Digester) -> Self:
        """What a client is about to read."""
        return cls(digester, {digester.path(path): digester.value(path, value) for path, value in leaves.items()})

    def text(self) -> str:
        """For the wire; the same for the same content."""
        records = b"".join(path + value for path, value in sorted(self.values.items()))
        content = _VERSION + self.digester.cluster() + records
        return _encoded(content + self.digester.seal(content))

    @classmethod
    def parse(cls, text: object, digester: Digester) -> Self:
        """From the wire. Raises `InvalidRevisionError`."""
        content = _unsealed(text, digester)
        if content[: len(_VERSION)] != _VERSION:
            raise InvalidRevisionError(f"config.revision is one of another version of this server: {_READ_AGAIN}")
        body = content[len(_VERSION) :]
        if body[:_CLUSTER] != digester.cluster():
            raise InvalidRevisionError(f"config.revision belongs to another cluster: {_READ_AGAIN}")
        records = (body[at : at + _PATH + _VALUE] for at in range(_CLUSTER, len(body), _PATH + _VALUE))
        return cls(digester, {record[:_PATH]: record[_PATH:] for record in records})


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unsealed(text: object, digester: Digester) -> bytes:
    try:
        raw = base64.b64decode(str(text) + "=" * (-len(str(text)) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    content, seal = raw[:-_SEAL], raw[-_SEAL:]
    if _encoded(raw) != text or not hmac.compare_digest(seal, digester.seal(content)):
        raise InvalidRevisionError(f"config.revision is damaged or not of this server: {_READ_AGAIN}")
    return content
