"""The refusal list: only documented answers mean "never entered the book"."""

from __future__ import annotations

import pytest

from shared.adapters.venues.kalshi.errors import REFUSALS, WireTally, find_refusal, read_error_body
from shared.domain.errors import WireError


def nested(code: str) -> bytes:
    return b'{"error":{"code":"%s","message":"m"}}' % code.encode()


def flat(code: str) -> bytes:
    return b'{"code":"%s","message":"m","details":"d"}' % code.encode()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, nested("invalid_price"), "invalid_price"),
        (400, flat("insufficient_balance"), "shard_unfunded"),
        (404, nested("user_not_found"), "shard_unfunded"),
        (401, nested("anything"), "unauthorised"),
        (403, flat("anything"), "forbidden"),
        (409, nested("fill_or_kill_insufficient_resting_volume"), "fok_unfilled"),
        (409, nested("MARKET_INACTIVE"), "market_inactive"),
        (400, nested("trading_paused"), "paused"),
        (429, b'{"error":"too many requests"}', "rate_limited"),
        (410, nested("deprecated_v1_order_endpoint"), "wrong_endpoint"),
    ],
)
def test_listed_answers_are_refusals(status: int, body: bytes, reason: str) -> None:
    refusal = find_refusal(status, body)
    assert refusal is not None and refusal.reason == reason


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, nested("order_already_exists")),  # F-022: the first one landed
        (500, nested("invalid_price")),
        (503, nested("service_unavailable")),
        (504, b"<html>gateway timeout</html>"),
        (403, b"<html>blocked</html>"),
        (429, b""),
        (429, nested("too_many_requests")),
        (429, b'{"error":"try again"}'),  # F-024: the exact text or nothing
        (429, b'{"error":"too many requests, order accepted"}'),
        (404, nested("not_found")),
        (404, nested("order_not_found")),
        (400, nested("something_new")),
        (400, b'{"error":"too many requests"}'),
        (400, b"{}"),
        (400, b"[]"),
        (400, b'{"error":{"code":7}}'),
        (418, nested("invalid_price")),
        (401, b"\xff\xfe"),
    ],
)
def test_f018_everything_else_proves_nothing(status: int, body: bytes) -> None:
    assert find_refusal(status, body) is None


def test_every_row_says_where_it_comes_from() -> None:
    for row in REFUSALS:
        assert row.source and row.as_of and row.reason
        assert not row.statuses & {425, 500, 502, 503, 504}
        assert row.code != "order_already_exists"


def test_deep_nesting_is_only_an_unknown_shape() -> None:
    assert read_error_body(b"[" * 100_000) is None


def test_tally_logs_each_kind_once(caplog: pytest.LogCaptureFixture) -> None:
    tally = WireTally()
    for _ in range(5):
        tally.note_error(WireError("level_price", "1.5"))
    assert tally.counts["level_price"] == 5
    assert len([r for r in caplog.records if "level_price" in r.getMessage()]) == 1
