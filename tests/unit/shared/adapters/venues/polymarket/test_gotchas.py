"""How others broke on this venue, one test for each: the number is that of the fact sheet."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

import shared.adapters.venues.polymarket as adapter
from shared.adapters.venues.polymarket.access import Credentials, Hosts
from shared.adapters.venues.polymarket.book_keeper import parse_rest_book
from shared.adapters.venues.polymarket.capabilities import BUDGET_STEP, ROUNDING
from shared.adapters.venues.polymarket.encoding import (
    budget_buy_amounts,
    limit_amounts,
    market_sell_amounts,
)
from shared.adapters.venues.polymarket.errors import find_refusal
from shared.adapters.venues.polymarket.instruments import parse_fees, parse_market, parse_payout
from shared.adapters.venues.polymarket.rest import PolymarketRest
from shared.adapters.venues.polymarket.schemas import FeeScheduleRow, GammaMarket
from shared.adapters.venues.polymarket.signing import OrderSigner
from shared.domain.enums import BookSide, BookState, FeeType, Side
from shared.domain.errors import OffGridError
from shared.domain.order import EvidenceKind, Rejected, Unknown
from shared.exchange.matching_core import BookView
from shared.simulators.keys import make_documents
from shared.simulators.polymarket_server.token_books import MarketBooks
from tests.support.polymarket_world import gamma_object
from tests.support.virtual_clock import VirtualClock
from tests.unit.shared.adapters.venues.polymarket.test_answers import MATCHED, judge
from tests.unit.shared.adapters.venues.polymarket.test_encoding import ticket
from tests.unit.shared.adapters.venues.polymarket.test_evidence import kinds, look, order
from tests.unit.shared.adapters.venues.polymarket.test_fills import maker, read, trade
from tests.unit.shared.adapters.venues.polymarket.test_stream import Feed

FOLDER = Path(str(adapter.__path__[0]))
SOURCE = "\n".join(path.read_text() for path in sorted(FOLDER.glob("*.py")))


@pytest.fixture
def feed() -> Feed:
    feed = Feed()
    feed.open()
    return feed


def test_polymarket_gotcha_01_matched_is_provisional_and_failed_voids_it() -> None:
    [fill] = read(trade(status="MATCHED"), lambda _: ticket().attempt_id)
    assert not fill.is_final
    [final] = read(trade(status="CONFIRMED"), lambda _: ticket().attempt_id)
    assert final.is_final
    failed = [trade(status="FAILED", taker_order_id="0xaa")]
    assert kinds(look(1_010, trades=failed), look(1_012, trades=failed)) == [
        EvidenceKind.UNPROVEN,
        EvidenceKind.ABSENT,
    ]


def test_polymarket_gotcha_02_a_pong_is_no_proof_and_rest_finds_the_freeze(feed: Feed) -> None:
    assert feed.say("PONG") == []
    feed.move(BookSide.ASK, 450_000, 5_000_000)
    book = parse_rest_book(json.dumps(feed.venue.yes.rest_view()).encode())
    feed.channel.judge_rest(book, 5)
    [marked] = feed.channel.judge_rest(book, 6)
    assert marked.state is BookState.FROZEN


def test_polymarket_gotcha_03_the_stale_shell_never_becomes_the_book(feed: Feed) -> None:
    view = BookView(((10_000, 5_000_000),), ((990_000, 5_000_000),), 9_000_000_000_000)  # type: ignore[arg-type]
    shell = MarketBooks(feed.market, feed.instrument, view)
    book = parse_rest_book(json.dumps(shell.yes.rest_view()).encode())
    assert feed.channel.judge_rest(book, 5) == []


def test_polymarket_gotcha_04_a_deposit_wallet_makes_and_signs_the_owner_logs_in() -> None:
    secret = {
        "private_key": "0x" + "11" * 32,
        "wallet": "0x" + "ab" * 20,
        "signature_type": "3",
        "api_key": "k",
        "api_secret": "c2VjcmV0",
        "api_passphrase": "p",
    }
    credentials = Credentials.from_secret(secret)
    assert credentials.order_signer == credentials.wallet == secret["wallet"]
    assert credentials.signer.address.lower() != credentials.wallet
    plain = Credentials.from_secret(secret | {"signature_type": "0"})
    assert plain.order_signer == plain.wallet == plain.signer.address


@pytest.mark.parametrize("tick", sorted(ROUNDING))
def test_polymarket_gotcha_05_amounts_fit_the_rounding_table(tick: int) -> None:
    row, price = ROUNDING[tick], 600_000
    bought = budget_buy_amounts(7_010_000, price, tick)
    assert bought.maker % BUDGET_STEP == 0 and bought.taker % row.amount_quantum == 0
    sold = market_sell_amounts(12_340_000, price, tick)
    assert sold.maker % row.size_quantum == 0 and sold.taker % row.amount_quantum == 0
    limit = limit_amounts(Side.BUY, price, 12_345_678, tick)
    assert limit.taker % row.size_quantum == 0


def test_polymarket_gotcha_06_fees_come_from_the_schedule_only() -> None:
    row = FeeScheduleRow(
        exponent=Decimal(1), rate=Decimal("0.05"), taker_only=True, rebate_rate=Decimal("0.25")
    )
    assert parse_fees(True, row, 1).rate_ppm == 50_000
    assert parse_fees(True, None, 1).fee_type is FeeType.UNKNOWN
    assert "/fee-rate" not in SOURCE
    raw = gamma_object(1) | {"takerBaseFee": 1_000, "makerBaseFee": 1_000}
    assert parse_market(json.dumps(raw).encode(), 1).instrument.fees.rate_ppm == 50_000


def test_polymarket_gotcha_07_money_of_a_budget_is_whole_cents_after_every_adjustment() -> None:
    for budget in (1_000_000, 1_239_999, 9_876_543):
        assert budget_buy_amounts(budget, 370_000, 10_000).maker % 10_000 == 0


def test_polymarket_gotcha_08_the_limit_is_the_worst_price_and_shares_round_down() -> None:
    for price in range(10_000, 1_000_000, 10_000):
        amounts = budget_buy_amounts(5_000_000, price, 10_000)
        # Rounded up, the implied price would be below the limit and miss a level at it.
        assert amounts.maker * 1_000_000 >= price * amounts.taker
        assert amounts.maker * 1_000_000 - price * (amounts.taker + 100) < 0


@asynccontextmanager
async def recording() -> AsyncIterator[tuple[PolymarketRest, list[web.Request]]]:
    """A REST client of an account, and the requests that its venue saw."""
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request)
        body = {"balance": "5", "allowances": {}, "version": 2, "closed_only": False}
        return web.json_response(1_790_000_000 if request.path == "/time" else body)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    credentials = Credentials.from_secret(make_documents()[1]["polymarket"])
    rest = PolymarketRest(Hosts(base, base, base, base, base), VirtualClock(), credentials)
    try:
        yield rest, seen
    finally:
        await rest.aclose()
        await runner.cleanup()


async def test_polymarket_gotcha_09_balances_are_read_of_the_right_kind_and_refreshed() -> None:
    async with recording() as (rest, seen):
        await rest.collateral()
        await rest.conditional("77")
        await rest.refresh_balance_cache()
    asked = [(r.path, dict(r.query)) for r in seen]
    assert asked == [
        ("/balance-allowance", {"asset_type": "COLLATERAL", "signature_type": "3"}),
        (
            "/balance-allowance",
            {"asset_type": "CONDITIONAL", "token_id": "77", "signature_type": "3"},
        ),
        ("/balance-allowance/update", {"asset_type": "COLLATERAL", "signature_type": "3"}),
    ]
    assert "CONDITIONAL-V2" not in SOURCE, "protocol V2 markets are refused"


def test_polymarket_gotcha_10_a_lost_answer_is_settled_by_the_digest_never_resent() -> None:
    found = [trade(status="MATCHED", taker_order_id="0xaa")]
    assert kinds(look(1_000.5), look(1_001.0)) == [EvidenceKind.UNPROVEN] * 2
    fills = read(found[0], lambda _: ticket().attempt_id)
    assert kinds(look(1_001.0, trades=found, fills=fills)) == [EvidenceKind.FILLED]


def test_polymarket_gotcha_11_an_order_that_is_not_shown_may_have_traded() -> None:
    done = [trade(status="MATCHED", taker_order_id="0xaa")]
    fills = read(done[0], lambda _: ticket().attempt_id)
    [kind] = kinds(look(1_010.0, order=None, trades=done, fills=fills))
    assert kind is EvidenceKind.FILLED
    assert kinds(look(1_010.0, order=order("LIVE"), is_open=True)) == [EvidenceKind.LIVE]


def test_polymarket_gotcha_12_fills_of_one_transaction_stay_apart() -> None:
    one, two = trade(id="t-1"), trade(id="t-2")
    keys = [fill.key for item in (one, two) for fill in read(item, lambda _: ticket().attempt_id)]
    assert len(set(keys)) == len(keys) == 2
    both = trade(
        trader_side="MAKER",
        owner="other",
        maker_orders=[maker(order_id="0x01", owner="key-1"), maker(order_id="0x02", owner="key-1")],
    )
    assert len({fill.key for fill in read(both)}) == 2


def test_polymarket_gotcha_13_a_broken_tick_is_a_refusal_and_a_changed_one_drops_the_book(
    feed: Feed,
) -> None:
    text = "order 0xab breaks minimum tick size rule: 0.001"
    refusal = find_refusal(400, text)
    assert refusal is not None and refusal.reason == "tick_size"
    said = feed.say(
        {
            "event_type": "tick_size_change",
            "asset_id": feed.token,
            "market": feed.instrument.native_id,
            "old_tick_size": "0.01",
            "new_tick_size": "0.001",
            "timestamp": "2000000",
        }
    )
    assert any(getattr(body, "state", None) is not None for body in said)
    with pytest.raises(OffGridError):
        limit_amounts(Side.BUY, 565_000, 10_000_000, 10_000)
    assert limit_amounts(Side.BUY, 565_000, 10_000_000, 1_000).maker == 5_650_000


def test_polymarket_gotcha_14_dust_is_floored_never_sold() -> None:
    assert market_sell_amounts(5_009_999, 500_000, 10_000).maker == 5_000_000
    with pytest.raises(OffGridError):
        market_sell_amounts(9_999, 500_000, 10_000)


def test_polymarket_gotcha_15_signing_uses_the_fast_curve() -> None:
    assert "from coincurve import PrivateKey" in SOURCE
    assert "eth_account" not in SOURCE, "that is the slow one"
    assert OrderSigner("0x" + "11" * 32).address


def test_polymarket_gotcha_16_success_without_an_id_is_unknown() -> None:
    for body in (
        MATCHED | {"orderID": "", "errorMsg": "not enough balance / allowance"},
        MATCHED | {"orderID": ""},
    ):
        assert isinstance(judge(body), Unknown)
    said_no = judge({"success": False, "orderID": "", "errorMsg": "not enough balance / allowance"})
    assert isinstance(said_no, Rejected)


def test_polymarket_gotcha_17_status_words_are_an_open_set() -> None:
    assert isinstance(judge(MATCHED | {"status": "half_matched"}), Unknown)
    for word in ("CANCELED_MARKET_RESOLVED", "CANCELED_SOMETHING_NEW"):
        assert kinds(look(1_010.0, order=order(word))) == [EvidenceKind.ABSENT]


def test_polymarket_gotcha_18_payouts_come_from_final_prices_not_from_winner_flags() -> None:
    raw = gamma_object(1, closed=True, outcomePrices='["0", "1"]', umaResolutionStatus="resolved")
    raw["tokens"] = [{"outcome": "Yes", "winner": True}, {"outcome": "No", "winner": False}]
    market = msgspec.json.decode(json.dumps(raw).encode(), type=GammaMarket)
    assert parse_payout(market) == 0
    assert "winner" not in " ".join(GammaMarket.__struct_fields__)


async def test_polymarket_gotcha_19_a_user_agent_is_always_sent() -> None:
    async with recording() as (rest, seen):
        await rest.version()
        await rest.is_closed_only()
        await rest.warm_orders()
        await rest.post_order(b"{}", lambda: None)
    assert [r.path for r in seen] == ["/version", "/auth/ban-status/closed-only", "/time", "/order"]
    assert {r.headers.get("User-Agent") for r in seen} == {"twinleg/1"}


def test_polymarket_gotcha_20_version_decides_not_position_ids() -> None:
    def refusal(**more: Any) -> str:
        return parse_market(json.dumps(gamma_object(1) | more).encode(), 1).instrument.refusal

    assert refusal(positionIds='["1", "2"]') == ""
    assert refusal(version="v1", positionIds='["1", "2"]') == ""
    assert "protocol v2" in refusal(version="v2")
