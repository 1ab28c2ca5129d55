"""Limits in time, against a bucket that is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magecluster.cloud.access.buckets import TokenBuckets

NOW = 1_800_000_000.0


def test_a_burst_then_one_as_the_bucket_refills() -> None:
    buckets = TokenBuckets(rate=1 / 30, burst=10)
    assert [buckets.take("a", NOW) for _ in range(10)] == [0.0] * 10
    assert buckets.take("a", NOW) == pytest.approx(30)
    assert buckets.take("a", NOW + 29) == pytest.approx(1)
    assert buckets.take("a", NOW + 30) == 0.0
    assert buckets.take("a", NOW + 30) == pytest.approx(30)


def test_keys_do_not_disturb_each_other() -> None:
    buckets = TokenBuckets(rate=1, burst=1)
    assert buckets.take("a", NOW) == 0.0
    assert buckets.take("a", NOW) > 0
    assert buckets.take("b", NOW) == 0.0


def test_what_is_refused_costs_nothing() -> None:
    buckets = TokenBuckets(rate=1, burst=2)
    buckets.take("a", NOW, cost=2)
    assert all(buckets.take("a", NOW) == pytest.approx(1) for _ in range(100))


def test_what_is_given_back_can_be_taken_again_but_not_more() -> None:
    buckets = TokenBuckets(rate=1, burst=2)
    buckets.take("a", NOW)
    for _ in range(5):
        buckets.refund("a", NOW)
    assert [buckets.take("a", NOW) == 0.0 for _ in range(3)] == [True, True, False]
    buckets.refund("never asked", NOW)
    assert len(buckets) == 1


def test_a_clock_that_is_put_back_locks_nobody_out() -> None:
    buckets = TokenBuckets(rate=1, burst=2)
    buckets.take("a", NOW, cost=2)
    assert buckets.take("a", NOW - 86400) == pytest.approx(1)


def test_a_rate_of_zero_does_not_limit() -> None:
    buckets = TokenBuckets(rate=0, burst=0)
    assert all(buckets.take("a", NOW) == 0.0 for _ in range(1000))
    assert len(buckets) == 0


def test_memory_is_bounded_and_who_goes_on_trying_is_not_forgotten() -> None:
    buckets = TokenBuckets(rate=1 / 3600, burst=1, most=100)
    buckets.take("victim", NOW)
    for number in range(1000):
        buckets.take(str(number), NOW)
        assert len(buckets) <= 100
        if number % 50 == 0:
            assert buckets.take("victim", NOW) > 0


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.sampled_from([0.5, 1.0, 2.0])),
        max_size=50,
    )
)
def test_it_grants_what_a_counted_bucket_grants(steps: list[tuple[float, float]]) -> None:
    rate, burst = 0.5, 4.0
    buckets = TokenBuckets(rate, burst)
    level, now = burst, NOW
    for pause, cost in steps:
        now += pause
        level = min(burst, level + pause * rate)
        wait = buckets.take("a", now, cost)
        if abs(level - cost) < 1e-3:
            # A tie is decided by the last digits of a float; both answers are right.
            level = level - cost if wait == 0.0 else level
        elif level > cost:
            assert wait == 0.0
            level -= cost
        else:
            assert wait == pytest.approx((cost - level) / rate, abs=1e-3)
