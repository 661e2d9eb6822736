"""A kernel on a desk: one pair, two books, virtual time, and answers given by hand."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.config import Config
from shared.domain.enums import (
    FeeType,
    Liquidity,
    MarketStatus,
    Polarity,
    Venue,
    Verdict,
)
from shared.domain.ids import derive_pair_id, market_id
from shared.domain.instrument import LINEAR_CENT, FeeSchedule, Instrument
from shared.domain.order import Acked, AckStatus, Fill, LegTicket
from shared.domain.package import Package
from shared.domain.pairing import MatchedPair
from shared.domain.recovered import RecoveredState
from shared.domain.units import NS_PER_MS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros
from shared.engine.kernel import Kernel

WALL = 1_795_000_000 * NS_PER_S
CENT = 10_000
ONE = 1_000_000
KALSHI = market_id(Venue.KALSHI, "KX")
POLY = market_id(Venue.POLYMARKET, "0xc")
PAIR = derive_pair_id(KALSHI, POLY)


def instrument(venue: Venue, **changes: object) -> Instrument:
    poly = venue is Venue.POLYMARKET
    schedule = FeeSchedule(FeeType.KALSHI_QUADRATIC, 70_000, 17_500)
    if poly:
        schedule = FeeSchedule(FeeType.POLYMARKET_CURVE, 40_000, precision=10, trade_fee_quantum=10)
    base = Instrument(
        market_id=POLY if poly else KALSHI,
        venue=venue,
        native_id="0xc" if poly else "KX",
        title="Will it?",
        category="economics",
        series_id="KXS",
        event_id="e",
        grid=LINEAR_CENT,
        qty_step=QtyMicros(CENT),
        min_qty=QtyMicros(5 * ONE if poly else CENT),
        min_notional_usd=UsdMicros(ONE if poly else 0),
        fees=schedule,
        status=MarketStatus.ACTIVE,
        close_ns=WALL + 86_400 * NS_PER_S,
        settle_expected_ns=WALL + 86_400 * NS_PER_S,
        settle_worst_ns=WALL + 2 * 86_400 * NS_PER_S,
        rules_hash="r",
        settlement_source="bls",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def matched_pair(**changes: object) -> MatchedPair:
    base = MatchedPair(
        pair_id=PAIR,
        a=KALSHI,
        b=POLY,
        polarity=Polarity.SAME,
        verdict=Verdict.CONFIRMED,
        name="Will it?",
        rules_hash_a="r",
        rules_hash_b="r",
        score_ppm=990_000,
        category="economics",
        series_id="KXS",
        settlement_source="bls",
        is_proven=True,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


class Desk:
    """Steps the kernel and keeps what it asked for; commits answer themselves unless told."""

    def __init__(
        self,
        *,
        config: Config | None = None,
        pair: MatchedPair | None = None,
        recovered: RecoveredState | None = None,
        kernel: Kernel | None = None,
    ) -> None:
        self.kernel = kernel or Kernel("test")
        self.mono = 1
        self.seq = 0
        self.log: list[cm.Command] = []
        self.all_log: list[cm.Command] = []
        """Everything since the start; ``log`` is emptied once the desk is set up."""
        self.commits_ok = True
        self.timers: dict[str, int] = {}
        self.a = instrument(Venue.KALSHI)
        self.b = instrument(Venue.POLYMARKET)
        self.pair = pair or matched_pair()
        self.give(ev.StateLoaded(recovered or empty_state()))
        self.give(ev.ConfigChanged(config or Config()))
        self.give(ev.PairsChanged((self.pair,), (self.a, self.b)))
        self.renew()
        for venue in (Venue.KALSHI, Venue.POLYMARKET):
            self.feed(venue)
            self.give(ev.AccountSnapshot(venue, UsdMicros(5_000 * ONE), (), (), WALL + self.mono))
        self.give(ev.RecoveryFinished())
        self.log.clear()

    # --- giving ----------------------------------------------------------------------------

    def give(self, body: ev.EventBody) -> list[cm.Command]:
        self.seq += 1
        out = self.kernel.step(ev.Event(ev.Stamp(self.seq, self.mono, WALL + self.mono), body))
        self.log.extend(out)
        self.all_log.extend(out)
        for command in out:
            if isinstance(command, cm.ArmTimer):
                self.timers[command.timer_id] = command.due_mono_ns
            elif isinstance(command, cm.DropTimer):
                self.timers.pop(command.timer_id, None)
            elif isinstance(command, cm.CommitEnvelope) and self.commits_ok:
                self.give(ev.EnvelopeCommitted(command.package_id))
        return out

    def pass_time(self, ms: int, *, seconds: bool = False) -> None:
        """Let virtual time pass, firing due timers in order (and the second, if asked)."""
        end = self.mono + ms * NS_PER_MS
        while True:
            due = [(at, name) for name, at in self.timers.items() if at <= end]
            if not due:
                break
            at, name = min(due)
            del self.timers[name]
            self.mono = max(self.mono, at)
            self.give(ev.TimerFired(name))
        self.mono = end
        if seconds:
            self.renew()
            self.give(ev.SecondTicked())

    def renew(self) -> None:
        self.give(ev.LeaseSeen(1, self.mono + 30 * NS_PER_S))

    def feed(
        self, venue: Venue, *, up: bool = True, latency_ms: int = 20, age_ms: int = 50
    ) -> None:
        self.give(ev.FeedStatus(venue, up, age_ms * NS_PER_MS, latency_ms * NS_PER_MS, 0))

    def book(self, venue: Venue, bid: int, ask: int, size: int = 100) -> list[cm.Command]:
        """Give a whole book of three levels a side, best prices in cents."""
        market = KALSHI if venue is Venue.KALSHI else POLY
        bids = tuple((PriceMicros((bid - k) * CENT), QtyMicros(size * ONE)) for k in range(3))
        asks = tuple((PriceMicros((ask + k) * CENT), QtyMicros(size * ONE)) for k in range(3))
        return self.give(ev.BookReplaced(market, bids, asks, WALL + self.mono))

    def open_edge(self, size: int = 100) -> LegTicket:
        """Show an edge of about ten cents gross and return the opening order."""
        self.book(Venue.KALSHI, 54, 56, size)
        self.book(Venue.POLYMARKET, 44, 46, size)
        return self.tickets()[-1]

    def sending(self, ticket: LegTicket) -> None:
        self.give(ev.AttemptSending(ticket.attempt_id))

    def fill(
        self,
        ticket: LegTicket,
        qty: int | None = None,
        *,
        price: int | None = None,
        final: bool = True,
    ) -> Fill:
        return Fill(
            venue=ticket.venue,
            trade_id=f"t-{ticket.attempt_id[:8]}",
            order_id=f"o-{ticket.attempt_id[:8]}",
            attempt_id=ticket.attempt_id,
            market_id=ticket.market_id,
            outcome=ticket.outcome,
            side=ticket.side,
            price=PriceMicros(price if price is not None else ticket.price_limit),
            qty=QtyMicros(qty if qty is not None else ticket.qty),
            fee=UsdMicros(10_000),
            liquidity=Liquidity.TAKER,
            venue_ts_ns=WALL + self.mono,
            is_final=final,
        )

    def answer(
        self,
        ticket: LegTicket,
        qty: int | None = None,
        *,
        status: AckStatus = AckStatus.DONE,
        final: bool = True,
    ) -> list[cm.Command]:
        """The venue answers: ``qty`` filled (all by default), with its fill."""
        filled = ticket.qty if qty is None else qty
        fills = (self.fill(ticket, filled, final=final),) if filled else ()
        cost = sum(f.notional_usd for f in fills)
        order_id = f"o-{ticket.attempt_id[:8]}"
        ack = Acked(ticket.attempt_id, order_id, status, QtyMicros(filled), UsdMicros(cost), fills)
        return self.give(ev.AttemptAnswered(ack))

    # --- reading ---------------------------------------------------------------------------

    def tickets(self) -> list[LegTicket]:
        return [c.ticket.value for c in self.log if isinstance(c, cm.SubmitLeg)]

    def asked(self, kind: type) -> list[cm.Command]:
        return [c for c in self.log if isinstance(c, kind)]

    @property
    def packages(self) -> list[Package]:
        return list(self.kernel.state.packages.values())

    @property
    def package(self) -> Package:
        return self.packages[-1]

    def gates(self) -> list[str]:
        return [code.value for code, _ in self.kernel.state.pairs[PAIR].gates]

    def decisions(self, kind: str) -> list[cm.RecordDecision]:
        return [c for c in self.log if isinstance(c, cm.RecordDecision) and c.kind == kind]


def empty_state(**changes: object) -> RecoveredState:
    base = RecoveredState(
        run_id="venue_sim-1",
        epoch=1,
        package_number=0,
        packages=(),
        attempts=(),
        fills=(),
        positions=(),
        balances={},
        realised={},
        payouts_posted=frozenset(),
        proven_pairs=frozenset(),
        halts=(),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def restarted(desk: Desk) -> Desk:
    """Return a desk whose kernel starts from what the old one wrote, as recovery would."""
    tables: dict[str, dict[tuple[object, ...], dict[str, object]]] = {}
    keys = {
        "packages": ("package_id",),
        "orders": ("attempt_id",),
        "fills": ("fill_key",),
        "positions": ("venue", "market_id"),
        "ledger_postings": ("posting_id",),
        "payouts": ("reference",),
    }

    def put(table: str, row: dict[str, object]) -> None:
        if table in keys:
            key = tuple(row[name] for name in keys[table])
            tables.setdefault(table, {})[key] = row

    for command in desk.all_log:
        if isinstance(command, cm.CommitEnvelope):
            put("packages", dict(command.package))
            for attempt in command.attempts:
                put("orders", dict(attempt))
        elif isinstance(command, cm.WriteRows):
            for row in command.rows:
                put(command.table, dict(row))
    balances: dict[str, int] = {}
    for row in tables.get("ledger_postings", {}).values():
        account, usd = str(row["account"]), int(row["usd_micros"])  # type: ignore[call-overload]
        balances[account] = balances.get(account, 0) + usd
    packages = [p for p in tables.get("packages", {}).values() if p["ended_wall_ns"] is None]
    return Desk(
        recovered=empty_state(
            run_id="venue_sim-2",
            epoch=2,
            package_number=len(tables.get("packages", {})),
            packages=tuple(packages),
            attempts=tuple(tables.get("orders", {}).values()),
            fills=tuple(tables.get("fills", {}).values()),
            positions=tuple(tables.get("positions", {}).values()),
            balances=balances,
            payouts_posted=frozenset(
                str(row["reference"]) for row in tables.get("payouts", {}).values()
            ),
        )
    )
