"""A backtest of recorded books: what is assumed, what was traded, what is left of it.

Reads a tape and its pairs, runs the live kernel over them (``drivers.backtest``) and answers
in the shape of the command line contract. What a tape cannot tell is an assumption, and
assumptions are printed first; what the evidence cannot carry is ``no evidence``, never a
figure that looks like one.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from shared.domain.config import Config
from shared.domain.enums import MarketStatus, Polarity, Venue, Verdict
from shared.domain.errors import DomainError
from shared.domain.ids import MarketId, derive_pair_id, market_id
from shared.domain.instrument import FeeSchedule, Instrument, PriceRange
from shared.domain.pairing import MatchedPair
from shared.domain.units import (
    MICROS,
    NS_PER_MS,
    NS_PER_S,
    PriceMicros,
    QtyMicros,
    UsdMicros,
)
from shared.drivers.backtest import Backtest, BacktestSettings, BookRow, in_order
from shared.drivers.tapes import Tape, Touch, read_tape
from shared.services.backtest_report import answer
from shared.services.quotes import schedule_of

DAY_NS: Final = 86_400 * NS_PER_S
SETTLE_DAYS: Final = 10
_DUST: Final = 10_000
"""0.01 contracts, put behind the touch where a tape has no depth."""
_FEES: Final[Mapping[str, Mapping[str, Any]]] = {
    "kalshi": {"fee_type": "quadratic"},
    "polymarket": {"rate": "0.05", "exponent": 1},
}


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller chose. ``fresh_s`` 0 means that rows prove nothing beyond themselves."""

    books: Path
    pairs: Path
    assume_equivalent: bool = False
    assume_size: int | None = None
    """Contracts where the tape has no size; None skips such books."""
    fresh_s: int = 0
    fees: Path | None = None
    seed: int = 1
    skip: bool = True


@dataclass(frozen=True, slots=True)
class _Market:
    native: str
    venue: Venue
    touches: tuple[Touch, ...]


def run_backtest(
    request: Request, progress: Callable[[int], None] = lambda rows: None
) -> dict[str, Any]:
    """Run one tape and return the answer of ``backtest run``.

    Raises:
        DomainError: a file that cannot be read, or nothing in it that could be traded.
    """
    tape = _read(request.books)
    listed, skipped = _pairs_of(request, tape)
    fees = _fees(request.fees)
    markets = _markets(tape, listed)
    rows, sizeless = _rows(markets.values(), request.assume_size)
    if not rows:
        raise DomainError("no book of the tape has a size: state one with --assume-size")
    end_ns = tape.end_ms * NS_PER_MS
    names = {market: name for name, a, b in listed for market in (a, b)}
    instruments = {
        m: _instrument(m, names[m], market, end_ns, fees) for m, market in markets.items()
    }
    pairs = [_pair(name, a, b) for name, a, b in listed if a in markets and b in markets]
    settings = BacktestSettings(seed=request.seed, fresh_ns=request.fresh_s * NS_PER_S)
    config = Config()
    run = Backtest(
        rows,
        pairs,
        list(instruments.values()),
        config=config,
        settings=settings,
        skip=request.skip,
    ).run(progress)
    if run.violations:
        raise DomainError(f"an invariant was broken: {run.violations[0]}")
    assumed = assumptions(request, tape, settings, skipped, sizeless)
    return answer(run, pairs, rows, assumed)


def _read(path: Path) -> Tape:
    try:
        tape = read_tape(path)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DomainError(f"cannot read {path.name}: {error}") from None
    if not tape.kalshi or not tape.polymarket:
        raise DomainError(f"{path.name} holds no books of both venues")
    return tape


def _pairs_of(
    request: Request, tape: Tape
) -> tuple[list[tuple[str, MarketId, MarketId]], list[str]]:
    """Return (name, Kalshi market, Polymarket market) of every pair that may be traded."""
    try:
        listed = json.loads(request.pairs.read_text())
        wanted = [(str(row["pair_id"]), str(row.get("status", ""))) for row in listed]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DomainError(f"cannot read {request.pairs.name}: {error}") from None
    kalshi = {touch.native_id for touch in tape.kalshi}
    polymarket = {touch.native_id for touch in tape.polymarket}
    found, skipped = [], []
    for pair_id, status in sorted(set(wanted)):
        ticker, _, other = pair_id.partition("|")
        # Token ids are cut in the names of pairs; the tape has them whole.
        whole = [native for native in polymarket if native == other or native.startswith(other)]
        if ticker not in kalshi or len(whole) != 1:
            continue
        if not status.startswith("equivalent") and not request.assume_equivalent:
            skipped.append(pair_id)
            continue
        a = market_id(Venue.KALSHI, ticker)
        found.append((ticker, a, market_id(Venue.POLYMARKET, whole[0])))
    if not found:
        raise DomainError(
            f"no pair of {request.pairs.name} may be traded on this tape"
            + ("; --assume-equivalent takes the unread ones" if skipped else "")
        )
    return found, skipped


def _fees(path: Path | None) -> dict[str, FeeSchedule]:
    """Return the schedule of each venue; a file may override either."""
    try:
        given = json.loads(path.read_text()) if path is not None else {}
        if not isinstance(given, dict) or set(given) - set(_FEES):
            raise ValueError(f"fees are keyed by venue: {' '.join(_FEES)}")
    except (OSError, ValueError) as error:
        raise DomainError(f"cannot read fees: {error}") from None
    return {name: schedule_of(Venue(name), given.get(name, _FEES[name])) for name in _FEES}


def _markets(
    tape: Tape, listed: Sequence[tuple[str, MarketId, MarketId]]
) -> dict[MarketId, _Market]:
    wanted = {market for _, a, b in listed for market in (a, b)}
    found: dict[MarketId, list[Touch]] = {}
    for venue, touches in ((Venue.KALSHI, tape.kalshi), (Venue.POLYMARKET, tape.polymarket)):
        for touch in touches:
            market = market_id(venue, touch.native_id)
            if market in wanted:
                found.setdefault(market, []).append(touch)
    return {
        market: _Market(touches[0].native_id, Venue(market.split(":")[0]), tuple(touches))
        for market, touches in found.items()
    }


def _rows(markets: Iterable[_Market], assume_size: int | None) -> tuple[list[BookRow], int]:
    """Return the books in order of receipt, and how many had no size."""
    rows: list[BookRow] = []
    sizeless = 0
    for market in markets:
        step = _step(market)
        for touch in market.touches:
            if not touch.has_sizes:
                sizeless += 1
                if assume_size is None:
                    continue
            rows.append(
                BookRow(
                    # An edge between the two receive times may never have been there.
                    touch.complete_ms * NS_PER_MS,
                    market_id(market.venue, market.native),
                    _ladder(touch.bid, touch.has_sizes, assume_size, -step),
                    _ladder(touch.ask, touch.has_sizes, assume_size, step),
                )
            )
    return in_order(rows), sizeless


def _ladder(
    level: tuple[int, int] | None, has_size: bool, assume_size: int | None, step: int
) -> dict[int, int]:
    """Return the touch and, two steps behind it, the dust that stands for unknown depth."""
    if level is None:
        return {}
    price, size = level
    qty = size if has_size else (assume_size or 0) * MICROS
    ladder = {price: qty // _DUST * _DUST}
    for number in (1, 2):
        behind = price + number * step
        if 0 < behind < MICROS:
            ladder[behind] = _DUST
    return {p: q for p, q in ladder.items() if q > 0}


def _step(market: _Market) -> int:
    """Return the finest price step that the market's own quotes show: 0.1 or 1 cent."""
    prices = [level[0] for touch in market.touches for level in (touch.bid, touch.ask) if level]
    return 10_000 if all(price % 10_000 == 0 for price in prices) else 1_000


def _instrument(
    market: MarketId, pair: str, found: _Market, end_ns: int, fees: Mapping[str, FeeSchedule]
) -> Instrument:
    is_poly = found.venue is Venue.POLYMARKET
    settle_ns = end_ns + SETTLE_DAYS * DAY_NS
    return Instrument(
        market_id=market,
        venue=found.venue,
        native_id=found.native,
        title=found.native,
        category=pair,
        series_id=pair,
        event_id=pair,
        grid=(PriceRange(PriceMicros(0), PriceMicros(MICROS), _step(found)),),
        qty_step=QtyMicros(_DUST),
        min_qty=QtyMicros(5 * MICROS if is_poly else _DUST),
        min_notional_usd=UsdMicros(MICROS if is_poly else 0),
        fees=replace(fees[found.venue.value], source="assumed"),
        status=MarketStatus.ACTIVE,
        close_ns=settle_ns,
        settle_expected_ns=settle_ns,
        settle_worst_ns=settle_ns,
        rules_hash="tape",
        settlement_source=pair,
        yes_token=f"{found.native}-yes",
        no_token=f"{found.native}-no",
    )


def _pair(name: str, a: MarketId, b: MarketId) -> MatchedPair:
    return MatchedPair(
        pair_id=derive_pair_id(a, b),
        a=a,
        b=b,
        polarity=Polarity.SAME,
        verdict=Verdict.CONFIRMED,
        name=name,
        rules_hash_a="tape",
        rules_hash_b="tape",
        score_ppm=MICROS,
        category=name,
        series_id=name,
        settlement_source=name,
        is_proven=True,
    )


def assumptions(
    request: Request,
    tape: Tape,
    settings: BacktestSettings,
    skipped: Sequence[str],
    sizeless: int,
) -> list[str]:
    """Return, in words, everything that the result rests on and the tape does not tell."""
    latency = settings.latency
    out = f"{latency.outbound_min_ns // NS_PER_MS}-{latency.outbound_max_ns // NS_PER_MS}"
    back = f"{latency.inbound_min_ns // NS_PER_MS}-{latency.inbound_max_ns // NS_PER_MS}"
    lines = [
        f"an order takes {out} ms to its venue and {back} ms back, drawn from seed {settings.seed}",
        f"what we took is away for {settings.recovery_ns // NS_PER_S} s; nobody else reacts to us",
        f"{settings.finality.failed_ppm / 10_000:g} % of Polymarket trades fail on chain",
        f"every market settles {SETTLE_DAYS} days after the tape, and hedged legs pay a dollar",
        "depth behind the touch is unknown: a hundredth of a contract stands for it, so the"
        " rule for thin sides is not applied",
        "fees: "
        + ("as given" if request.fees else "0.07 x p(1-p) Kalshi, 0.05 x p(1-p) Polymarket"),
        "no limit of category or source beyond the pair's own",
    ]
    if request.fresh_s:
        lines.append(f"a row proves its books for {request.fresh_s} s (polled tape)")
    else:
        lines.append("a book is fresh for 2 s after its own receipt")
    if request.assume_equivalent:
        lines.append("pairs whose rules were not read count as equivalent")
    elif skipped:
        lines.append(f"{len(skipped)} pairs whose rules were not read are left out")
    if sizeless and request.assume_size is not None:
        lines.append(f"{sizeless} books without a size hold {request.assume_size} contracts")
    elif sizeless:
        lines.append(f"{sizeless} books without a size are left out")
    skew = _skew_ms(tape)
    lines.append(
        f"both books of a row are seen when the later one was received (median {skew:.0f} ms"
        " apart): an edge between the two times is not fillable"
        if skew
        else "the tape gives both venues one time: how far apart they were read is unknown,"
        " so any edge may be skew"
    )
    return lines


def _skew_ms(tape: Tape) -> float:
    """Return the median distance between the receive times of the two books of a row."""
    apart = [touch.complete_ms - touch.at_ms for touch in (*tape.kalshi, *tape.polymarket)]
    later = [gap for gap in apart if gap]
    return statistics.median(later) if later else 0.0
