"""Backtests of tapes written here: what is taken, what is refused, and what is said of it."""

from __future__ import annotations

import csv
import gzip
import json
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import DomainError
from shared.services.backtest import Request, run_backtest
from trader_task import cli

START_MS = 1_783_300_000_000
COLUMNS = (
    "ts_ms iso pair_id kalshi_ticker polymarket_market_id k_bid k_ask k_bid_size k_ask_size"
    " p_bid p_ask p_bid_size p_ask_size k_recv_ms p_recv_ms p_venue_ms"
).split()


def row(
    at_s: float,
    k: tuple[str, str],
    p: tuple[str, str],
    *,
    size: str = "100",
    skew_ms: int = 0,
    pair: str = "KX",
) -> dict[str, str]:
    ms = START_MS + int(at_s * 1_000)
    return dict.fromkeys(COLUMNS, "") | {
        "ts_ms": str(ms),
        "pair_id": f"{pair}|1",
        "kalshi_ticker": pair,
        "polymarket_market_id": "1",
        "k_bid": k[0],
        "k_ask": k[1],
        "p_bid": p[0],
        "p_ask": p[1],
        "k_bid_size": size,
        "k_ask_size": size,
        "p_bid_size": size,
        "p_ask_size": size,
        "k_recv_ms": str(ms),
        "p_recv_ms": str(ms + skew_ms),
    }


FAIR = (("0.50", "0.51"), ("0.50", "0.51"))
EDGE = (("0.50", "0.51"), ("0.57", "0.58"))
"""Buy YES at 0.51 on Kalshi and NO at 0.43 on Polymarket: six cents before fees."""


@pytest.fixture
def tape(tmp_path: Path) -> Any:
    def write(*rows: dict[str, str], status: str = "equivalent") -> Request:
        with gzip.open(tmp_path / "t.csv.gz", "wt", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        pairs = [{"file": "t", "pair_id": "KX|1", "status": status}]
        (tmp_path / "pairs.json").write_text(json.dumps(pairs))
        return Request(tmp_path / "t.csv.gz", tmp_path / "pairs.json", fresh_s=4)

    return write


def test_an_edge_that_stays_is_bought_on_both_sides(tape: Any) -> None:
    found = run_backtest(tape(row(0, *FAIR), row(10, *EDGE), row(12, *EDGE), row(14, *FAIR)))
    assert found["packages"] >= 1 and found["ledger_sum"] == "0"
    assert found["hit_rate"] == 1 and found["completion"]["rate"] == 1
    table = found["completion"]["reliability"]
    assert sum(row["count"] for row in table) == found["packages"]
    assert all(row["success_ppm"] == 1_000_000 for row in table)
    assert 0 < found["completion"]["brier"] < 0.001
    # A contract pays $1 and costs $0.51 + $0.43; fees: Kalshi 0.07 x 0.51 x 0.49,
    # Polymarket 0.05 x 0.57 x 0.43. How many are bought is the sizing's business.
    bought = Decimal(found["pnl"]) / (
        Decimal("0.06") - Decimal("0.07") * Decimal("0.2499") - Decimal("0.05") * Decimal("0.2451")
    )
    assert 5 <= bought <= 100 and abs(bought - round(bought)) < Decimal("0.05")
    assert found["slippage_mean_cents"] == 0 and found["gates"]["slippage"] == "pass"
    (pair,) = found["per_pair"]
    assert pair["packages"] == found["packages"] and pair["pnl"] == found["pnl"]


def test_fair_prices_are_left_alone(tape: Any) -> None:
    found = run_backtest(tape(*(row(3 * n, *FAIR) for n in range(20))))
    assert found["packages"] == 0 and found["pnl"] == "0" and found["hit_rate"] is None
    assert set(found["gates"].values()) == {"no evidence"}
    assert found["per_pair"][0]["best_net_edge_cents"] < 0


def test_an_edge_between_the_two_receive_times_is_not_there(tape: Any) -> None:
    """Kalshi moved and Polymarket is read 400 ms later: together they never showed an edge."""
    moved = (("0.56", "0.57"), ("0.56", "0.57"))
    rows = [row(0, *FAIR, skew_ms=400), row(3, *moved, skew_ms=400), row(6, *FAIR, skew_ms=400)]
    found = run_backtest(tape(*rows))
    assert found["packages"] == 0 and found["attempts_without_a_fill"] == 0
    assert found["per_pair"][0]["best_net_edge_cents"] < 0
    assert any("400 ms apart" in line for line in found["assumptions"])


def test_an_edge_that_is_gone_when_the_order_arrives_costs_nothing(tape: Any) -> None:
    found = run_backtest(tape(row(0, *FAIR), row(10, *EDGE), row(10.03, *FAIR), row(20, *FAIR)))
    assert found["packages"] == 0 and found["attempts_without_a_fill"] == 1
    assert found["pnl"] == "0" and found["ledger_sum"] == "0"


def test_what_was_taken_is_not_there_again_at_once(tape: Any) -> None:
    """The tape does not know that we bought the level; within its recovery it stays bought."""
    small = [row(10 + n * 0.8, *EDGE, size="20") for n in range(5)]
    found = run_backtest(tape(row(0, *FAIR, size="20"), *small, row(14, *FAIR)))
    edge = Decimal("0.06") - Decimal("0.0175") - Decimal("0.0122")
    assert found["packages"] >= 1 and Decimal(found["pnl"]) <= 20 * edge


def test_sizes_that_the_tape_lacks_are_an_assumption_or_nothing(tape: Any) -> None:
    request = tape(row(0, *FAIR, size=""), row(10, *EDGE, size=""), row(13, *EDGE, size=""))
    with pytest.raises(DomainError, match="--assume-size"):
        run_backtest(request)
    found = run_backtest(replace(request, assume_size=50))
    assert found["packages"] >= 1
    assert any("without a size hold 50 contracts" in line for line in found["assumptions"])


def test_unread_pairs_are_traded_only_when_told_so(tape: Any) -> None:
    request = tape(row(0, *EDGE), row(3, *EDGE), status="same template, not read")
    with pytest.raises(DomainError, match="--assume-equivalent"):
        run_backtest(request)
    found = run_backtest(replace(request, assume_equivalent=True))
    assert any("were not read count as equivalent" in line for line in found["assumptions"])


def test_fees_of_a_file_decide(tape: Any, tmp_path: Path) -> None:
    request = tape(row(0, *FAIR), row(10, *EDGE), row(13, *EDGE))
    (tmp_path / "fees.json").write_text(json.dumps({"polymarket": {"rate": "0.3", "exponent": 1}}))
    assert run_backtest(replace(request, fees=tmp_path / "fees.json"))["packages"] == 0
    (tmp_path / "fees.json").write_text(json.dumps({"mars": {}}))
    with pytest.raises(DomainError, match="cannot read fees"):
        run_backtest(replace(request, fees=tmp_path / "fees.json"))


def random_tape(seed: int) -> list[dict[str, str]]:
    """Rows at random times, some seconds and some hours apart, with edges now and then."""
    draw = random.Random(seed)
    rows, at = [], 0.0
    for _ in range(25):
        at += draw.choice((0.4, 1.5, 3.0, 12.0, 60.0))
        k = draw.randint(20, 80)
        p = k + draw.choice((0, 0, 0, 1, 6, -6))
        quotes = [(f"{x / 100:.2f}", f"{(x + 1) / 100:.2f}") for x in (k, p)]
        size = str(draw.choice((15, 40, 300)))
        rows.append(row(at, quotes[0], quotes[1], size=size, skew_ms=draw.choice((0, 120))))
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_skipping_quiet_time_changes_nothing(seed: int, tape: Any) -> None:
    request = tape(*random_tape(seed))
    skipped = run_backtest(request)
    whole = run_backtest(replace(request, skip=False))
    assert skipped["seconds_skipped"] > 20 and whole["seconds_skipped"] == 0
    for name in ("packages", "pnl", "per_pair", "attempts_without_a_fill", "completion"):
        assert skipped[name] == whole[name], name


def test_a_run_repeats_to_the_last_figure(tape: Any) -> None:
    request = tape(*random_tape(99))
    assert run_backtest(request) == run_backtest(request)


@pytest.mark.parametrize(
    "line",
    [
        "backtest run",
        "backtest run --books none --pairs none",
        "backtest run --books {books} --pairs {pairs} --feed every:3",
        "backtest run --books {books} --pairs {pairs} --feed polled:0",
        "backtest run --books {books} --pairs {pairs} --assume-size 0",
    ],
)
def test_wrong_use(line: str, tape: Any, capsys: pytest.CaptureFixture[str]) -> None:
    request = tape(row(0, *FAIR))
    assert cli.run(line.format(books=request.books, pairs=request.pairs).split()) == 2
    assert capsys.readouterr().out == ""


def test_the_command_answers_the_contract(tape: Any, capsys: pytest.CaptureFixture[str]) -> None:
    request = tape(row(0, *FAIR), row(10, *EDGE), row(13, *EDGE))
    line = ["backtest", "run", "--books", str(request.books), "--pairs", str(request.pairs)]
    assert cli.run([*line, "--feed", "polled:4", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) >= {
        "assumptions",
        "events",
        "packages",
        "pnl",
        "sharpe",
        "sharpe_ci",
        "hit_rate",
        "net_edge_mean_cents",
        "slippage_mean_cents",
        "completion",
        "gates",
        "per_pair",
    }
    assert answer["packages"] >= 1
    assert cli.run([*line, "--feed", "polled:4"]) == 0
    assert capsys.readouterr().out.startswith("Assumed:\n")
    request.books.write_bytes(b"no gzip")
    assert cli.run([*line, "--json"]) == 1
    assert "cannot read" in capsys.readouterr().err
