"""Questions that open and settle all day: a new one of each family every 15 minutes.

Each family is a template over its closing time; both sides state the same source, time
and comparison, so that a rule-based matcher can prove the pair from the texts alone.
The clause for missing data is the same on both venues by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.domain.units import NS_PER_S
from shared.exchange.seeded import draw, draw_between, stream_key
from shared.simulators.questions import KalshiSide, Kinship, PolymarketSide, Question

PERIOD_NS: Final = 900 * NS_PER_S
"""Closing times of one family are this far apart."""
LIFE_NS: Final = 1_260 * NS_PER_S
"""A question is listed for 21 minutes: six before its predecessor closes."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A closing time in the words of the venues, UTC."""

    ns: int

    @property
    def _utc(self) -> datetime:
        return datetime.fromtimestamp(self.ns // NS_PER_S, tz=UTC)

    @property
    def ticker(self) -> str:
        return self._utc.strftime("%y%b%d%H%M%S").upper()

    @property
    def slug(self) -> str:
        return self._utc.strftime("%Y-%m-%d-%H%M%S")

    @property
    def clock(self) -> str:
        return self._utc.strftime("%H:%M:%S UTC")

    @property
    def day(self) -> str:
        return f"{self._utc.strftime('%B')} {self._utc.day}, {self._utc.year}"


@dataclass(frozen=True, slots=True)
class Family:
    """One rolling series. ``noun`` is the measured thing, in full, the same on both sides."""

    code: str
    name: str
    noun: str
    short: str
    unit_before: str
    unit_after: str
    base: int
    step: int
    category: str
    tags: tuple[str, ...]
    source: str
    url: str
    fee_type: str
    rate_ppm: int
    shard: int = 0
    multiplier_ppm: int = 1_000_000
    tick_micros: int = 10_000

    def amount(self, value: int) -> str:
        return f"{self.unit_before}{value:,}{self.unit_after}"


FAMILIES: Final = (
    Family("KXBTC15", "Bitcoin price", "the price of Bitcoin (BTC-USD)", "Bitcoin", "$", "",
           95_000, 250, "Crypto", ("Crypto", "Bitcoin"), "Coinbase",
           "https://www.coinbase.com/advanced-trade/spot/BTC-USD", "crypto_fees_v2", 70_000, 2),
    Family("KXETH15", "Ethereum price", "the price of Ethereum (ETH-USD)", "Ethereum", "$", "",
           3_300, 10, "Crypto", ("Crypto", "Ethereum"), "Coinbase",
           "https://www.coinbase.com/advanced-trade/spot/ETH-USD", "crypto_fees_v2", 70_000, 2),
    Family("KXERCOT15", "ERCOT load", "the system-wide demand of the ERCOT grid", "ERCOT demand",
           "", " MW", 52_000, 200, "Climate and Weather", ("Weather", "Energy"), "ERCOT",
           "https://www.ercot.com/gridmktinfo/dashboards", "weather_fees", 50_000),
    Family("KXCAISO15", "CAISO solar output", "the solar generation of the California ISO grid",
           "California solar output", "", " MW", 9_500, 150, "Climate and Weather",
           ("Weather", "Energy"), "California ISO", "https://www.caiso.com/todays-outlook/supply",
           "weather_fees", 50_000),
    Family("KXSTEAM15", "Steam players online", "the number of concurrent users online on Steam",
           "Steam users online", "", "", 31_400_000, 40_000, "Entertainment",
           ("Culture", "Gaming"), "Steam", "https://store.steampowered.com/charts",
           "culture_fees", 50_000),
    Family("KXTWITCH15", "Twitch viewers", "the number of concurrent viewers on Twitch",
           "Twitch viewers", "", "", 2_450_000, 8_000, "Entertainment", ("Culture", "Streaming"),
           "TwitchTracker", "https://twitchtracker.com/statistics", "culture_fees", 50_000),
    Family("KXEURUSD15", "EUR/USD rate", "the EUR/USD exchange rate in pips", "EUR/USD", "",
           " pips",
           10_850, 4, "Financials", ("Finance", "Forex"), "OANDA",
           "https://www.oanda.com/currency-converter", "finance_prices_fees", 40_000),
    Family("KXGOLD15", "Gold price", "the spot price of gold (XAU/USD) per troy ounce", "Gold",
           "$", "", 4_050, 3, "Financials", ("Finance", "Commodities"), "OANDA",
           "https://www.oanda.com/trading/instruments/XAU_USD", "finance_prices_fees", 40_000),
    Family("KXFLIGHTS15", "Flights in the air", "the number of aircraft tracked worldwide",
           "Aircraft in the air", "", "", 13_800, 60, "World", ("World", "Aviation"),
           "Flightradar24", "https://www.flightradar24.com/data/statistics", "zero_fees", 0),
    Family("KXSTARS15", "GitHub stars of Python", "the number of GitHub stars of python/cpython",
           "python/cpython stars", "", "", 71_300, 1, "Science and Technology",
           ("Tech", "Open source"), "GitHub", "https://github.com/python/cpython",
           "tech_fees", 40_000),
)  # fmt: skip

_PLAYERS: Final = (
    "Marek Havlat", "Tomas Riedl", "Petr Kovanda", "Jiri Stastny", "Lukas Benes", "Ondrej Malik",
    "Vaclav Dusek", "Karel Hruby", "Milan Sykora", "Radek Bartos", "David Vlcek", "Pavel Janda",
)  # fmt: skip
_TABLE_SOURCE: Final = "Liga Pro Praha"
_TABLE_URL: Final = "https://ligapro.example/results"


def _threshold_question(family: Family, seed: int, index: int, close_ns: int) -> Question:
    moment = Moment(close_ns)
    key = stream_key(seed, f"rolling/{family.code}")
    strike = family.base + family.step * draw_between(key, index, -40, 40)
    amount = family.amount(strike)
    chance = draw_between(key, index + (1 << 32), 250, 750) / 1_000
    kalshi = KalshiSide(
        series=family.code,
        event=f"{family.code}-{moment.ticker}",
        suffix=f"T{strike}",
        series_title=f"{family.name} every 15 minutes",
        event_title=f"{family.name} on {moment.day} at {moment.clock}?",
        title=f"Will {family.noun} be above {amount} on {moment.day} at {moment.clock}?",
        yes_sub_title=f"Above {amount}",
        rules_primary=(
            f"If {family.noun} is above {amount} at {moment.clock} on {moment.day} according to"
            f" {family.source}, then the market resolves to Yes."
        ),
        rules_secondary=(
            f"A value exactly equal to {amount} resolves to No. If {family.source} publishes no"
            f" value for {moment.clock}, the last value published before that time is used."
        ),
        category=family.category,
        source_name=family.source,
        source_url=family.url,
        tags=family.tags,
        strike_type="greater",
        floor_strike=strike,
        multiplier_ppm=family.multiplier_ppm,
        shard=family.shard,
        frequency="fifteen_min",
    )
    slug = f"{family.code[2:].lower()}-above-{strike}-{moment.slug}"
    polymarket = PolymarketSide(
        slug=slug,
        event_slug=f"{family.code[2:].lower()}-{moment.slug}",
        event_title=f"{family.short} above ___ on {moment.day}, {moment.clock}?",
        question=f"{family.short} above {amount} on {moment.day}, {moment.clock}?",
        description=(
            f'This market will resolve to "Yes" if {family.noun} is higher than {amount} at'
            f' {moment.clock} on {moment.day}. Otherwise, this market will resolve to "No".\n\n'
            f'If the value is exactly {amount}, this market will resolve to "No". If no value is'
            f" available for {moment.clock}, the last value published before that time will be"
            f" used.\n\nThe resolution source for this market is {family.source}, specifically"
            f" {family.url}."
        ),
        resolution_source=family.url,
        tags=family.tags,
        fee_type=family.fee_type,
        rate_ppm=family.rate_ppm,
        tick_micros=family.tick_micros,
        group_item_title=amount,
    )
    return Question(
        key=slug,
        kinship=Kinship.PAIR,
        open_ns=close_ns - LIFE_NS,
        close_ns=close_ns,
        chance=chance,
        kalshi=kalshi,
        polymarket=polymarket,
        is_rolling=True,
    )


def _table_tennis(seed: int, index: int, close_ns: int, *, hall: str, is_inverse: bool) -> Question:
    """A match between two players; no draw exists. INVERSE lists the other player first."""
    moment = Moment(close_ns)
    key = stream_key(seed, f"rolling/table/{hall}")
    first = draw(key, index) % len(_PLAYERS)
    second = (first + 1 + draw(key, index + (1 << 32)) % (len(_PLAYERS) - 1)) % len(_PLAYERS)
    a, b = _PLAYERS[first], _PLAYERS[second]
    match = f"the table tennis match between {a} and {b} in {hall}"
    when = f"ending by {moment.clock} on {moment.day}"
    kalshi = KalshiSide(
        series="KXTABLETENNIS",
        event=f"KXTABLETENNIS-{moment.ticker}{hall[-1]}",
        suffix=a.split()[1][:4].upper(),
        series_title="Table tennis match winner",
        event_title=f"{a} vs {b}: winner?",
        title=f"Will {a} win {match}, {when}?",
        yes_sub_title=a,
        rules_primary=f"If {a} wins {match}, {when}, according to {_TABLE_SOURCE}, then the market"
        " resolves to Yes.",
        rules_secondary=(
            f"The match has exactly one winner. If {b} wins, the market resolves to No. A player"
            " who retires or is disqualified loses the match."
        ),
        category="Sports",
        source_name=_TABLE_SOURCE,
        source_url=_TABLE_URL,
        tags=("Table Tennis",),
        strike_type="structured",
        multiplier_ppm=500_000,
        shard=3,
        frequency="daily",
    )
    names = (b, a) if is_inverse else (a, b)
    slug = f"table-{names[0].split()[1].lower()}-{names[1].split()[1].lower()}-{moment.slug}"
    polymarket = PolymarketSide(
        slug=slug,
        event_slug=f"event-{slug}",
        event_title=f"{names[0]} vs. {names[1]}",
        question=f"{names[0]} vs. {names[1]} ({hall}, {moment.day}, {moment.clock})",
        description=(
            f"This market refers to {match}, {when}.\n\nThis market will resolve to"
            f' "{names[0]}" if {names[0]} wins the match, and to "{names[1]}" if {names[1]} wins'
            " the match. The match has exactly one winner. A player who retires or is disqualified"
            f" loses the match.\n\nThe resolution source for this market is {_TABLE_SOURCE},"
            f" specifically {_TABLE_URL}."
        ),
        resolution_source=_TABLE_URL,
        tags=("Sports", "Table Tennis"),
        fee_type="sports_fees_v3",
        rate_ppm=50_000,
        outcomes=names,
    )
    return Question(
        key=slug,
        kinship=Kinship.INVERSE if is_inverse else Kinship.PAIR,
        open_ns=close_ns - LIFE_NS,
        close_ns=close_ns,
        chance=draw_between(key, index + (1 << 33), 250, 750) / 1_000,
        kalshi=kalshi,
        polymarket=polymarket,
        is_rolling=True,
    )


Maker = Callable[[int, int, int], Question]


def makers() -> tuple[Maker, ...]:
    """Return one function (seed, index, close_ns) -> Question a family."""

    def threshold(family: Family) -> Maker:
        return lambda seed, index, close_ns: _threshold_question(family, seed, index, close_ns)

    def table(hall: str, is_inverse: bool) -> Maker:
        return lambda seed, index, close_ns: _table_tennis(
            seed, index, close_ns, hall=hall, is_inverse=is_inverse
        )

    return (*(threshold(f) for f in FAMILIES), table("hall A", False), table("hall B", True))


def rolling_question(seed: int, family_number: int, index: int) -> Question:
    """Return the ``index``-th question of a family; closings are staggered over the period."""
    all_makers = makers()
    stagger = PERIOD_NS * family_number // len(all_makers)
    return all_makers[family_number](seed, index, index * PERIOD_NS + stagger)


def indexes_alive(now_ns: int, family_number: int, since_ns: int) -> range:
    """Return the indexes of a family that open by ``now_ns`` and close after ``since_ns``."""
    stagger = PERIOD_NS * family_number // len(makers())
    first = (since_ns - stagger) // PERIOD_NS + 1
    last = (now_ns + LIFE_NS - stagger) // PERIOD_NS
    return range(first, last + 1)
