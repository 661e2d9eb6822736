"""The runtime configuration on the wire, version 1: one table of fields. Append only.

A document maps keys to values: dollars and cents are exact decimal strings (``"2.5"``),
percentages and ratios JSON numbers, counts and times JSON integers, flags booleans. A
missing key has its default, so that older documents stay readable; an unknown key, a wrong
type or a value outside its bounds is refused (``ConfigError``), never clipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from shared.contracts.config_values import Kind, Value, from_wire, to_wire
from shared.domain.config import DEFAULT_CONFIG, Config
from shared.domain.errors import ConfigError

SCHEMA: Final = "config_v1"


class Owner(StrEnum):
    """Who may change a field."""

    OPERATOR = "operator"
    """Command line or dashboard: password and a reason."""
    TYPED = "operator_typed"
    """As OPERATOR, and the word LIVE is typed."""
    BUILD = "build"
    """As OPERATOR, but the bounds end at the default: only a new build may loosen it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One row of the table. ``low`` and ``high`` are hard bounds in the unit of the key."""

    key: str
    attribute: str
    kind: Kind
    low: str
    high: str
    owner: Owner
    doc: str
    missing: str = ""
    """Name of the part that this build lacks; a flag with one cannot be switched on."""

    @property
    def unit(self) -> str:
        return self.kind.unit

    @property
    def default(self) -> Value:
        return to_wire(self.kind, getattr(DEFAULT_CONFIG, self.attribute))


def _field(
    key: str,
    attribute: str,
    kind: Kind,
    low: str,
    high: str,
    doc: str,
    owner: Owner = Owner.OPERATOR,
) -> Field:
    return Field(key, attribute, kind, low, high, owner, doc)


def _flag(key: str, doc: str, owner: Owner = Owner.OPERATOR, missing: str = "") -> Field:
    return Field(key, key, Kind.FLAG, "false", "true", owner, doc, missing)


_K = Kind
FIELDS: Final[tuple[Field, ...]] = (
    _field("min_net_edge_cents", "min_net_edge_micros", _K.CENTS, "0.1", "50",
           "Least net edge a contract that a package is bought for."),
    _field("hedge_timeout_ms", "hedge_timeout_ms", _K.MS, "50", "2000",
           "Longest wait for the answer to an order, before it counts as unknown."),
    _field("backoff_first_ms", "backoff_first_ms", _K.MS, "10", "1000",
           "First pause before a hedge is tried again; doubles each time."),
    _field("backoff_max_ms", "backoff_max_ms", _K.MS, "100", "5000",
           "Longest pause between two attempts to hedge."),
    _field("retries", "retries", _K.COUNT, "0", "3",
           "Further attempts to hedge after the first."),
    _field("llm_accept_score", "llm_accept_score_ppm", _K.RATIO, "0.8", "1",
           "Least score with which a pair that passes the rules confirms itself."),
    _field("pairs_max", "pairs_max", _K.COUNT, "1", "20",
           "Most pairs with a package that is not flat."),
    _field("per_contract_exposure_usd", "per_contract_exposure_usd_micros", _K.USD, "1", "2500",
           "Most cost in one contract of one venue."),
    _field("capital_per_venue_usd", "capital_per_venue_usd_micros", _K.USD, "10", "50000",
           "Most capital in use at one venue."),
    _field("category_cap_pct", "category_cap_ppm", _K.PCT, "1", "100",
           "Most capital of all venues together in one category."),
    _field("source_cap_pct", "source_cap_ppm", _K.PCT, "1", "100",
           "Most capital of all venues together on one settlement source."),
    _field("lock_days_max", "lock_days_max", _K.DAYS, "1", "365",
           "Most days to worst-case settlement, averaged over the capital."),
    _field("hedge_chance_min_pct", "hedge_chance_min_ppm", _K.PCT, "90", "100",
           "Least probability that the hedge completes."),
    _field("fills_max", "fills_max", _K.COUNT, "1", "256",
           "Most book levels that one order may reach through."),
    _field("naked_slots", "naked_slots", _K.COUNT, "1", "2",
           "Most packages that are not hedged at one time."),
    _field("provisional_max_usd", "provisional_max_usd_micros", _K.USD, "1", "2500",
           "Most cost that waits for confirmation on chain."),
    _field("stop_day_pct", "stop_day_ppm", _K.PCT, "0.1", "5",
           "Loss of equity in a UTC day that halts trading until the next."),
    _field("stop_week_pct", "stop_week_ppm", _K.PCT, "0.1", "10",
           "Loss of equity in an ISO week that halts trading until the next."),
    _field("stop_month_pct", "stop_month_ppm", _K.PCT, "0.1", "20",
           "Loss of equity in a month that halts trading until it is reviewed."),
    _field("book_fresh_ms", "book_fresh_ms", _K.MS, "200", "2000",
           "Oldest proof of a book that may open a package.", Owner.BUILD),
    _field("feed_latency_max_ms", "feed_latency_max_ms", _K.MS, "200", "2000",
           "Feed latency above which a venue is halted.", Owner.BUILD),
    _field("clock_offset_max_ms", "clock_offset_max_ms", _K.MS, "10", "500",
           "Clock difference to a venue above which it is halted.", Owner.BUILD),
    _field("close_margin_s", "close_margin_s", _K.SECONDS, "120", "86400",
           "Least time to the close of a market that may open a package."),
    _field("taker_delay_max_ms", "taker_delay_max_ms", _K.MS, "0", "5000",
           "Longest taker delay of a market that is traded; 0 trades none with a delay."),
    _field("price_cap_ticks", "price_cap_ticks", _K.COUNT, "0", "2",
           "Most ticks over the touch that a budget order may pay."),
    _field("probe_cost_usd", "probe_cost_usd_micros", _K.USD, "1", "5",
           "Most cost of the first package of a pair."),
    _field("probe_cost_dear_usd", "probe_cost_dear_usd_micros", _K.USD, "1", "25",
           "The same where the venues' minimum sizes are dearer."),
    _field("bait_edge_cents", "bait_edge_micros", _K.CENTS, "3", "50",
           "Net edge above which a price is taken for an error or a bait."),
    _field("package_loss_max_usd", "package_loss_max_usd_micros", _K.USD, "1", "50",
           "Most that unwinding one package may lose.", Owner.BUILD),
    _field("active_exposure_ms", "active_exposure_ms", _K.MS, "1000", "13400",
           "Most time that a package may be unhedged and tradeable.", Owner.BUILD),
    _field("finality_wait_s", "finality_wait_s", _K.SECONDS, "10", "60",
           "Most time unhedged while only settlement on chain is awaited.", Owner.BUILD),
    _field("unknown_max_s", "unknown_max_s", _K.SECONDS, "5", "30",
           "Most time that an order's outcome may stay unknown before a human is called.",
           Owner.BUILD),
    _field("return_floor_pct", "return_floor_ppm", _K.PCT, "0", "1000",
           "Least return a year on the capital locked; 0 switches the floor off."),
    _field("capital_rate_pct", "capital_rate_ppm", _K.PCT, "0", "100",
           "Opportunity cost of locked capital a year, charged to every edge as carry."),
    _field("friction_per_package_usd", "friction_per_package_usd_micros", _K.USD, "0", "10",
           "Gas, transfers and the like, charged once a package."),
    _field("friction_per_contract_usd", "friction_per_contract_usd_micros", _K.USD, "0", "0.1",
           "Other costs charged a contract."),
    _field("friction_withdrawal_usd", "friction_withdrawal_usd_micros", _K.USD, "0", "10",
           "One package's share of what taking money out again costs."),
    _field("friction_bridge_pct", "friction_bridge_ppm", _K.PCT, "0", "10",
           "Bridge and on-ramp costs, charged on the money put in."),
    _field("friction_fx_pct", "friction_fx_ppm", _K.PCT, "0", "10",
           "Exchange-rate spread, charged on the money put in."),
    _field("taker_rebate_pct", "taker_rebate_ppm", _K.PCT, "0", "50",
           "Share of Polymarket's taker fees that our volume brings back; shown, never counted."),
    _field("holding_rate_pct", "holding_rate_ppm", _K.PCT, "0", "100",
           "Interest and rewards a year on locked money; lowers the carry, to 0 at least."),
    _field("kalshi_restart_at_s", "kalshi_restart_at_s", _K.COUNT, "0", "4102444800",
           "Unix time of Kalshi's announced restart, no package begins around it; 0: none."),
    _field("polymarket_restart_at_s", "polymarket_restart_at_s", _K.COUNT, "0", "4102444800",
           "The same of Polymarket."),
    _field("polymarket_us_fee_coefficient", "polymarket_us_fee_ppm", _K.RATIO, "0", "0.5",
           "Taker fee coefficient of Polymarket US, as read on its fee page."),
    _field("polymarket_us_fee_date", "polymarket_us_fee_date", _K.COUNT, "0", "21001231",
           "Day on which that was read, as YYYYMMDD; 0: not dated."),
    _flag("polymarket_us_fee_confirmed",
          "The coefficient was checked on that day; real money there needs it.", Owner.TYPED),
    _flag("flag_trade", "Off: watch, show and record, and buy nothing."),
    _flag("flag_maker_taker",
          "Rest an order on Polymarket first where taking both legs does not clear."),
    _flag("flag_bundles", "Trade bundles and negative-risk groups.", missing="bundles"),
    _flag("flag_live", "Allow orders that cost real money.", Owner.TYPED),
)  # fmt: skip

BY_KEY: Final[Mapping[str, Field]] = {field.key: field for field in FIELDS}


def default_document() -> dict[str, Value]:
    return {field.key: field.default for field in FIELDS}


def to_document(config: Config) -> dict[str, Value]:
    """Return the whole document of a configuration (without its version)."""
    return {f.key: to_wire(f.kind, getattr(config, f.attribute)) for f in FIELDS}


def parse(document: Mapping[str, Any], version: int) -> Config:
    """Return the configuration that a stored document means.

    Raises:
        ConfigError: names every problem, one a line.
    """
    assert version > 0
    problems: list[str] = [f"{key}: unknown key" for key in sorted(document.keys() - BY_KEY.keys())]
    values: dict[str, Any] = {}
    for field in FIELDS:
        if field.key not in document:
            continue
        try:
            values[field.attribute] = read(field, document[field.key])
        except ConfigError as error:
            problems.append(str(error))
    if not problems:
        config = Config(version=version, **values)
        problems = contradictions(config)
        if not problems:
            return config
    raise ConfigError("\n".join(problems))


def read(field: Field, value: Any) -> int | bool:
    """Return a wire value in the kernel's unit.

    Raises:
        ConfigError: wrong type, finer than the unit allows, out of bounds, not in this build.
    """
    try:
        inner = from_wire(field.kind, value)
        low, high = (
            from_wire(field.kind, bound, is_text=True) for bound in (field.low, field.high)
        )
    except ValueError as error:
        raise ConfigError(f"{field.key}: {error}") from error
    if not low <= inner <= high:
        unit = f" {field.unit}" if field.unit else ""
        raise ConfigError(f"{field.key}: {value} is outside {field.low} to {field.high}{unit}")
    if field.missing and inner:
        raise ConfigError(f"{field.key}: this build has no {field.missing}")
    return inner


def parse_change(key: str, text: str) -> Value:
    """Return what a person typed for a key as a wire value, checked against its bounds.

    Raises:
        ConfigError: unknown key or bad value, in one line.
    """
    field = BY_KEY.get(key)
    if field is None:
        raise ConfigError(f"{key}: unknown key; `twinleg config show` lists them")
    try:
        value = to_wire(field.kind, from_wire(field.kind, text, is_text=True))
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error
    read(field, value)
    return value


def contradictions(config: Config) -> list[str]:
    """Return what is wrong between fields that are each inside their bounds."""
    a_needed = config.hedge_timeout_ms + config.retries * (
        config.backoff_max_ms + config.hedge_timeout_ms
    )
    rules = (
        (config.backoff_first_ms <= config.backoff_max_ms,
         "backoff_first_ms: above backoff_max_ms"),
        (config.stop_day_ppm <= config.stop_week_ppm <= config.stop_month_ppm,
         "stop_day_pct: the stops must rise from day to week to month"),
        (config.per_contract_exposure_usd_micros <= config.capital_per_venue_usd_micros,
         "per_contract_exposure_usd: above capital_per_venue_usd"),
        (config.probe_cost_usd_micros <= config.probe_cost_dear_usd_micros,
         "probe_cost_usd: above probe_cost_dear_usd"),
        (config.min_net_edge_micros < config.bait_edge_micros,
         "min_net_edge_cents: not below bait_edge_cents, nothing would ever be bought"),
        (a_needed <= config.active_exposure_ms,
         f"active_exposure_ms: the retries alone take {a_needed} ms"),
        (is_day(config.polymarket_us_fee_date),
         "polymarket_us_fee_date: no day of the calendar as YYYYMMDD"),
        (config.polymarket_us_fee_date > 0 or not config.polymarket_us_fee_confirmed,
         "polymarket_us_fee_confirmed: an undated coefficient cannot be confirmed"),
    )  # fmt: skip
    return [said for holds, said in rules if not holds]


def is_day(number: int) -> bool:
    """Say whether a number is a day as YYYYMMDD, or 0 for none."""
    if number == 0:
        return True
    try:
        date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return False
    return True
