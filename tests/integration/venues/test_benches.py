"""The benchmarks run and measure what they say; how fast this machine is proves nothing here."""

from __future__ import annotations

from tests.performance import bench_load, bench_orders, bench_signing


def test_signing_gives_the_official_bytes() -> None:
    result = bench_signing.run(rounds=20, official_rounds=2)
    rows = [row for row in result["rows"] if row["what"].startswith("polymarket")]
    assert len(rows) == 4 and all(row["ours_us"] > 0 for row in rows)
    if result["has_official"]:
        assert all(row["is_identical"] for row in rows)


def test_order_submission_is_compared_on_the_same_server() -> None:
    result = bench_orders.run(rounds=50)
    assert [row["p50_us"] > 0 for row in result["rows"]] == [True, True]


def test_load_loses_nothing() -> None:
    row = bench_load.step(rate=300, markets=20, seconds=1.0)
    assert row["changes"] > 0 and row["arrived"] == row["changes"] and not row["doubts"]
