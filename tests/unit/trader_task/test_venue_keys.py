"""``secrets set`` of venue keys: checked, merged, stored, and never shown."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import pytest

from shared.domain.errors import StoreError
from shared.simulators.keys import make_documents
from trader_task import inspectors
from trader_task.cli import run

PRIVATE = make_documents()[1]


class Store:
    def __init__(self) -> None:
        self.rows: dict[str, Mapping[str, str]] = {}

    def read(self, name: str) -> Mapping[str, str]:
        if name not in self.rows:
            raise StoreError(f"secret {name} is absent")
        return self.rows[name]

    def exists(self, name: str) -> bool:
        return name in self.rows

    def write(self, name: str, fields: Mapping[str, str]) -> None:
        self.rows[name] = fields


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(inspectors, "open_secrets", lambda env: made)
    return made


def give(monkeypatch: pytest.MonkeyPatch, venue: str, value: object) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(value)))
    return run(["secrets", "set", venue, "--stdin"])


@pytest.mark.parametrize("venue", ["kalshi", "polymarket"])
def test_good_keys_are_stored_and_told_by_their_public_side(
    venue: str,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert give(monkeypatch, venue, PRIVATE[venue]) == 0
    [stored] = store.rows.values()
    assert stored == PRIVATE[venue]
    shown = capsys.readouterr()
    assert ("Ed25519 key" if venue == "kalshi" else "wallet 0x") in shown.err
    for name in ("private_key", "api_secret", "private_key_pem"):
        secret = PRIVATE[venue].get(name)
        assert not secret or secret not in shown.err + shown.out


def test_new_wallet_fields_keep_the_api_key_that_setup_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert give(monkeypatch, "polymarket", PRIVATE["polymarket"]) == 0
    assert give(monkeypatch, "polymarket", {"signature_type": "2"}) == 0
    [stored] = store.rows.values()
    assert stored["signature_type"] == "2"
    assert stored["api_key"] == PRIVATE["polymarket"]["api_key"]


@pytest.mark.parametrize(
    ("venue", "value", "code"),
    [
        ("kalshi", {"key_id": "k"}, 1),
        ("kalshi", {"key_id": "k", "private_key_pem": "nonsense"}, 1),
        ("kalshi", {**PRIVATE["kalshi"], "pasword": "x"}, 1),
        ("polymarket", {"private_key": "0x12", "wallet": "0x", "signature_type": "3"}, 1),
        ("polymarket", ["a"], 2),
        ("polymarket", {"private_key": 5}, 2),
    ],
)
def test_bad_keys_are_refused_and_nothing_is_stored(
    venue: str,
    value: object,
    code: int,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert give(monkeypatch, venue, value) == code
    assert store.rows == {}
    assert "nonsense" not in capsys.readouterr().err


def test_keys_never_come_from_a_terminal_or_for_a_stranger(store: Store) -> None:
    assert run(["secrets", "set", "kalshi"]) == 2
    assert run(["secrets", "set", "bank"]) == 2
    assert store.rows == {}
