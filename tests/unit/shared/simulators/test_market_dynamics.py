"""The default world: what it lists, that it repeats, that edges appear, that it settles."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict

import pytest

from shared.domain.enums import Liquidity, MarketStatus, Outcome, Side, Venue
from shared.domain.fees import charge
from shared.domain.units import MICROS, PriceMicros, QtyMicros
from shared.exchange.happenings import Happening, MarketMoved
from shared.simulators import rolling_families
from shared.simulators.catalogue import SimMarket
from shared.simulators.market_dynamics import MarketDynamics
from shared.simulators.questions import Kinship
from shared.simulators.world import World

START = 1_795_000_000 * 10**9 + 123_456_789
SECOND = 10**9
HUNDRED = QtyMicros(100 * MICROS)


class Run:
    """A world on a clock that the test turns."""

    def __init__(self, start_ns: int = START, seed: int = 1) -> None:
        self.now_ns = start_ns
        self.source = MarketDynamics(seed)
        self.world = World(self.source, seed=seed, clock=lambda: self.now_ns)
        self.heard: list[tuple[str, Happening]] = []
        for venue, exchange in self.world.exchanges.items():
            exchange.subscribe(lambda h, v=venue.value: self.heard.append((v, h)))
        self.world.start()

    def pass_time(self, seconds: float, step_s: float = 0.25) -> None:
        end_ns = self.now_ns + int(seconds * SECOND)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + int(step_s * SECOND))
            self.world.step(self.now_ns)

    def active(self, venue: Venue) -> list[SimMarket]:
        exchange = self.world.exchanges[venue]
        found = []
        for market in self.world.markets(venue):
            state = exchange.market(market.market_id)
            if state is not None and state.status is MarketStatus.ACTIVE:
                found.append(market)
        return found

    def pairs(self) -> dict[str, dict[Venue, SimMarket]]:
        found: dict[str, dict[Venue, SimMarket]] = defaultdict(dict)
        for venue in self.world.exchanges:
            for market in self.active(venue):
                kinship, key = self.source.kinship_of(market.market_id)
                if kinship in (Kinship.PAIR, Kinship.INVERSE):
                    found[key][venue] = market
        return {key: sides for key, sides in found.items() if len(sides) == 2}

    def best_net(self, key: str, sides: dict[Venue, SimMarket]) -> float | None:
        """Return the better package's net edge at the touch, in cents, for 100 contracts."""
        k, p = sides[Venue.KALSHI], sides[Venue.POLYMARKET]
        book_k = self.world.exchanges[Venue.KALSHI].book(k.market_id)
        book_p = self.world.exchanges[Venue.POLYMARKET].book(p.market_id)
        if not (book_k.bids and book_k.asks and book_p.bids and book_p.asks):
            return None
        buy_yes, buy_no = book_p.asks[0][0], PriceMicros(MICROS - book_p.bids[0][0])
        if self.source.kinship_of(k.market_id)[0] is Kinship.INVERSE:
            buy_yes, buy_no = buy_no, buy_yes
        nets = []
        for price_k, price_p in (
            (book_k.asks[0][0], buy_no),
            (PriceMicros(MICROS - book_k.bids[0][0]), buy_yes),
        ):
            fee = sum(
                charge(m.instrument.fees, Liquidity.TAKER, Side.BUY, price, HUNDRED).fee_usd
                for m, price in ((k, price_k), (p, price_p))
            )
            nets.append((MICROS - price_k - price_p - fee / 100) / 10_000)
        return max(nets)


@pytest.fixture(scope="module")
def run() -> Run:
    return Run()


def test_each_venue_lists_forty_markets_in_eight_categories(run: Run) -> None:
    for venue in run.world.exchanges:
        active = run.active(venue)
        assert len(active) >= 40
        assert len({market.instrument.category for market in active}) >= 8


@pytest.mark.parametrize("hour", range(0, 24 * 40, 113))
def test_pairs_and_traps_are_enough_at_any_hour(hour: int) -> None:
    run = Run(START + hour * 3_600 * SECOND)
    kinds = Counter(run.source.kinship_of(m.market_id)[0] for m in run.active(Venue.KALSHI))
    assert kinds[Kinship.PAIR] + kinds[Kinship.INVERSE] >= 15
    assert kinds[Kinship.INVERSE] >= 1
    assert kinds[Kinship.TRAP] >= 10
    assert len(run.pairs()) >= 15


def test_objects_have_the_fields_and_formats_of_the_venues(run: Run) -> None:
    for market in run.world.markets(Venue.KALSHI):
        raw = market.raw
        assert raw["ticker"].startswith(raw["event_ticker"])
        assert raw["rules_primary"].endswith("resolves to Yes.") and raw["close_time"][-1] == "Z"
        assert "{" not in json.dumps([raw["title"], raw["rules_primary"], raw["rules_secondary"]])
    for market in run.world.markets(Venue.POLYMARKET):
        raw = market.raw
        assert raw["conditionId"].startswith("0x") and len(raw["conditionId"]) == 66
        tokens, outcomes = json.loads(raw["clobTokenIds"]), json.loads(raw["outcomes"])
        assert len(tokens) == len(outcomes) == 2 and all(t.isdigit() for t in tokens)
        assert "{" not in raw["question"] + raw["description"]
        assert raw["events"] and raw["tags"] and raw["orderMinSize"] == 5
        for number, outcome in enumerate(Outcome):
            assert run.world.token(tokens[number]) == (market.market_id, outcome)


def test_no_id_or_rule_text_is_used_twice(run: Run) -> None:
    for venue in run.world.exchanges:
        markets = run.world.markets(venue)
        assert len({m.native_id for m in markets}) == len(markets)
    rules = [m.raw["rules_primary"] for m in run.active(Venue.KALSHI)]
    assert len(set(rules)) == len(rules)


def digest(run: Run) -> str:
    return hashlib.sha256("\n".join(map(repr, run.heard)).encode()).hexdigest()


def test_the_stream_depends_on_seed_and_time_alone_not_on_the_pace() -> None:
    first, second, other = Run(), Run(), Run(seed=2)
    first.pass_time(60, step_s=0.05)
    second.pass_time(60, step_s=1.7)
    other.pass_time(60)
    assert len(first.heard) > 5_000
    assert digest(first) == digest(second) != digest(other)


def test_a_restart_goes_on_with_the_same_markets_books_and_outcomes() -> None:
    first = Run()
    first.pass_time(180)
    second = Run(start_ns=first.now_ns)
    second.pass_time(20)
    first.pass_time(20)
    for venue in first.world.exchanges:
        ids = {m.market_id for m in first.active(venue)}
        assert ids == {m.market_id for m in second.active(venue)}
        for market_id in ids:
            book = first.world.exchanges[venue].book(market_id)
            again = second.world.exchanges[venue].book(market_id)
            assert (book.bids, book.asks) == (again.bids, again.asks)


def test_fillable_edges_appear_within_two_minutes_and_great_ones_are_rare() -> None:
    run = Run()
    seen: set[str] = set()
    rolling: list[float] = []
    standing: list[float] = []
    for _ in range(120):
        run.pass_time(1)
        for key, sides in run.pairs().items():
            net = run.best_net(key, sides)
            if net is None:
                continue
            is_rolling = sides[Venue.KALSHI].close_ns - sides[Venue.KALSHI].opened_ns < 10**13
            (rolling if is_rolling else standing).append(net)
            if net >= 2.5:
                assert is_rolling, key
                seen.add(key)
    assert len(seen) >= 4
    assert sum(net > 8 for net in rolling) <= len(rolling) / 100
    assert max(standing) < 2.5
    # Most of the time there is nothing to do.
    assert sum(net >= 2.5 for net in rolling) < len(rolling) / 4


def test_books_are_on_the_grid_uncrossed_and_deep_enough(run: Run) -> None:
    run.pass_time(5)
    for venue, exchange in run.world.exchanges.items():
        for market in run.active(venue):
            book = exchange.book(market.market_id)
            assert book.bids and book.asks and book.bids[0][0] < book.asks[0][0]
            for price, qty in (*book.bids, *book.asks):
                assert market.instrument.is_on_grid(price)
                assert qty >= 5_000_000 and qty % 10_000 == 0


def test_several_pairs_settle_in_every_six_minutes_with_agreeing_payouts() -> None:
    run = Run()
    payouts: dict[str, dict[Venue, int]] = defaultdict(dict)
    for _ in range(3):
        settled = 0
        before = len(run.heard)
        run.pass_time(360, step_s=10)
        for venue, happening in run.heard[before:]:
            if isinstance(happening, MarketMoved) and happening.status is MarketStatus.SETTLED:
                kinship, key = run.source.kinship_of(happening.market_id)
                assert happening.payout is not None
                if kinship is Kinship.INVERSE and venue == "polymarket":
                    payouts[key][Venue(venue)] = MICROS - happening.payout
                else:
                    payouts[key][Venue(venue)] = happening.payout
                settled += venue == "kalshi"
        assert settled >= 3
    both = [sides for sides in payouts.values() if len(sides) == 2]
    assert len(both) >= 9
    assert all(sides[Venue.KALSHI] == sides[Venue.POLYMARKET] for sides in both)
    # Neither side of the coin alone.
    assert len({sides[Venue.KALSHI] for sides in both}) == 2


def test_settled_markets_are_answered_for_hours_and_recalled_after_that() -> None:
    run = Run()
    market = min(run.active(Venue.KALSHI), key=lambda m: m.close_ns)
    later = Run(start_ns=START + 3 * 3_600 * SECOND)
    state = later.world.exchanges[Venue.KALSHI].market(market.market_id)
    assert state is not None and state.status is MarketStatus.SETTLED
    assert later.world.find(market.market_id) is not None
    much_later = Run(start_ns=START + 30 * 3_600 * SECOND)
    assert much_later.world.find(market.market_id) is None
    much_later.source.recall([market.market_id])
    state = much_later.world.exchanges[Venue.KALSHI].market(market.market_id)
    assert state is not None and state.payout in (0, MICROS)


def test_a_process_that_slept_skips_quotes_but_no_settlement() -> None:
    run = Run()
    run.now_ns += 1_800 * SECOND
    run.world.step(run.now_ns)
    run.pass_time(10)
    assert len(run.pairs()) >= 15
    for venue, exchange in run.world.exchanges.items():
        for market in run.active(venue):
            assert exchange.book(market.market_id).bids


def test_sports_and_crypto_are_held_as_the_venue_holds_them_when_asked() -> None:
    plain, held = MarketDynamics(1), MarketDynamics(1, has_holds=True)
    found: dict[str, set[int]] = {}
    for number in range(len(rolling_families.makers())):
        question = rolling_families.rolling_question(1, number, 1_990_000)
        for with_hold, without in zip(held._listed(question), plain._listed(question), strict=True):
            delay = with_hold.instrument.taker_delay_ns
            assert without.instrument.taker_delay_ns == 0
            if with_hold.venue is Venue.KALSHI:
                assert delay == 0
                continue
            kind = str(with_hold.raw["feeType"]).split("_")[0]
            found.setdefault(kind, set()).add(delay)
            told = with_hold.raw.get("secondsDelay", 0) * 10**9
            assert told == (delay if delay >= 10**9 else 0)
    assert found["sports"] <= {10**9, 2 * 10**9, 3 * 10**9}
    assert all(50 <= ns // 10**6 <= 250 for ns in found["crypto"])
    assert all(delays == {0} for kind, delays in found.items() if kind not in HELD_KINDS)


HELD_KINDS = ("sports", "crypto", "finance")
