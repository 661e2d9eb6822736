"""The command line: answers on stdout, one line for wrong use, exit codes of the contract."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from trader_task import cli
from trader_task.commands import later, live, running

GOOD_FEE = {
    "venue": "kalshi",
    "liquidity": "taker",
    "side": "buy",
    "price": "0.5",
    "qty": "100",
    "schedule": {"fee_type": "quadratic", "multiplier": "1"},
}


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINLEG_STATE_DIR", str(tmp_path / "state"))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "bogus",
        "fees",
        "fees bogus",
        "fees quote",
        "fees quote --in",
        "fees quote --in /no/such/file",
        "up --mode nope",
        "up --venues moon",
        "up --speed fast",
        "up --speed 0",
        "halt",
        "halt everything",
        "resume global",
        "config set",
        "config set a",
        "why",
        "status extra",
        "status --nope",
        "package flatten",
    ],
)
def test_wrong_use_is_one_line_and_exit_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 1 and err.startswith("twinleg: ")


@pytest.mark.parametrize(
    "line",
    [
        *(name for name, _ in later.SINGLE),
        *(f"{group} {verb}" for group, verbs in later.GROUPS.items() for verb, _ in verbs),
        "backtest report R",
        "secrets rotate kalshi",
    ],
)
def test_later_commands_refuse_by_name(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(line.split()) == 1
    out, err = capsys.readouterr()
    assert out == "" and "not available in this build" in err


@pytest.mark.parametrize("line", ["status --json", "edges --json", "why x", "package hold p"])
def test_without_a_trader_commands_fail_in_words(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(line.split()) == 1
    out, err = capsys.readouterr()
    assert out == "" and "twinleg up" in err


def test_rows_a_bad_one_answers_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows"
    good = json.dumps(GOOD_FEE)
    bad = json.dumps({**GOOD_FEE, "surprise": 1})
    rows.write_text("\n".join([good, "{", "[]", bad, "", good, "[" * 5_000]))
    assert cli.run(["fees", "quote", "--in", str(rows)]) == 1
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in a for a in answers] == [False, True, True, True, False, True]
    assert answers[0] == answers[4] and set(answers[0]) == {"fee", "fee_max", "model"}


def test_rows_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(GOOD_FEE) + "\n"))
    assert cli.run(["fees", "quote", "--in", "-"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["fee"] and err == ""


SNAPSHOT: dict[str, Any] = {
    "mode": "paper_sim",
    "badge": "PAPER",
    "is_trading": True,
    "lease_epoch": 7,
    "config_version": 1,
    "min_net_edge_micros": 25_000,
    "realised_today_micros": 1_410_000,
    "ledger_sum": "0",
    "halts": [],
    "venues": [
        {"name": "kalshi", "state": "live", "latency_ms_p50": 3.5, "halted_reason": None},
        {"name": "polymarket", "state": "halted", "latency_ms_p50": None, "halted_reason": "stuck"},
    ],
    "packages": {"open": 1, "hedged": 2, "flat": 3, "stuck": 0},
    "edges": {
        "pair_id": ["pr_1", "pr_2"],
        "name": ["CPI >= 3.0", "Fed -25"],
        "venue_a": ["kalshi", "kalshi"],
        "venue_b": ["polymarket", "polymarket"],
        "buy_a": ["no", None],
        "buy_b": ["yes", None],
        "first": ["b", None],
        "net_micros": [34_200, None],
        "qty_micros": [412_000_000, None],
        "profit_micros": [14_090_000, None],
        "age_ms": [300, None],
        "status": ["ready", "BOOK_EMPTY"],
        "gates": [[], ["BOOK_EMPTY"]],
        "params": [{}, {"outcome": "yes", "venue": "Kalshi"}],
        "removed": [],
    },
}


@pytest.fixture
def trader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "fetch_snapshot", lambda: SNAPSHOT)
    monkeypatch.setattr(running, "fetch_snapshot", lambda: SNAPSHOT)


@pytest.mark.usefixtures("trader")
def test_status_answers_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "mode": "paper_sim",
        "venues": {
            "kalshi": {"state": "live", "latency_ms_p50": 3.5, "halted": None},
            "polymarket": {"state": "halted", "latency_ms_p50": None, "halted": "stuck"},
        },
        "packages": {"open": 1, "hedged": 2, "flat": 3, "stuck": 0},
        "ledger_sum": "0",
    }


@pytest.mark.usefixtures("trader")
def test_status_and_edges_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["status"]) == 0 and cli.run(["edges"]) == 0
    out = capsys.readouterr().out
    assert "PAPER  trading" in out and "ledger sum 0" in out
    assert "P YES + K NO" in out, "the leg that goes first stands in front"
    assert "+3.42" in out and "?" in out and "nobody sells" in out.lower()


@pytest.mark.usefixtures("trader")
def test_edges_as_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["edges", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["pair_id"] for row in rows] == ["pr_1", "pr_2"]
    assert rows[1]["net_micros"] is None, "unknown is never zero"


def test_freeze_needs_the_typed_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert cli.run(["freeze"]) == 2
    assert cli.run(["freeze", "--type", "frieze"]) == 1
    capsys.readouterr()
