"""Real venue objects from a folder of recordings, ready to be listed again.

Objects are shown verbatim but for their times, which all move by one constant, and for
fields that an older snapshot lacks and a sibling of the same event has; each such case is
told as an assumption.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared.domain.enums import FeeType, MarketStatus, Venue
from shared.domain.fees import kalshi_schedule, polymarket_schedule
from shared.domain.ids import market_id as derive_market_id
from shared.domain.instrument import Instrument, PriceRange
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros, parse_micros
from shared.drivers.tapes import micros
from shared.simulators.catalogue import SimEvent, SimMarket, SimSeries, parse_rfc3339, rfc3339

Book = tuple[dict[int, int], dict[int, int]]
_DAY_MS: Final = 86_400_000
_DAY_NS: Final = 86_400 * NS_PER_S
SNAPSHOT: Final = "paired_snapshot_2026-07-20"
_MAKER_FEES: Final = frozenset(
    "KXFED KXFEDDECISION KXMENWORLDCUP KXATPMATCH KXWTAMATCH KXBALLONDOR KXWCGAME".split()
)
_CATEGORIES: Final = {"KXFEDDECISION": "Economics"}
_POLYMARKET_TIMES: Final = ("endDate", "startDate", "gameStartTime", "umaEndDate")
_KALSHI_TIMES: Final = (
    "open_time",
    "close_time",
    "expected_expiration_time",
    "expiration_time",
    "latest_expiration_time",
    "created_time",
    "updated_time",
    "occurrence_datetime",
)


@dataclass(slots=True)
class RecordedCatalogue:
    """Raw objects and books as recorded; ids are tickers and condition ids."""

    kalshi: dict[str, dict[str, Any]] = field(default_factory=dict)
    polymarket: dict[str, dict[str, Any]] = field(default_factory=dict)
    kalshi_books: dict[str, Book] = field(default_factory=dict)
    polymarket_books: dict[str, Book] = field(default_factory=dict)
    captures: dict[str, int] = field(default_factory=dict)
    """Ticker or condition id -> unix day on which its book was captured."""
    series: dict[str, dict[str, Any]] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)

    def condition_of(self, tape_id: str) -> str | None:
        """Return the condition id that a tape's market id (Gamma id or ``token:``) names."""
        for condition, raw in self.polymarket.items():
            if tape_id == str(raw.get("id")):
                return condition
            if tape_id.startswith("token:") and tape_id[6:] in tokens_of(raw):
                return condition
        return None


def tokens_of(raw: dict[str, Any]) -> list[str]:
    value = raw.get("clobTokenIds") or "[]"
    found = json.loads(value) if isinstance(value, str) else value
    return [str(token) for token in found]


def load_catalogue(root: Path, tickers: Iterable[str], tokens: Iterable[str]) -> RecordedCatalogue:
    """Read the snapshot, and from the universes what the tapes name beside it.

    Raises:
        OSError: the folder does not hold the recordings.
    """
    folder = root / SNAPSHOT
    if not folder.is_dir():
        raise FileNotFoundError(f"no {SNAPSHOT} in {root}: not a folder of recordings")
    catalogue = RecordedCatalogue()
    _load_snapshot(folder, catalogue)
    _date_kalshi_books(root / "books" / "depth_snapshots_tinli.jsonl.gz", catalogue)
    _load_series(root / "fees" / "kalshi_series_fees.jsonl", catalogue)
    _load_more_kalshi(root / "matching" / "universe_kalshi.jsonl.gz", set(tickers), catalogue)
    _load_more_polymarket(
        root / "matching" / "universe_polymarket.jsonl.gz", set(tokens), catalogue
    )
    return catalogue


def _load_snapshot(folder: Path, catalogue: RecordedCatalogue) -> None:
    for path in sorted((folder / "kalshi").glob("market_*.json")):
        document = json.loads(path.read_text())
        market = document.get("market", document)
        if market.get("status") == "active":
            catalogue.kalshi[market["ticker"]] = market
            book = folder / "kalshi" / path.name.replace("market_", "orderbook_")
            if book.exists():
                ladder = json.loads(book.read_text())["orderbook_fp"]
                catalogue.kalshi_books[market["ticker"]] = _kalshi_book(ladder)
    for path in sorted((folder / "polymarket").glob("gamma_*.json")):
        document = json.loads(path.read_text())
        market = document[0] if isinstance(document, list) else document
        if market.get("closed") or not market.get("enableOrderBook", True):
            continue
        condition = market["conditionId"]
        catalogue.polymarket[condition] = market
    for path in sorted((folder / "polymarket").glob("book_*.json")):
        body = json.loads(path.read_text())
        raw = catalogue.polymarket.get(body.get("market", ""))
        if raw is not None and body["asset_id"] in tokens_of(raw):
            is_first = tokens_of(raw)[0] == body["asset_id"]
            catalogue.polymarket_books[body["market"]] = _polymarket_book(body, is_first)
            catalogue.captures[body["market"]] = int(body["timestamp"]) // _DAY_MS


def _date_kalshi_books(notes: Path, catalogue: RecordedCatalogue) -> None:
    """Say on which capture day each Kalshi book was taken; the files themselves do not.

    The recorder noted the newest capture book by book. Any other book is of the first
    capture (days known from Polymarket's books) that is not before its object's last edit.
    """
    days = sorted(set(catalogue.captures.values()))
    if not days:
        return
    noted: set[str] = set()
    if notes.exists():
        with gzip.open(notes, "rt") as stream:
            for line in stream:
                row = json.loads(line)
                if _is_day(str(row.get("recorded_at")), days[-1]):
                    name = str(row["file"]).rsplit("/", 1)[-1]
                    noted.add(name.removeprefix("orderbook_").removesuffix(".json"))
    for ticker in catalogue.kalshi_books:
        edited = parse_rfc3339(catalogue.kalshi[ticker]["updated_time"]) // _DAY_NS
        later = [day for day in days[:-1] if day >= edited]
        catalogue.captures[ticker] = later[0] if later and ticker not in noted else days[-1]


def _is_day(text: str, day: int) -> bool:
    try:
        return parse_rfc3339(text) // _DAY_NS == day
    except ValueError:
        return False


def _kalshi_book(ladder: dict[str, Any]) -> Book:
    """REST ladders hold bids of both legs; a NO bid at q is a YES ask at 1 - q."""
    bids = {micros(p): micros(q) for p, q in ladder.get("yes_dollars") or ()}
    asks = {MICROS - micros(p): micros(q) for p, q in ladder.get("no_dollars") or ()}
    return _inside(bids), _inside(asks)


def _polymarket_book(body: dict[str, Any], is_first: bool) -> Book:
    bids = {micros(level["price"]): micros(level["size"]) for level in body["bids"]}
    asks = {micros(level["price"]): micros(level["size"]) for level in body["asks"]}
    if not is_first:
        bids, asks = (
            {MICROS - price: qty for price, qty in asks.items()},
            {MICROS - price: qty for price, qty in bids.items()},
        )
    return _inside(bids), _inside(asks)


def _inside(levels: dict[int, int]) -> dict[int, int]:
    return {price: qty for price, qty in levels.items() if 0 < price < MICROS and qty > 0}


def _load_series(path: Path, catalogue: RecordedCatalogue) -> None:
    if path.exists():
        for line in path.read_text().splitlines():
            row = json.loads(line)
            catalogue.series[row["series"]] = row


def _load_more_kalshi(path: Path, tickers: set[str], catalogue: RecordedCatalogue) -> None:
    wanted = tickers - set(catalogue.kalshi)
    if not wanted or not path.exists():
        return
    snapshot = dict(catalogue.kalshi)
    refined: list[str] = []
    with gzip.open(path, "rt") as stream:
        for line in stream:
            raw = json.loads(line)
            ticker = raw.get("ticker")
            if ticker not in wanted or not raw.get("rules_primary"):
                continue
            sibling = _sibling(snapshot, raw)
            if sibling is not None and sibling["price_ranges"] != raw["price_ranges"]:
                # Grids were refined after the older snapshot; siblings show the later one.
                for name in ("price_level_structure", "price_ranges"):
                    raw[name] = sibling[name]
                refined.append(ticker)
            catalogue.kalshi[ticker] = {k: v for k, v in raw.items() if not k.startswith("_")}
            catalogue.kalshi[ticker]["status"] = "active"
    if refined:
        names = ", ".join(sorted(refined))
        catalogue.assumptions.append(f"{names}: price grid of the same event's later objects.")


def _sibling(known: dict[str, dict[str, Any]], raw: dict[str, Any]) -> dict[str, Any] | None:
    event = raw.get("event_ticker")
    return next((m for m in known.values() if m.get("event_ticker") == event), None)


def _load_more_polymarket(path: Path, tokens: set[str], catalogue: RecordedCatalogue) -> None:
    known = {token for raw in catalogue.polymarket.values() for token in tokens_of(raw)}
    wanted = tokens - known
    if not wanted or not path.exists():
        return
    template = next(
        (m for m in catalogue.polymarket.values() if "World Cup" in m["question"]), None
    )
    with gzip.open(path, "rt") as stream:
        for line in stream:
            raw = json.loads(line)
            if not wanted.intersection(tokens_of(raw)) or template is None:
                continue
            condition = str(raw["conditionId"])
            merged = {k: v for k, v in raw.items() if not k.startswith("_") and v is not None}
            number = int(hashlib.sha256(condition.encode()).hexdigest()[:8], 16) % 1_000_000
            merged["id"] = str(9_000_000 + number)
            for name in ("orderPriceMinTickSize", "orderMinSize", "negRisk", "feesEnabled",
                         "feeType", "feeSchedule", "events", "description", "resolutionSource",
                         "endDate"):  # fmt: skip
                if merged.get(name) in (None, "", []):
                    merged[name] = template.get(name)
            for name in ("orderPriceMinTickSize", "feeSchedule", "negRiskMarketID", "endDate"):
                merged[name] = template.get(name)
            merged.update(active=True, closed=False, acceptingOrders=True, enableOrderBook=True)
            catalogue.polymarket[condition] = merged
            catalogue.assumptions.append(
                f"{merged['question']}: id invented; tick, fees, end from its event's siblings."
            )


# --- listing ---------------------------------------------------------------------------------


def shifted(raw: dict[str, Any], names: Iterable[str], shift_ns: int) -> dict[str, Any]:
    """Return the object with its times moved by a constant; other fields stay verbatim."""
    moved = dict(raw)
    for name in names:
        text = moved.get(name)
        if isinstance(text, str) and text:
            try:
                moved[name] = rfc3339(parse_rfc3339(text) + shift_ns)
            except ValueError:
                continue
    return moved


def _time(raw: dict[str, Any], *names: str) -> int:
    for name in names:
        if raw.get(name):
            return parse_rfc3339(str(raw[name]))
    return 0


def series_of(ticker: str) -> str:
    return ticker.split("-", 1)[0]


def kalshi_sim_market(raw: dict[str, Any], series: dict[str, Any], shift_ns: int) -> SimMarket:
    moved = shifted(raw, _KALSHI_TIMES, shift_ns)
    moved.setdefault("exchange_index", 0)
    ticker = moved["ticker"]
    grid = tuple(
        PriceRange(
            PriceMicros(parse_micros(r["start"])),
            PriceMicros(parse_micros(r["end"])),
            parse_micros(r["step"]),
        )
        for r in moved["price_ranges"]
    )
    timer_ns = int(moved.get("settlement_timer_seconds") or 300) * NS_PER_S
    close_ns = _time(moved, "close_time")
    latest_ns = _time(moved, "latest_expiration_time", "expiration_time", "close_time")
    expected_ns = _time(moved, "expected_expiration_time", "close_time")
    fee_type = FeeType(series["fee_type"])
    instrument = Instrument(
        market_id=derive_market_id(Venue.KALSHI, ticker),
        venue=Venue.KALSHI,
        native_id=ticker,
        title=moved.get("title") or ticker,
        category=series["category"],
        series_id=series["ticker"],
        event_id=moved["event_ticker"],
        grid=grid,
        qty_step=QtyMicros(10_000),
        min_qty=QtyMicros(10_000),
        min_notional_usd=UsdMicros(0),
        fees=kalshi_schedule(fee_type, int(series["fee_multiplier"] * MICROS), source="recorded"),
        status=MarketStatus.ACTIVE,
        close_ns=close_ns,
        settle_expected_ns=expected_ns + timer_ns,
        settle_worst_ns=latest_ns + timer_ns,
        rules_hash="",
        settlement_source="",
        shard=int(moved["exchange_index"]),
    )
    return SimMarket(
        instrument.market_id, Venue.KALSHI, ticker, instrument, instrument.event_id,
        instrument.series_id, _time(moved, "open_time"), close_ns, expected_ns, latest_ns,
        timer_ns, moved,
    )  # fmt: skip


def kalshi_series_object(ticker: str, catalogue: RecordedCatalogue) -> dict[str, Any]:
    """Return the series object; fees from the recorded list, else from the fee schedule."""
    known = catalogue.series.get(ticker, {})
    default = "quadratic_with_maker_fees" if ticker in _MAKER_FEES else "quadratic"
    category = known.get("category") or _CATEGORIES.get(ticker, "Sports")
    return {
        "ticker": ticker,
        "title": known.get("title") or ticker,
        "frequency": known.get("frequency") or "custom",
        "category": category,
        "categories": [category],
        "tags": None,
        "settlement_sources": known.get("settlement_sources") or [],
        "contract_url": "",
        "contract_terms_url": known.get("contract_terms_url") or "",
        "fee_type": known.get("fee_type") or default,
        "fee_multiplier": known.get("fee_multiplier", 1),
        "additional_prohibitions": [],
        "exchange_index": 0,
    }


def kalshi_event_object(market: SimMarket, series: dict[str, Any]) -> SimEvent:
    raw = {
        "event_ticker": market.event_id,
        "series_ticker": market.series_id,
        "title": market.raw.get("title") or market.event_id,
        "sub_title": "",
        "category": series["category"],
        "collateral_return_type": "",
        "mutually_exclusive": False,
        "settlement_sources": series["settlement_sources"],
        "fee_type_override": None,
        "fee_multiplier_override": None,
        "exchange_index": 0,
        "last_updated_ts": market.raw.get("updated_time"),
    }
    return SimEvent(market.event_id, Venue.KALSHI, raw, (market.market_id,))


def kalshi_series_listing(series: dict[str, Any]) -> SimSeries:
    return SimSeries(series["ticker"], series)


def polymarket_sim_market(raw: dict[str, Any], shift_ns: int) -> SimMarket:
    moved = shifted(raw, _POLYMARKET_TIMES, shift_ns)
    for name in ("endDateIso", "startDateIso"):
        source = moved.get(name.removesuffix("Iso"))
        if source:
            moved[name] = str(source)[:10]
    events = [shifted(e, ("endDate", "startDate"), shift_ns) for e in moved.get("events") or ()]
    moved["events"] = events
    condition = moved["conditionId"]
    tokens = tokens_of(moved)
    tick = micros(str(moved["orderPriceMinTickSize"]))
    schedule = moved.get("feeSchedule") or {}
    rate = micros(str(schedule.get("rate", 0))) if moved.get("feesEnabled", True) else 0
    close_ns = _time(moved, "endDate")
    tags = moved.get("tags") or (events[0].get("tags") if events else None) or []
    category = str(tags[0]["label"]) if tags else "Sports"
    instrument = Instrument(
        market_id=derive_market_id(Venue.POLYMARKET, condition),
        venue=Venue.POLYMARKET,
        native_id=condition,
        title=moved["question"],
        category=category,
        series_id=str(events[0]["slug"]) if events else "",
        event_id=str(events[0]["id"]) if events else "",
        grid=(PriceRange(PriceMicros(0), PriceMicros(MICROS), tick),),
        qty_step=QtyMicros(10_000),
        min_qty=QtyMicros(int(moved.get("orderMinSize") or 5) * MICROS),
        min_notional_usd=UsdMicros(MICROS),
        fees=polymarket_schedule(rate, int(schedule.get("exponent", 1)), source="recorded"),
        status=MarketStatus.ACTIVE,
        close_ns=close_ns,
        settle_expected_ns=close_ns + 2 * 86_400 * NS_PER_S,
        settle_worst_ns=close_ns + 9 * 86_400 * NS_PER_S,
        rules_hash="",
        settlement_source=moved.get("resolutionSource") or "",
        taker_delay_ns=int(moved.get("secondsDelay") or 0) * NS_PER_S,
        yes_token=tokens[0],
        no_token=tokens[1],
        neg_risk=bool(moved.get("negRisk")),
    )
    return SimMarket(
        instrument.market_id, Venue.POLYMARKET, condition, instrument, instrument.event_id,
        instrument.series_id, _time(moved, "startDate"), close_ns, instrument.settle_expected_ns,
        instrument.settle_worst_ns, 0, moved,
    )  # fmt: skip


def polymarket_event_object(market: SimMarket) -> SimEvent | None:
    events = market.raw["events"]
    if not events:
        return None
    return SimEvent(market.event_id, Venue.POLYMARKET, events[0], (market.market_id,))
