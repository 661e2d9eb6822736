"""``twinleg package`` and ``position``: what is sent, what is asked first, what is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest

from shared.contracts.events_v1 import ControlCommand
from trader_task import cli
from trader_task.commands import packages

PREVIEW = {
    "action": "unwind",
    "venue": "kalshi",
    "market_id": "kalshi:KX",
    "outcome": "yes",
    "side": "sell",
    "qty_micros": 12_500_000,
    "price_limit_micros": 430_000,
    "loss_usd_micros": 1_200_001,
}


class FakeStores:
    def __init__(self) -> None:
        self.sent: list[ControlCommand] = []
        self.queue = self

    def send(self, command: ControlCommand) -> None:
        self.sent.append(command)

    def has_password(self) -> bool:
        return True

    def check_password(self, typed: str) -> bool:
        return typed == "right password"


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> FakeStores:
    fake = FakeStores()
    monkeypatch.setattr(packages, "open_stores", lambda: fake)
    return fake


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return cli.run(list(arguments))


def snapshot(monkeypatch: pytest.MonkeyPatch, flatten: Any) -> None:
    row = {"package_id": "p1", "state": "stuck_known", "unhedged_micros": 5_375_000}
    found = {"open_packages": [row | {"flatten": flatten}]}
    monkeypatch.setattr(packages, "fetch_snapshot", lambda: found)


def test_flatten_says_what_it_costs_and_without_a_yes_sends_nothing(
    stores: FakeStores, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot(monkeypatch, PREVIEW)
    assert run(monkeypatch, "package", "flatten", "p1") == 1
    err = capsys.readouterr().err
    assert "sell 12.5 YES of kalshi:KX at 0.43" in err and "lose $1.200001" in err
    assert "$5.375 unhedged" in err and stores.sent == []
    assert run(monkeypatch, "package", "flatten", "p1", "--yes") == 0
    assert stores.sent[0].payload == {"package_id": "p1", "verb": "flatten"}


def test_flatten_says_when_no_price_is_there(
    stores: FakeStores, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot(monkeypatch, None)
    assert run(monkeypatch, "package", "flatten", "p1", "--yes") == 0
    assert "no order can reduce it" in capsys.readouterr().err
    assert run(monkeypatch, "package", "flatten", "other", "--yes") == 1
    assert len(stores.sent) == 1


def test_a_gain_is_not_called_a_loss() -> None:
    assert "gain $0.5," in packages.describe(PREVIEW | {"loss_usd_micros": -500_000})


def test_resolve_needs_the_password_and_carries_exact_figures(
    stores: FakeStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("package", "resolve", "p1", "--verdict", "naked", "--evidence", "order page")
    told = ("--filled", "att-1,T9,O9,0.427,12.5,0.0172", "--password-stdin")
    assert run(monkeypatch, *line, *told, typed="wrong\n") == 1 and stores.sent == []
    assert run(monkeypatch, *line, *told, typed="right password\n") == 0
    payload = stores.sent[0].payload
    assert payload["filled:att-1"] == "T9 O9 427000 12500000 17200"
    assert payload["verdict"] == "naked" and stores.sent[0].kind == "package_verb"


@pytest.mark.parametrize(
    "filled",
    [
        "",
        "a,b,c",
        "a,b,c,x,1,0",
        "a,b,c,0.5,1,-1",
        "a,b c,d,0.5,1,0",
        "a,,c,0.5,1,0",
        "a,b,c,1e3,1,0",
    ],
)
def test_a_fill_that_cannot_be_read_is_wrong_use(
    filled: str, stores: FakeStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("package", "resolve", "p1", "--verdict", "naked", "--evidence", "e", "--filled", filled)
    assert run(monkeypatch, *line, "--password-stdin", typed="right password\n") == 2
    assert stores.sent == []


@pytest.mark.parametrize(
    "line",
    [
        "package resolve p1 --verdict maybe --evidence e",
        "package resolve p1 --verdict zero",
        "position adopt mars cash --reason r",
        "position adopt kalshi cash",
    ],
)
def test_wrong_use(line: str, stores: FakeStores, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, *line.split()) == 2 and stores.sent == []


@pytest.mark.parametrize(
    ("typed", "market"),
    [("cash", "cash"), ("KX-1", "kalshi:KX-1"), ("kalshi:KX-1", "kalshi:KX-1")],
)
def test_adopt_names_the_market_in_full(
    typed: str, market: str, stores: FakeStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("position", "adopt", "kalshi", typed, "--reason", "mine", "--password-stdin")
    assert run(monkeypatch, *line, typed="wrong\n") == 1 and stores.sent == []
    assert run(monkeypatch, *line, typed="right password\n") == 0
    assert stores.sent[0].payload == {"verb": "adopt", "venue": "kalshi", "market": market}
