"""Rows of the record as the shapes that the dashboard reads (contracts/api_v1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from shared.adapters.stores.package_figures import Figures, realised_edge
from shared.contracts.api_v1 import (
    EdgeView,
    FillRow,
    LegView,
    PackageCounts,
    PackageRow,
    PairFinding,
    PairRow,
)
from shared.domain.errors import DomainError
from shared.domain.package_table import STATUS_GROUPS, PackageState
from shared.domain.units import format_micros

Row = Mapping[str, Any]
FillState = Literal["provisional", "confirmed", "failed"]
_FINDINGS: Final = ("same", "conflict", "unknown", "one_side")


def encode_cursor(ns: int, key: str) -> str:
    return base64.urlsafe_b64encode(f"{ns}|{key}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, str]:
    """Raises DomainError when it is not a cursor that ``encode_cursor`` made."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        ns, separator, key = text.partition("|")
        if not separator:
            raise ValueError(text)
        return int(ns), key
    except (ValueError, binascii.Error, UnicodeDecodeError) as error:
        raise DomainError("the cursor is not one of ours") from error


def cents_text(micros: int | None) -> str | None:
    """Micro-dollars per contract as exact cents."""
    return None if micros is None else format_micros(micros * 100)


def leg_number(package: Row | None, leg: int | None) -> int:
    """1 for the leg that goes first, 2 for the other, 0 when it is not known."""
    if package is None or leg not in (0, 1):
        return 0
    return 1 if leg == package["leg_first"] else 2


def state_of(fill: Row, states: Mapping[str, set[str]]) -> FillState:
    """A failure is for ever; final at once or confirmed later is confirmed."""
    known = states.get(fill["fill_key"], set())
    if "failed" in known:
        return "failed"
    return "confirmed" if fill["is_final"] or "confirmed" in known else "provisional"


def fill_row(
    fill: Row, package: Row | None, figures: Figures | None, states: Mapping[str, set[str]]
) -> FillRow:
    realised = realised_edge(package, figures) if package is not None and figures else None
    return FillRow(
        fill_id=fill["fill_key"],
        ts_ns=fill["ts_fill_ns"],
        package_id=fill["package_id"],
        package_number=package["number"] if package is not None else None,
        pair_name=package["pair_name"] if package is not None else "",
        venue=fill["venue"],
        leg=leg_number(package, fill["leg"]),
        purpose=fill["purpose"] or "unknown",
        outcome=fill["outcome"],
        side=fill["side"],
        qty=format_micros(fill["qty_micros"]),
        price=format_micros(fill["px_micros"]),
        cost=format_micros(fill["cost_usd_micros"]),
        fee=format_micros(fill["fee_usd_micros"]),
        slippage_cents=cents_text(fill["slippage_micros"]),
        entry_edge_cents=cents_text(package["entry_edge_micros"]) if package is not None else None,
        realised_edge_cents=cents_text(realised),
        state=state_of(fill, states),
    )


def package_row(package: Row, figures: Figures) -> PackageRow:
    realised = package["realised_usd_micros"]
    return PackageRow(
        package_id=package["package_id"],
        number=package["number"],
        name=package["pair_name"],
        state=package["state"],
        started_ns=package["created_wall_ns"],
        qty=format_micros(package["qty_micros"]),
        entry_edge_cents=format_micros((package["entry_edge_micros"] or 0) * 100),
        realised_edge_cents=cents_text(realised_edge(package, figures)),
        result=None if realised is None else format_micros(realised),
    )


def leg_views(
    package: Row, orders: Sequence[Row], figures: Figures, titles: Mapping[str, str]
) -> list[LegView]:
    """Return both legs, the one that goes first first."""
    views = []
    for index in (package["leg_first"], 1 - package["leg_first"]):
        side = "ab"[index]
        market = package[f"market_{side}"]
        leg = figures.legs[index]
        views.append(
            LegView(
                leg=leg_number(package, index),
                venue=market.partition(":")[0],
                market_id=market,
                title=titles.get(market, ""),
                outcome=package[f"outcome_{side}"],
                price_limit=_limit(package, orders, index),
                qty=format_micros(package["qty_micros"]),
                filled=format_micros(leg.net),
                avg_price=None if leg.average_px is None else format_micros(leg.average_px),
                fee=format_micros(leg.fees),
            )
        )
    return views


def _limit(package: Row, orders: Sequence[Row], index: int) -> str:
    """The price bound of the leg's first order that was sent, else of the envelope."""
    sent = [
        o
        for o in orders
        if o["leg"] == index and o["ts_sent_ns"] and o["purpose"] in ("open", "hedge")
    ]
    if sent:
        first = min(sent, key=lambda o: o["ts_sent_ns"])
        if first["px_limit_micros"] is not None:
            return format_micros(first["px_limit_micros"])
    bounds = package["envelope"].get("legs", [])
    bound = bounds[index] if index < len(bounds) else {}
    return format_micros(int(bound.get("price_limit") or bound.get("price_worst") or 0))


def pair_row(row: Row) -> PairRow:
    return PairRow(
        pair_id=row["id"],
        name=row["name"],
        verdict=row["verdict"],
        polarity=row["polarity"],
        score=format_micros(row["llm_score_ppm"]),
        reason=row["reason"],
        title_a=row["title_a"] or "",
        title_b=row["title_b"] or "",
        market_a=row["market_a_id"],
        market_b=row["market_b_id"],
        category=row["category"],
        findings=[_finding(entry) for entry in row["evidence"] if isinstance(entry, dict)],
    )


def _finding(entry: Mapping[str, Any]) -> PairFinding:
    verdict = entry.get("verdict")
    return PairFinding(
        code=str(entry.get("code", "")),
        verdict=verdict if verdict in _FINDINGS else "unknown",
        reason=str(entry.get("reason", "")),
        span_a=str(entry.get("span_a") or ""),
        span_b=str(entry.get("span_b") or ""),
    )


def edge_view(row: Row) -> EdgeView:
    return EdgeView(
        pair_id=row["pair_id"],
        name=row["name"] or "",
        ts_ns=row["ts_ns"],
        title_a=row["title_a"] or "",
        title_b=row["title_b"] or "",
        market_a=row["market_a_id"] or "",
        market_b=row["market_b_id"] or "",
        leader=row["leader"],
        qty=format_micros(row["qty_micros"] or 0),
        breakdown={str(k): str(v) for k, v in row["breakdown"].items()},
        gate=row["gate"],
    )


def count_states(states: Mapping[str, int]) -> PackageCounts:
    """Group numbers of packages by state as ``twinleg status`` counts them."""
    found = {"open": 0, "hedged": 0, "flat": 0, "stuck": 0}
    for name, number in states.items():
        state = PackageState(name)
        if state is PackageState.ABORTED:
            continue
        group = next((g for g, members in STATUS_GROUPS.items() if state in members), "open")
        found[group] += number
    return PackageCounts(**found)
