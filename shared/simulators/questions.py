"""A question as both venues ask it: texts and terms, before they become venue objects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.enums import FeeType


class Kinship(StrEnum):
    """What the generator knows about the two sides; the bot is never told."""

    PAIR = "pair"
    INVERSE = "inverse"
    TRAP = "trap"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class KalshiSide:
    """One Kalshi market. ``suffix`` ends its ticker; strikes are in native units."""

    series: str
    event: str
    suffix: str
    series_title: str
    event_title: str
    title: str
    yes_sub_title: str
    rules_primary: str
    rules_secondary: str
    category: str
    source_name: str
    source_url: str
    tags: tuple[str, ...] = ()
    strike_type: str = "custom"
    floor_strike: float | None = None
    cap_strike: float | None = None
    fee_type: FeeType = FeeType.KALSHI_QUADRATIC
    multiplier_ppm: int = 1_000_000
    shard: int = 0
    frequency: str = "custom"

    @property
    def ticker(self) -> str:
        return f"{self.event}-{self.suffix}"


@dataclass(frozen=True, slots=True)
class PolymarketSide:
    """One Polymarket market. ``outcomes[0]`` is what YES means there."""

    slug: str
    event_slug: str
    event_title: str
    question: str
    description: str
    resolution_source: str
    tags: tuple[str, ...]
    fee_type: str = "general_fees"
    rate_ppm: int = 50_000
    tick_micros: int = 10_000
    outcomes: tuple[str, str] = ("Yes", "No")
    neg_risk: bool = False
    group_item_title: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One bet of the hidden world and its one or two listings.

    For a TRAP the two sides settle on different truths: ``key`` is Kalshi's, and
    ``other_key`` Polymarket's. ``chance`` is the starting probability of Kalshi's YES (of
    the only side's for a SINGLE).
    """

    key: str
    kinship: Kinship
    open_ns: int
    close_ns: int
    chance: float
    kalshi: KalshiSide | None
    polymarket: PolymarketSide | None
    is_rolling: bool = False
    other_key: str = ""
    other_chance: float = 0.0
