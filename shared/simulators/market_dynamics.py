"""The default life of the world: a self-written catalogue, seeded books, real endings.

Rolling families open and settle all day; a standing catalogue of true pairs, look-alike
traps and singles changes with the month. Everything is a pure function of (seed, wall
time): a restart continues the same markets, books and outcomes, and can still answer for
markets that settled meanwhile.
"""

from __future__ import annotations

import heapq
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.enums import BookSide, MarketStatus, Venue
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros
from shared.exchange.seeded import draw, draw_between
from shared.simulators import rolling_families
from shared.simulators.calendar_month import Month
from shared.simulators.catalogue import SimMarket
from shared.simulators.hidden_truth import Hidden, log_odds, outcome_is_yes, probability
from shared.simulators.polymarket_us_objects import polymarket_us_event, polymarket_us_market
from shared.simulators.questions import Kinship, Question
from shared.simulators.quote_maker import (
    Quoter,
    dislocation,
    ladder,
    make_quoter,
    next_update,
    shift_of,
    update_time,
)
from shared.simulators.standing_pairs import PAIRS
from shared.simulators.standing_singles import KALSHI_SINGLES, POLYMARKET_SINGLES
from shared.simulators.standing_texts import question_of
from shared.simulators.standing_traps import TRAPS
from shared.simulators.taker_delays import with_taker_delay
from shared.simulators.venue_objects import (
    kalshi_event,
    kalshi_market,
    kalshi_series,
    polymarket_event,
    polymarket_market,
)
from shared.simulators.world import World

KEEP_NS: Final = 6 * 3_600 * NS_PER_S
"""Settled markets stay in the catalogue this long."""
RECALL_NS: Final = 14 * 86_400 * NS_PER_S
LATE_NS: Final = 3 * NS_PER_S
"""Quotes that are later than this (the process slept) are skipped, not caught up."""
_TRADES: Final = uuid.UUID("b8a4c0f6-4a4b-5a2e-9a55-5d3f0e6f7a21")
_PAYOUT_YES, _PAYOUT_NO = PriceMicros(MICROS), PriceMicros(0)


@dataclass(slots=True)
class _Side:
    """One listed market of a question and how it is quoted."""

    market: SimMarket
    quoter: Quoter
    question: Question
    other: Quoter | None
    payout: PriceMicros
    determine_ns: int
    settle_ns: int


class MarketDynamics:
    """A ``LifeSource``; see the module docstring."""

    name = "dynamics"

    def __init__(
        self, seed: int = 1, second: Venue = Venue.POLYMARKET, *, has_holds: bool = False
    ) -> None:
        """``second`` is the venue beside Kalshi: each operator has one that is open to him.

        With ``has_holds`` Polymarket holds takers of sports and crypto as the real one does.
        """
        assert second is not Venue.KALSHI
        self._has_holds = has_holds and second is Venue.POLYMARKET
        self.seed = seed
        self.second = second
        self.assumptions: Sequence[str] = (
            f"Markets, books and outcomes are invented from seed {seed}; no real market is shown.",
            "Polymarket winnings are redeemed by the venue when a market settles.",
        )
        self._world: World | None = None
        self._sides: dict[MarketId, _Side] = {}
        self._plan: list[tuple[int, int, str, str]] = []
        self._questions: dict[str, Question] = {}
        self._planned = 0
        self._next_index: list[int] = []
        self._month: Month | None = None

    # --- LifeSource ----------------------------------------------------------------------

    def start(self, world: World, now_ns: int) -> None:
        self._world = world
        month = Month.at(now_ns)
        questions = [
            *self._standing(month.previous),
            *self._standing(month),
            *self._rolling_until(now_ns),
        ]
        for question in sorted(questions, key=lambda q: (q.open_ns, q.key)):
            if question.open_ns <= now_ns and question.close_ns > now_ns - KEEP_NS:
                self._open(question, now_ns)
        self._month = month
        self._push(month.end_ns, "month", "")
        for number, index in enumerate(self._next_index):
            self._push_family(number, index)

    def next_due_ns(self) -> int | None:
        return self._plan[0][0] if self._plan else None

    def step(self, now_ns: int) -> None:
        while self._plan and self._plan[0][0] <= now_ns:
            at_ns, _, kind, subject = heapq.heappop(self._plan)
            if kind == "quote":
                self._quote(MarketId(subject), at_ns, now_ns)
            elif kind == "family":
                self._next_of_family(int(subject), at_ns)
            elif kind == "month":
                self._next_month(at_ns)
            else:
                self._life(kind, MarketId(subject), at_ns)

    def recall(self, market_ids: Sequence[MarketId]) -> None:
        """List settled markets again that accounts refer to, at most two weeks old."""
        world = self._require_world()
        wanted = {m for m in market_ids if world.find(m) is None}
        if not wanted:
            return
        now_ns = world.now_ns()
        for number in range(len(rolling_families.makers())):
            for index in rolling_families.indexes_alive(now_ns, number, now_ns - RECALL_NS):
                question = rolling_families.rolling_question(self.seed, number, index)
                if question.close_ns < now_ns:
                    self._recall_question(question, wanted, now_ns)
        for month in (Month.at(now_ns).previous, Month.at(now_ns)):
            for question in self._standing(month):
                if question.close_ns < now_ns:
                    self._recall_question(question, wanted, now_ns)

    def _recall_question(self, question: Question, wanted: set[MarketId], now_ns: int) -> None:
        sides = self._listed(question)
        if any(market.market_id in wanted for market in sides):
            self._open(question, now_ns)

    # --- what exists ----------------------------------------------------------------------

    def _standing(self, month: Month) -> list[Question]:
        rows = (*PAIRS, *TRAPS, *KALSHI_SINGLES, *POLYMARKET_SINGLES)
        return [question_of(row, month, self.seed) for row in rows]

    def _rolling_until(self, now_ns: int) -> list[Question]:
        found: list[Question] = []
        self._next_index = []
        for number in range(len(rolling_families.makers())):
            indexes = rolling_families.indexes_alive(now_ns, number, now_ns - KEEP_NS)
            found += [rolling_families.rolling_question(self.seed, number, i) for i in indexes]
            self._next_index.append(indexes.stop)
        return found

    def _push(self, at_ns: int, kind: str, subject: str) -> None:
        self._planned += 1
        heapq.heappush(self._plan, (at_ns, self._planned, kind, subject))

    def _push_family(self, number: int, index: int) -> None:
        question = rolling_families.rolling_question(self.seed, number, index)
        self._push(question.open_ns, "family", str(number))

    def _next_of_family(self, number: int, at_ns: int) -> None:
        index = self._next_index[number]
        self._open(rolling_families.rolling_question(self.seed, number, index), at_ns)
        self._next_index[number] = index + 1
        self._push_family(number, index + 1)

    def _next_month(self, at_ns: int) -> None:
        self._month = Month.at(at_ns)
        for question in self._standing(self._month):
            self._open(question, at_ns)
        self._push(self._month.end_ns, "month", "")

    # --- listing ---------------------------------------------------------------------------

    def _listed(self, question: Question) -> list[SimMarket]:
        sides = []
        if question.kalshi is not None:
            sides.append(kalshi_market(question, question.kalshi))
        if question.polymarket is not None:
            make = polymarket_market if self.second is Venue.POLYMARKET else polymarket_us_market
            listed = make(self.seed, question, question.polymarket)
            sides.append(with_taker_delay(self.seed, listed) if self._has_holds else listed)
        return sides

    def _hidden(self, question: Question, venue: Venue) -> Hidden:
        is_other = venue is not Venue.KALSHI and question.kinship is Kinship.TRAP
        return Hidden(
            key=question.other_key if is_other else question.key,
            base=log_odds(question.other_chance if is_other else question.chance),
            open_ns=question.open_ns,
            close_ns=question.close_ns,
            is_rolling=question.is_rolling,
        )

    def _open(self, question: Question, now_ns: int) -> None:
        """List both sides of a question, in whatever state they are at ``now_ns``."""
        world = self._require_world()
        markets = self._listed(question)
        quoters = [self._quoter(question, market) for market in markets]
        for number, market in enumerate(markets):
            other = quoters[1 - number] if len(quoters) == 2 else None
            side = self._side_of(question, market, quoters[number], other)
            self._sides[market.market_id] = side
            self._announce(question, market)
            status, payout = MarketStatus.ACTIVE, None
            if now_ns >= side.settle_ns:
                status, payout = MarketStatus.SETTLED, side.payout
            elif now_ns >= side.determine_ns:
                status, payout = MarketStatus.DETERMINED, side.payout
            elif now_ns >= question.close_ns:
                status = MarketStatus.CLOSED
            world.add_market(market, now_ns, status=status, payout=payout)
            self._plan_life(side, now_ns)

    def _side_of(
        self, question: Question, market: SimMarket, quoter: Quoter, other: Quoter | None
    ) -> _Side:
        is_yes = outcome_is_yes(self.seed, quoter.hidden) is not quoter.is_flipped
        is_kalshi = market.venue is Venue.KALSHI
        if question.is_rolling:
            determine_s, settle_s = (10, 70) if is_kalshi else (20, 60)
        else:
            determine_s, settle_s = (7_200, 7_260) if is_kalshi else (10_800, 18_000)
        return _Side(
            market=market,
            quoter=quoter,
            question=question,
            other=other,
            payout=_PAYOUT_YES if is_yes else _PAYOUT_NO,
            determine_ns=question.close_ns + determine_s * NS_PER_S,
            settle_ns=question.close_ns + settle_s * NS_PER_S,
        )

    def _quoter(self, question: Question, market: SimMarket) -> Quoter:
        is_kalshi = market.venue is Venue.KALSHI
        fees = market.instrument.fees
        rate = (
            fees.rate_ppm * fees.multiplier_ppm / MICROS**2 if is_kalshi else fees.rate_ppm / MICROS
        )
        return make_quoter(
            self.seed,
            market.market_id,
            market.venue,
            self._hidden(question, market.venue),
            is_flipped=question.kinship is Kinship.INVERSE and not is_kalshi,
            tick=market.instrument.grid[0].step,
            fee_rate=rate,
        )

    def _announce(self, question: Question, market: SimMarket) -> None:
        """Add series and event; an event that exists gains the market."""
        world = self._require_world()
        if market.venue is Venue.KALSHI:
            assert question.kalshi is not None
            world.add_series(kalshi_series(question.kalshi))
            event = kalshi_event(question.kalshi, market)
        elif market.venue is Venue.POLYMARKET:
            event = polymarket_event(market)
        else:
            event = polymarket_us_event(market)
        known = world.event(event.venue, event.event_id)
        if known is not None and market.market_id not in known.market_ids:
            event = replace(known, market_ids=(*known.market_ids, market.market_id))
        world.add_event(event)

    def _plan_life(self, side: _Side, now_ns: int) -> None:
        subject = side.market.market_id
        stages = (
            (side.market.close_ns, "close"),
            (side.determine_ns, "determine"),
            (side.settle_ns, "settle"),
            (side.settle_ns + KEEP_NS, "forget"),
        )
        for at_ns, kind in stages:
            if at_ns > now_ns:
                self._push(at_ns, kind, subject)
        if now_ns < side.market.close_ns:
            # Quotes of "now" at once, so that no market is listed without a book.
            self._push(now_ns, "quote", subject)

    # --- life ------------------------------------------------------------------------------

    def _quote(self, market_id: MarketId, at_ns: int, now_ns: int) -> None:
        """Show the ladder of this update and plan the next one."""
        world, side = self._require_world(), self._sides.get(market_id)
        if side is None or at_ns >= side.market.close_ns:
            return
        quoter = side.quoter
        number = next_update(quoter, at_ns) - 1
        is_late = now_ns - at_ns > LATE_NS
        if not is_late:
            shift = self._shift(side, at_ns)
            bids, asks = ladder(self.seed, quoter, number, at_ns, shift)
            bids, asks = _orderable(side.market, bids), _orderable(side.market, asks)
            world.exchanges[quoter.venue].set_book(market_id, bids, asks, at_ns)
            if bids and asks:
                self._print(side, number, max(bids), min(asks), at_ns)
        following = next_update(quoter, now_ns if is_late else at_ns)
        self._push(update_time(quoter, following), "quote", market_id)

    def _shift(self, side: _Side, at_ns: int) -> float:
        question = side.question
        if side.other is None or question.kinship not in (Kinship.PAIR, Kinship.INVERSE):
            return 0.0
        fault = dislocation(self.seed, question.key, question.is_rolling, at_ns)
        if fault is None:
            return 0.0
        p = probability(self.seed, side.quoter.hidden, at_ns)
        return shift_of(side.quoter, side.other, fault, p)

    def _print(self, side: _Side, number: int, bid: int, ask: int, at_ns: int) -> None:
        """Publish a trade inside the crowd on about one update in twelve."""
        roll = draw(side.quoter.key, number * 16 + 11)
        if roll % 12:
            return
        taker = BookSide.BID if roll & (1 << 20) else BookSide.ASK
        price = ask if taker is BookSide.BID else bid
        qty = draw_between(side.quoter.key, number * 16 + 12, 500, 9_000) * 10_000
        trade_id = str(uuid.uuid5(_TRADES, f"{self.seed}/{side.market.market_id}/{number}"))
        self._require_world().exchanges[side.quoter.venue].print_trade(
            side.market.market_id, trade_id, PriceMicros(price), QtyMicros(qty), taker, at_ns
        )

    def _life(self, kind: str, market_id: MarketId, at_ns: int) -> None:
        world, side = self._require_world(), self._sides[market_id]
        exchange = world.exchanges[side.market.venue]
        if kind == "close":
            exchange.change_status(market_id, MarketStatus.CLOSED, at_ns)
        elif kind == "determine":
            exchange.change_status(market_id, MarketStatus.DETERMINED, at_ns, side.payout)
        elif kind == "settle":
            exchange.change_status(market_id, MarketStatus.SETTLED, at_ns)
        else:
            assert kind == "forget", kind
            world.forget_market(market_id)
            del self._sides[market_id]

    # --- what only tests and reports may know ---------------------------------------------------

    def kinship_of(self, market_id: MarketId) -> tuple[Kinship, str]:
        """Return the hidden relation and the question key of a listed market."""
        question = self._sides[market_id].question
        return question.kinship, question.key

    def _require_world(self) -> World:
        assert self._world is not None, "start() was not called"
        return self._world


def _orderable(market: SimMarket, levels: dict[int, int]) -> dict[int, int]:
    """Return the levels that the venue takes: prices inside its limits, whole lots."""
    instrument = market.instrument
    step = instrument.qty_step
    return {
        price: qty - qty % step
        for price, qty in levels.items()
        if qty >= step and instrument.is_on_grid(PriceMicros(price))
    }
