"""Keys, the directory that reads them, and the store that survives kill -9."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

from coincurve import PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.domain.enums import Venue
from shared.exchange.matching_core import Exchange
from shared.exchange.records import restore
from shared.exchange.venue_rules import KALSHI_RULES
from shared.simulators.account_store import AccountStore
from shared.simulators.keys import AccountDirectory, address_of, ensure_files, main
from tests.support.exchanges import ME, START, ask_for, done, open_exchange
from tests.support.markets import usd


def test_files_are_made_once_and_kept(tmp_path: Path) -> None:
    assert ensure_files(tmp_path) is True
    before = (tmp_path / "secrets.json").read_text()
    assert ensure_files(tmp_path) is False
    assert main(["--out", str(tmp_path)]) == 0
    assert (tmp_path / "secrets.json").read_text() == before
    for name in ("accounts.json", "secrets.json"):
        assert stat.S_IMODE(os.stat(tmp_path / name).st_mode) == 0o600


def test_the_private_side_fits_the_public_side(tmp_path: Path) -> None:
    ensure_files(tmp_path)
    secret = json.loads((tmp_path / "secrets.json").read_text())
    directory = AccountDirectory.load(tmp_path / "accounts.json")
    member = directory.kalshi_by_key(secret["kalshi"]["key_id"])
    assert member is not None
    key = load_pem_private_key(secret["kalshi"]["private_key_pem"].encode(), None)
    member.public_key.verify(key.sign(b"x"), b"x")  # type: ignore[union-attr,call-arg]
    assert sum(cash for _, cash in member.cash_by_shard) == usd("5000")
    mine = secret["polymarket"]
    private = PrivateKey(bytes.fromhex(mine["private_key"][2:]))
    assert address_of(private.public_key.format(compressed=False)) == mine["eoa"]
    trader = directory.polymarket_by_address(mine["eoa"].upper().replace("0X", "0x"))
    assert trader is not None and trader.secret == mine["api_secret"]
    for found in (
        directory.polymarket_by_api_key(mine["api_key"]),
        directory.polymarket_by_maker(mine["wallet"]),
        directory.polymarket_by_maker(mine["eoa"]),
    ):
        assert found == trader
    assert directory.kalshi_by_key("nobody") is None


def test_what_was_answered_is_there_after_reopening(tmp_path: Path) -> None:
    store = AccountStore(tmp_path / "state" / "accounts.sqlite3")
    exchange, market = open_exchange(Venue.KALSHI)
    exchange.on_commit = partial(store.commit, exchange)
    done(exchange.submit(ask_for(market, "buy yes 40 @ 0.43 ioc", client_id="a"), START))
    done(exchange.submit(ask_for(market, "buy yes 5 @ 0.30 gtc"), START))
    again = Exchange(KALSHI_RULES, seed=7)
    again.list_market(market, START)
    # The first store is not closed: as after kill -9.
    restore(again, AccountStore(tmp_path / "state" / "accounts.sqlite3").load("kalshi"))
    assert again.orders(ME) == exchange.orders(ME)
    assert again.fills(ME) == exchange.fills(ME)
    assert again.cash(ME) == exchange.cash(ME)
    assert again.available_cash(ME) == exchange.available_cash(ME)
    assert again.book(market.market_id).bids[0][0] == 300_000


def test_kill_minus_nine_loses_no_committed_order(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import os, signal, sys
        from functools import partial
        from pathlib import Path
        from shared.domain.enums import Venue
        from shared.simulators.account_store import AccountStore
        from tests.support.exchanges import START, ask_for, done, open_exchange
        store = AccountStore(Path(sys.argv[1]))
        exchange, market = open_exchange(Venue.KALSHI)
        exchange.on_commit = partial(store.commit, exchange)
        for n in range(5):
            done(exchange.submit(ask_for(market, "buy yes 1 @ 0.43 ioc"), START + n))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    path = tmp_path / "accounts.sqlite3"
    root = Path(__file__).resolve().parents[4]
    ended = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=root, check=False, timeout=60
    )
    assert ended.returncode == -9
    records = AccountStore(path).load("kalshi")
    assert sum(record.table == "fills" for record in records) == 5
