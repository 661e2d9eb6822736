"""The configuration that decisions use: integers, validated elsewhere, replaced as a whole.

Units are in the names. Bounds, text forms, owners and history live in
``contracts/config_v1.py``; this is what one version means to the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Config:
    """One version of the runtime configuration. Defaults are those of ARCHITECTURE section 8."""

    version: int = 1
    min_net_edge_micros: int = 25_000
    """Dollars per contract x 1e6; 25_000 is 2.5 cents."""
    hedge_timeout_ms: int = 250
    backoff_first_ms: int = 100
    backoff_max_ms: int = 800
    retries: int = 3
    llm_accept_score_ppm: int = 920_000
    pairs_max: int = 8
    per_contract_exposure_usd_micros: int = 250_000_000
    capital_per_venue_usd_micros: int = 5_000_000_000
    category_cap_ppm: int = 400_000
    source_cap_ppm: int = 250_000
    lock_days_max: int = 60
    hedge_chance_min_ppm: int = 990_000
    fills_max: int = 64
    naked_slots: int = 1
    provisional_max_usd_micros: int = 500_000_000
    stop_day_ppm: int = 10_000
    stop_week_ppm: int = 30_000
    stop_month_ppm: int = 50_000
    book_fresh_ms: int = 2_000
    feed_latency_max_ms: int = 2_000
    clock_offset_max_ms: int = 500
    close_margin_s: int = 120
    taker_delay_max_ms: int = 0
    price_cap_ticks: int = 2
    probe_cost_usd_micros: int = 5_000_000
    probe_cost_dear_usd_micros: int = 25_000_000
    bait_edge_micros: int = 80_000
    package_loss_max_usd_micros: int = 50_000_000
    active_exposure_ms: int = 13_400
    finality_wait_s: int = 60
    unknown_max_s: int = 30
    return_floor_ppm: int = 0
    """Lowest annualised return on capital; 0 switches the floor off."""
    capital_rate_ppm: int = 40_000
    """Opportunity cost of locked capital a year; feeds the carry friction."""
    friction_per_package_usd_micros: int = 0
    friction_per_contract_usd_micros: int = 0
    friction_withdrawal_usd_micros: int = 0
    """Share of one package in what taking money out again costs."""
    friction_bridge_ppm: int = 0
    friction_fx_ppm: int = 0
    taker_rebate_ppm: int = 0
    """Share of Polymarket's taker fees that our volume brings back; shown, never counted."""
    holding_rate_ppm: int = 0
    """What the venues pay a year on locked money; lowers the carry, never below zero."""
    kalshi_restart_at_s: int = 0
    """Unix time of a restart that the venue announced; 0: none is known."""
    polymarket_restart_at_s: int = 0
    polymarket_us_fee_ppm: int = 69_500
    """Taker coefficient of Polymarket US, theta of theta x contracts x p x (1 - p), x 1e6."""
    polymarket_us_fee_date: int = 20_260_925
    """Day on which it was read at the venue, as YYYYMMDD; 0 = not dated."""
    polymarket_us_fee_confirmed: bool = False
    """A person stands by coefficient and date; real money is refused until then."""
    flag_trade: bool = True
    flag_maker_taker: bool = False
    flag_bundles: bool = False
    flag_live: bool = False


DEFAULT_CONFIG: Final = Config()
