"""``twinleg pairs``: decisions are stored, told, and refused in one line."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Sequence
from typing import Any

import pytest

from shared.adapters.stores.memory import MemoryCatalogue, MemoryFlags
from shared.contracts.events_v1 import ControlCommand
from shared.domain.errors import StoreError
from shared.domain.ids import MarketId
from shared.domain.units import PriceMicros
from shared.services import matching
from tests.support.matching_texts import NOON_NS, entries
from trader_task import cli
from trader_task.commands import pairs


@functools.cache
def matched() -> MemoryCatalogue:
    catalogue = MemoryCatalogue()
    for listed in entries():
        catalogue.upsert_markets(listed, NOON_NS)
    matching.run(catalogue, catalogue.matching, NOON_NS)
    return catalogue


class Stores:
    def __init__(self) -> None:
        self.catalogue = copy.deepcopy(matched())
        self.matching, self.flags, self.queue = self.catalogue.matching, MemoryFlags(), self
        self.sent: list[ControlCommand] = []
        self.pair = str(self.catalogue.list_pairs(verdict="confirmed")[0]["id"])

    def send(self, command: ControlCommand) -> None:
        self.sent.append(command)

    @property
    def row(self) -> dict[str, Any]:
        return dict(next(r for r in self.catalogue.list_pairs() if r["id"] == self.pair))


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Stores:
    fake = Stores()
    monkeypatch.setattr(pairs, "open_stores", lambda: fake)
    monkeypatch.setattr(pairs.time, "time_ns", lambda: NOON_NS + 5)
    return fake


def run(*arguments: str) -> int:
    return cli.run(["pairs", *arguments])


@pytest.mark.parametrize(
    ("verb", "verdict"),
    [("review", "review"), ("reject", "rejected"), ("deactivate", "deactivated")],
)
def test_lowered_pairs_are_stored_and_the_trader_is_told(
    stores: Stores, verb: str, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(verb, stores.pair, "--reason", "floors differ") == 0
    assert capsys.readouterr().out == f"{stores.pair} is {verdict}\n"
    assert stores.row["verdict"] == verdict and stores.row["actor"].startswith("cli:")
    (command,) = stores.sent
    assert command.kind == "pairs_changed"
    assert command.payload["version"] == stores.flags.get_pointer("pairs")
    assert run("confirm", stores.pair, "--reason", "read again") == 0
    assert stores.row["verdict"] == "confirmed" and stores.row["reason"] == "read again"


def test_a_record_that_is_away_halts_the_pair_instead(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(rows: Sequence[Any], *, overrule: bool = False) -> int:
        raise StoreError("no answer")

    monkeypatch.setattr(stores.catalogue, "save_verdicts", away)
    assert run("deactivate", stores.pair, "--reason", "wrong") == 1
    assert "halted instead" in capsys.readouterr().err
    assert [halt.scope for halt in stores.flags.read_halts()] == [f"pair:{stores.pair}"]


def test_block_and_unblock_by_market_and_series(
    stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    row = stores.row
    names = (row["market_a_id"], row["market_b_id"])
    assert run("block", "pair", *names, "--reason", "carve-out") == 0
    assert stores.row["verdict"] == "blocked"
    assert run("confirm", stores.pair, "--reason", "still good") == 1
    assert "blocked by" in capsys.readouterr().err
    assert run("rulings", "--json") == 0
    (ruling,) = json.loads(capsys.readouterr().out)
    assert {ruling["a"], ruling["b"]} == set(names) and ruling["reason"] == "carve-out"
    assert run("unblock", "pair", *names, "--reason", "was the other one") == 0
    assert stores.row["verdict"] == "review" and stores.row["needs_person"]
    assert run("unblock", "pair", *names, "--reason", "again") == 1


def test_wrong_use_is_one_line(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("confirm", stores.pair, "--reason", " ") == 2
    assert run("confirm", stores.pair) == 2
    assert run("show", "pr_none") == 1
    assert run("block", "source", "ap", "fox", "--reason", "x") == 1
    assert len(capsys.readouterr().err.splitlines()) == 4
    assert stores.sent == []


def test_looking(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--verdict", "confirmed", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows and {row["verdict"] for row in rows} == {"confirmed"}
    assert run("show", stores.pair) == 0
    shown = capsys.readouterr().out
    assert stores.row["market_a_id"] in shown and "SUBJECT" in shown
    for market in ("market_a_id", "market_b_id"):
        payout = PriceMicros(1_000_000 if market == "market_a_id" else 500_000)
        stores.matching.note_settlement(MarketId(stores.row[market]), payout, NOON_NS)
    stores.matching.check_settled(NOON_NS)
    assert run("settled", "--json") == 0
    (series,) = json.loads(capsys.readouterr().out)
    assert (series["settled"], series["diverged"], series["charge_ppm"]) == (1, 1, 1_000_000)
    stores.matching.take_crawl("kalshi", "one", NOON_NS, 10)
    assert run("crawls") == 0
    assert "under way" in capsys.readouterr().out
