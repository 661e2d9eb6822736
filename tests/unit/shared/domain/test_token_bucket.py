"""Token buckets: exact, never below zero, a fifth kept back, backoff after a refusal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.token_bucket import TokenBucket, take_all, wait_all_ns, window_bucket
from shared.domain.units import NS_PER_S


def test_bucket_never_goes_below_what_must_stay() -> None:
    bucket = TokenBucket(100, 100, 0)
    assert bucket.reserve == 20
    assert all(bucket.take(10, 0, leave=bucket.reserve) for _ in range(8))
    assert not bucket.take(10, 0, leave=bucket.reserve)
    assert bucket.take(10, 0) and bucket.take(10, 0) and not bucket.take(10, 0)
    assert bucket.wait_ns(10, 0) == NS_PER_S // 10
    assert bucket.take(10, NS_PER_S // 10)
    assert bucket.wait_ns(100, NS_PER_S // 10 + 10 * NS_PER_S) == 0


def test_bucket_survives_a_clock_that_stands_still_or_steps_back() -> None:
    bucket = TokenBucket(100, 100, NS_PER_S)
    assert bucket.take(100, NS_PER_S)
    assert not bucket.take(1, 0)
    assert bucket.wait_ns(1, 0) > 0


def test_f024_a_refusal_waits_cost_over_refill_and_doubles() -> None:
    bucket = TokenBucket(100, 100, 0)
    bucket.refused(10, 0)
    assert bucket.wait_ns(10, 0) == NS_PER_S // 10  # 100 ms at Basic
    bucket.refused(10, NS_PER_S // 10)
    assert bucket.wait_ns(10, NS_PER_S // 10) == NS_PER_S // 5
    bucket.accepted()
    bucket.refused(10, NS_PER_S)
    assert bucket.wait_ns(10, NS_PER_S) <= NS_PER_S // 5


def test_f024_jitter_only_lengthens_the_wait_and_strikes_are_bounded() -> None:
    plain, jittered = TokenBucket(100, 100, 0), TokenBucket(100, 100, 0)
    plain.refused(10, 0)
    jittered.refused(10, 0, jitter_ppm=500_000)
    assert jittered.wait_ns(10, 0) == plain.wait_ns(10, 0) * 3 // 2
    for _ in range(50):
        plain.refused(10, 0)
    assert plain.wait_ns(10, 0) <= 64 * NS_PER_S // 10


def test_all_or_nothing_over_several_buckets() -> None:
    wide, narrow = TokenBucket(10, 10, 0), TokenBucket(1, 2, 0)
    assert take_all([wide, narrow], 2, 0)
    assert not take_all([wide, narrow], 1, 0)
    assert wide.level(0) == 8 and narrow.level(0) == 0
    assert wait_all_ns([wide, narrow], 1, 0) == NS_PER_S
    assert not take_all([TokenBucket(5, 5, 0)], 5, 0, is_reserved=True)


@given(st.integers(2, 500), st.integers(1, 600), st.lists(st.integers(0, 10**10), max_size=60))
def test_i23_no_window_ever_holds_more_than_its_limit(
    limit: int, window_s: int, gaps: list[int]
) -> None:
    bucket = window_bucket(limit, window_s, 0)
    now, sent = 0, []
    for gap in gaps:
        now += gap
        while bucket.take(1, now):
            sent.append(now)
    window = window_s * NS_PER_S
    for first in range(len(sent) - limit):
        assert sent[first + limit] - sent[first] >= window, "limit + 1 within one window"


@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.integers(0, 10**9), max_size=40))
def test_wait_is_exactly_when_the_tokens_are_there(
    refill: int, capacity: int, gaps: list[int]
) -> None:
    bucket, now = TokenBucket(refill, capacity, 0), 0
    for gap in gaps:
        now += gap
        wait = bucket.wait_ns(1, now)
        if wait:
            assert not bucket.has(1, now + wait - 1)
        assert bucket.take(1, now + wait)
        now += wait
        assert 0 <= bucket.level(now) <= capacity
