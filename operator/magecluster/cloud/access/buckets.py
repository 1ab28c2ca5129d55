"""Limits in time: each key may do something so often, with bursts."""

from collections import OrderedDict

MOST_KEYS = 20_000
"""A few megabytes."""


class TokenBuckets:
    """A bucket for each key, which refills steadily.

    What is known of a key is one number, the time at which its bucket will be full again: the generic cell rate
    algorithm by "virtual scheduling".

    When there are too many keys, the one that was not asked for longest is forgotten. Whoever wants a bucket to be
    forgotten has to use all the others between two of his own attempts.
    """

    def __init__(self, rate: float, burst: float, most: int = MOST_KEYS) -> None:
        """`rate` a second, `burst` at once; a rate of 0 does not limit."""
        self._rate, self._burst, self._most = rate, burst, most
        self._full: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, now: float, cost: float = 1) -> float:
        """Take from the bucket of `key`. Returns 0.0, or the seconds to wait, and then nothing was taken."""
        if self._rate <= 0:
            return 0.0
        full = self._full_at(key, now) + cost / self._rate
        wait = full - now - self._burst / self._rate
        # Sums of times in this century are exact to about a microsecond.
        if wait > 1e-6:  # noqa: PLR2004
            if key in self._full:
                self._full.move_to_end(key)
            return wait
        self._remember(key, full)
        return 0.0

    def refund(self, key: str, now: float, cost: float = 1) -> None:
        """Give back what was taken."""
        if key in self._full:
            self._remember(key, max(now, self._full_at(key, now) - cost / self._rate))

    def __len__(self) -> int:
        return len(self._full)

    def _full_at(self, key: str, now: float) -> float:
        # No bucket is emptier than empty: without the upper bound, a clock that was put back would lock people out.
        return min(max(self._full.get(key, now), now), now + self._burst / self._rate)

    def _remember(self, key: str, full: float) -> None:
        self._full[key] = full
        self._full.move_to_end(key)
        while len(self._full) > self._most:
            self._full.popitem(last=False)
