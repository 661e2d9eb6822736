"""What POLYMARKET.md says of Polymarket US (section 8.1 and 9), each as a test.

Section 9 numbers its gotchas; those that hold for this venue too carry their number, those
of section 8.1 the word ``us``. The others of section 9 (2-4, 6, 8, 9, 12-15, 17, 18, 20)
are about the chain, its signatures or Gamma and have nothing to stand for here.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import replace

import httpx
import msgspec
import pytest

from shared.adapters.venues.polymarket_us import capabilities as cap
from shared.adapters.venues.polymarket_us.answers import read_executions
from shared.adapters.venues.polymarket_us.catalogue import PolymarketUsCatalogue
from shared.adapters.venues.polymarket_us.errors import WireTally, find_refusal
from shared.adapters.venues.polymarket_us.evidence import Attempt, AttemptMemory, judge_order
from shared.adapters.venues.polymarket_us.instruments import (
    FeeTerms,
    build_instrument,
    read_fees,
    terms_of,
)
from shared.adapters.venues.polymarket_us.order_codec import encode_order
from shared.adapters.venues.polymarket_us.parsing import read_levels, read_order, read_signed
from shared.adapters.venues.polymarket_us.rest import AGENT, PolymarketUsRest
from shared.adapters.venues.polymarket_us.schemas import BookReply, CreateReply, Market, Order
from shared.adapters.venues.polymarket_us.signing import Signer, build_signed_text, load_seed
from shared.contracts import config_v1
from shared.domain.config import Config
from shared.domain.enums import FeeType, Outcome, Side, VenueSet
from shared.domain.errors import DomainError, NotAvailableError, OffGridError, WireError
from shared.domain.fee_schedules import is_usable
from shared.domain.order import EvidenceKind
from shared.domain.units import NS_PER_S, PriceMicros, QtyMicros
from tests.support.polymarket_us_world import (
    KEY_ID,
    RATE,
    SEED,
    TERMS,
    sim_market,
    ticket,
)
from tests.support.virtual_clock import VirtualClock

NOW_NS = 1_795_000_000 * NS_PER_S
ENDPOINTS = cap.Endpoints("http://gateway.test", "http://api.test")


def market_of(**changes: object) -> Market:
    raw = {**sim_market(RATE, NOW_NS).raw, **changes}
    return msgspec.convert(json.loads(json.dumps(raw)), Market, strict=False)


# --- keys and signatures ----------------------------------------------------------------------


def test_gotcha_us_signature_is_the_vector_of_the_official_client() -> None:
    signer = Signer.from_secret(KEY_ID, SEED)
    expected = (
        "l/ry9TVLSH7BiT8MhbMrgAvrZzz61esR9V567RoRuEXADHNFk1rza0I+erHgAdQjTsT5Hke29D+9cYizzg01DA=="
    )
    assert signer.sign(1_700_000_000_000, "POST", "/v1/orders") == expected
    headers = signer.headers(1_700_000_000_000 * 1_000_000, "post", "/v1/orders?limit=1")
    assert headers == {
        "X-PM-Access-Key": KEY_ID,
        "X-PM-Timestamp": "1700000000000",
        "X-PM-Signature": expected,
    }, "neither the query nor the body is signed"


def test_gotcha_us_key_of_64_bytes_is_its_first_half() -> None:
    import base64

    seed = base64.b64decode(SEED)
    long = base64.b64encode(seed + bytes(32)).decode()
    assert load_seed(long).private_bytes_raw() == seed
    for bad in ("", "not base64!", base64.b64encode(bytes(31)).decode()):
        with pytest.raises(DomainError) as refused:
            load_seed(bad)
        assert bad == "" or bad not in str(refused.value), "a secret is never shown"


def test_gotcha_us_handshake_signs_get_and_the_socket_path() -> None:
    assert build_signed_text(1_700_000_000_000, "GET", cap.WS_MARKETS) == (
        b"1700000000000GET/v1/ws/markets"
    )
    assert ENDPOINTS.ws_url(cap.WS_PRIVATE) == "ws://api.test/v1/ws/private"
    assert cap.LIVE.ws_url(cap.WS_MARKETS) == "wss://api.polymarket.us/v1/ws/markets"


# --- hosts ------------------------------------------------------------------------------------


def test_gotcha_us_live_orders_are_refused_until_a_read_back_is_confirmed() -> None:
    with pytest.raises(NotAvailableError, match="read-back"):
        cap.choose_endpoints(VenueSet.LIVE)
    assert cap.choose_endpoints(VenueSet.LIVE, may_trade=False) == cap.LIVE
    with pytest.raises(NotAvailableError, match="demo"):
        cap.choose_endpoints(VenueSet.DEMO)
    with pytest.raises(DomainError, match="this machine"):
        cap.choose_endpoints(VenueSet.SIM, cap.LIVE.gateway, cap.LIVE.api)
    with pytest.raises(DomainError, match="may not use"):
        cap.choose_endpoints(VenueSet.LIVE, "https://example.org", may_trade=False)


def test_gotcha_us_weekly_maintenance_moves_with_daylight_saving() -> None:
    summer = 1_784_801_700 * NS_PER_S  # Thursday 2026-07-23 06:15 in New York (UTC-4)
    winter = 1_795_086_900 * NS_PER_S  # Thursday 2026-11-19 06:15 in New York (UTC-5)
    assert cap.is_scheduled_pause(summer) and cap.is_scheduled_pause(winter)
    assert not cap.is_scheduled_pause(winter + 2 * 3_600 * NS_PER_S)
    assert not cap.is_scheduled_pause(winter + 86_400 * NS_PER_S)


# --- markets and books --------------------------------------------------------------------------


def test_gotcha_us_levels_are_texts_of_four_decimals_under_market_data() -> None:
    body = (
        b'{"marketData":{"marketSlug":"s","state":"MARKET_STATE_OPEN","transactTime":null,'
        b'"bids":[{"px":{"value":"0.7610","currency":"USD"},"qty":"39587.0000"}],"offers":null}}'
    )
    reply = msgspec.json.decode(body, type=BookReply)
    assert read_levels(reply.market_data.bids, "bids") == ((761_000, 39_587_000_000),)
    assert read_levels(reply.market_data.offers, "offers") == ()


def test_gotcha_us_sibling_slugs_of_one_event_have_books_of_their_own() -> None:
    """Their tops mirror each other, their depth does not: nothing joins the two."""
    one = build_instrument(market_of(slug="race-dem"), TERMS, NOW_NS)
    two = build_instrument(market_of(slug="race-rep"), TERMS, NOW_NS)
    assert one.market_id != two.market_id and one.event_id == two.event_id
    assert not one.yes_token and not one.no_token


def test_gotcha_us_tick_and_lot_are_the_markets_own_words() -> None:
    fine = build_instrument(
        market_of(orderPriceMinTickSize=0.005, minimumTradeQty=0.01), TERMS, NOW_NS
    )
    assert fine.grid[0].step == 5_000 and fine.qty_step == fine.min_qty == 10_000
    assert fine.is_on_grid(PriceMicros(515_000)) and not fine.is_on_grid(PriceMicros(512_000))
    # The exchange takes prices from 0.01 to 0.99 whatever the tick.
    assert fine.is_on_grid(PriceMicros(10_000)) and not fine.is_on_grid(PriceMicros(5_000))
    assert fine.is_on_grid(PriceMicros(990_000)) and not fine.is_on_grid(PriceMicros(995_000))
    assert not build_instrument(market_of(minimumTradeQty=None), TERMS, NOW_NS).tradeable
    for tick in (None, 0, -0.01, 0.003, 0.05):
        with pytest.raises(WireError):
            build_instrument(market_of(orderPriceMinTickSize=tick), TERMS, NOW_NS)


def test_gotcha_us_the_long_side_must_be_named_once() -> None:
    both = [{"description": "A", "long": True}, {"description": "B", "long": True}]
    doubtful = build_instrument(market_of(marketSides=both), TERMS, NOW_NS)
    assert not doubtful.tradeable and "long" in doubtful.refusal


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({}, "active"),
        ({"status": "MARKET_STATUS_HALTED"}, "paused"),
        ({"status": "MARKET_STATUS_RESOLVING"}, "closed"),
        ({"status": "MARKET_STATUS_RESOLVED"}, "determined"),
        ({"status": "MARKET_STATUS_SOMETHING_NEW"}, "paused"),
        ({"closed": True}, "closed"),
        ({"active": False, "status": None}, "paused"),
    ],
)
def test_gotcha_17_status_words_are_an_open_list(words: dict[str, object], status: str) -> None:
    assert build_instrument(market_of(**words), TERMS, NOW_NS).status.value == status


async def test_gotcha_19_every_request_names_its_agent_and_public_reads_carry_no_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"markets": []})

    clock = VirtualClock()
    rest = PolymarketUsRest(
        ENDPOINTS, None, clock, WireTally(), transport=httpx.MockTransport(answer)
    )
    catalogue = PolymarketUsCatalogue(rest, WireTally(), lambda: TERMS)
    assert [m async for m in catalogue.list_markets()] == []
    await rest.close()
    assert seen[0].headers["user-agent"] == AGENT and seen[0].url.host == "gateway.test"
    assert not any(name.startswith("x-pm") for name in seen[0].headers)


async def test_gotcha_us_public_throttle_is_outlived_not_fought() -> None:
    """429 after six reads, Retry-After 10: every page still arrives, slowly."""
    clock = VirtualClock()
    answered: list[int] = []
    refused: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        now = clock.mono_ns()
        recent = [at for at in (*answered, *refused) if now - at < 10 * NS_PER_S]
        if len(recent) >= 4:
            refused.append(now)
            return httpx.Response(429, headers={"Retry-After": "10"}, text="slow down")
        answered.append(now)
        return httpx.Response(200, json={"slug": request.url.path.split("/")[3], "settlement": 1})

    rest = PolymarketUsRest(
        ENDPOINTS, None, clock, WireTally(), transport=httpx.MockTransport(answer)
    )
    catalogue = PolymarketUsCatalogue(rest, WireTally(), lambda: TERMS)
    paid = []
    for number in range(12):
        job = asyncio.create_task(catalogue.read_settlement(f"m{number}"))
        while not job.done():
            await clock.advance(0.5)
        paid.append(job.result())
    await rest.close()
    assert paid == [1_000_000] * 12
    gaps = [b - a for a, b in itertools.pairwise(refused)]
    assert refused and all(gap >= 10 * NS_PER_S for gap in gaps), (
        "never again before the wait was over"
    )


# --- fees ---------------------------------------------------------------------------------------


def test_gotcha_us_fee_coefficient_is_a_claim_until_confirmed() -> None:
    confirmed = replace(TERMS, is_confirmed=True)
    for terms, market, is_live_usable, rate in (
        (TERMS, market_of(), False, 69_500),
        (confirmed, market_of(), True, 69_500),
        (confirmed, market_of(feeCoefficient=None), True, 69_500),
        # A market that names another coefficient than the operator stands by: the higher
        # one is reckoned with, and no real money goes there.
        (confirmed, market_of(feeCoefficient=0.1), False, 100_000),
        (confirmed, market_of(feeCoefficient=0.05), False, 69_500),
        (FeeTerms(69_500, 0, True), market_of(), False, 69_500),
    ):
        fees = read_fees(market, terms, NOW_NS)
        assert fees.fee_type is FeeType.POLYMARKET_US_CURVE and fees.rate_ppm == rate
        assert is_usable(fees, is_live=True) is is_live_usable
        assert is_usable(fees, is_live=False)
    assert read_fees(market_of(feeCoefficient=-1), TERMS, NOW_NS).fee_type is FeeType.UNKNOWN


def test_gotcha_us_fee_terms_come_dated_from_the_configuration() -> None:
    terms = terms_of(Config())
    assert (terms.coefficient_ppm, terms.is_confirmed) == (69_500, False)
    assert terms.as_of_ns == 1_790_294_400 * NS_PER_S  # 2026-09-25 00:00 UTC
    undated = terms_of(Config(polymarket_us_fee_date=0, polymarket_us_fee_confirmed=True))
    assert not read_fees(market_of(), undated, NOW_NS).is_confirmed
    confirmed = read_fees(market_of(), replace(terms, is_confirmed=True), NOW_NS)
    assert confirmed.as_of_ns == NOW_NS and confirmed.expires_ns > NOW_NS
    with pytest.raises(DomainError, match="cannot be confirmed"):
        config_v1.parse({"polymarket_us_fee_date": 0, "polymarket_us_fee_confirmed": True}, 2)
    with pytest.raises(DomainError, match="no day"):
        config_v1.parse({"polymarket_us_fee_date": 20_261_399}, 2)


# --- orders -------------------------------------------------------------------------------------


def test_gotcha_5_quantities_are_exact_never_floats() -> None:
    fine = build_instrument(market_of(minimumTradeQty=0.01), TERMS, NOW_NS)
    wanted = replace(ticket(fine, Outcome.YES, Side.BUY, 42, 1), qty=QtyMicros(29_000_290_000))
    assert b'"quantity":29000.29,' in encode_order(wanted, fine)
    with pytest.raises(OffGridError):
        encode_order(replace(wanted, qty=QtyMicros(29_000_295_000)), fine)


def test_gotcha_us_old_rounded_fields_give_way_to_the_exact_ones() -> None:
    assert read_signed("19.6000", "20", "position") == 19_600_000
    assert read_signed(None, "-50", "position") == -50_000_000
    with pytest.raises(WireError):
        read_signed(None, None, "position")


ORDER = {
    "id": "o1",
    "marketSlug": RATE,
    "intent": "ORDER_INTENT_BUY_LONG",
    "price": {"value": "0.42", "currency": "USD"},
    "quantity": 2,
    "cumQuantity": 2,
    "leavesQuantity": 0,
    "tif": "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
    "state": "ORDER_STATE_FILLED",
    "createTime": "2026-11-18T00:00:00.123456789Z",
    "commissionNotionalTotalCollected": {"value": "0.03", "currency": "USD"},
}


def order_of(**changes: object) -> Order:
    return msgspec.convert({**ORDER, **changes}, Order, strict=False)


def attempt_of(sent_ns: int = 0) -> Attempt:
    instrument = build_instrument(market_of(), TERMS, NOW_NS)
    return Attempt(ticket(instrument, Outcome.YES, Side.BUY, 42, 2), sent_ns, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "another"},
        {"marketSlug": "another"},
        {"intent": "ORDER_INTENT_BUY_SHORT"},
        {"quantity": 3, "leavesQuantity": 1},
        {"price": {"value": "0.43", "currency": "USD"}},
        {"price": {"value": "0.42", "currency": "EUR"}},
        {"cumQuantity": 3},
        {"leavesQuantity": 1},
        {"createTime": "yesterday"},
    ],
)
def test_gotcha_16_an_answer_about_another_order_proves_nothing(
    changes: dict[str, object],
) -> None:
    row = {"id": "e", "type": "EXECUTION_TYPE_FILL", "order": {**ORDER, **changes}}
    reply = msgspec.convert({"id": "o1", "executions": [row]}, CreateReply, strict=False)
    with pytest.raises(WireError):
        read_executions(attempt_of(), "o1", reply.executions or ())


@pytest.mark.parametrize(
    "changes",
    [
        {"marketSlug": "another"},
        {"intent": "ORDER_INTENT_BUY_SHORT"},
        {"quantity": 3, "leavesQuantity": 1},
        {"price": {"value": "0.43", "currency": "USD"}},
        {"tif": "TIME_IN_FORCE_FILL_OR_KILL"},
    ],
)
def test_gotcha_10_an_order_that_differs_in_anything_is_not_tied(
    changes: dict[str, object],
) -> None:
    memory = AttemptMemory(0, 0)
    attempt = memory.sending(attempt_of().ticket, 0)
    other = read_order(order_of(**changes))
    assert memory.note_order(other) is None and memory.find_order(attempt) == ""
    assert memory.note_order(read_order(order_of(id="o2"))) == attempt.ticket.attempt_id


def test_gotcha_10_two_orders_that_fit_one_attempt_tie_to_neither() -> None:
    memory = AttemptMemory(0, 0)
    instrument = build_instrument(market_of(), TERMS, NOW_NS)
    wanted = ticket(instrument, Outcome.YES, Side.BUY, 42, 2)
    twin = ticket(instrument, Outcome.YES, Side.BUY, 42, 2)
    memory.sending(wanted, 0)
    memory.sending(twin, 0)
    assert memory.note_order(read_order(order_of())) is None, "it may be either's"
    memory.link("o2", twin.attempt_id)
    assert memory.note_order(read_order(order_of())) == wanted.attempt_id
    # Once tied it stays so, and an order made before the send fits nothing.
    assert memory.note_order(read_order(order_of(id="o3"))) is None
    # Two orders seen before the attempt was known here: neither is taken for it.
    seen = AttemptMemory(0, 0)
    for name in ("o4", "o5"):
        seen.note_order(read_order(order_of(id=name)))
    assert seen.find_order(Attempt(wanted, 0, None)) == ""
    late = AttemptMemory(0, 0)
    late.sending(wanted, NOW_NS + 10 * NS_PER_S)
    assert late.note_order(read_order(order_of())) is None


def test_gotcha_11_an_order_that_is_not_open_is_still_read_by_its_id() -> None:
    attempt = attempt_of()
    ended = read_order(order_of(state="ORDER_STATE_CANCELED", cumQuantity=0))
    assert judge_order(attempt, ended, ()).kind is EvidenceKind.ABSENT
    refused = read_order(order_of(state="ORDER_STATE_REJECTED", cumQuantity=0))
    assert judge_order(attempt, refused, ()).kind is EvidenceKind.ABSENT
    odd = read_order(order_of(state="ORDER_STATE_REJECTED"))
    assert judge_order(attempt, odd, None).kind is EvidenceKind.UNPROVEN
    pending = read_order(order_of(state="ORDER_STATE_PENDING_NEW", cumQuantity=0))
    assert judge_order(attempt, pending, ()).kind is EvidenceKind.UNPROVEN
    strange = read_order(order_of(state="ORDER_STATE_SOMETHING_NEW"))
    assert judge_order(attempt, strange, ()).kind is EvidenceKind.UNPROVEN


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (429, b'{"status":429,"message":"Too Many Requests"}', "rate_limited"),
        (429, b'{"status":429,"message":"Global Rate Limit Exceeded"}', "latency_stopgap"),
        (400, b'{"code":3,"message":"marketSlug is required","details":[]}', "invalid_order"),
        (401, b'{"error":"unauthorized"}', "unauthorised"),
        (429, b"<html>", None),
        (400, b"", None),
        (400, b'["a"]', None),
        (403, b'{"message":"forbidden"}', None),
        (404, b'{"message":"not found"}', None),
        (409, b'{"message":"conflict"}', None),
        (500, b'{"message":"internal"}', None),
        (502, b"bad gateway", None),
        (503, b'{"message":"unavailable"}', None),
        (504, b'{"message":"timeout"}', None),
    ],
)
def test_gotcha_us_only_documented_answers_are_refusals(
    status: int, body: bytes, reason: str | None
) -> None:
    found = find_refusal(status, body)
    assert (found.reason if found else None) == reason
