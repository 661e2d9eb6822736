"""Judging the trader's record by the simulated venues' own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.support.small_edition import SmallEdition

LATE_PAYOUT_NS = 15 * 10**9


def query(edition: SmallEdition, sql: str) -> list[dict[str, Any]]:
    with psycopg.connect(edition.dsn, row_factory=dict_row) as connection:
        return connection.execute(sql.encode()).fetchall()


def differences(edition: SmallEdition) -> list[str]:
    """Return every way in which our record and the venues' records disagree.

    For mode ``venue_sim``, at a quiet moment.
    """
    orders = query(edition, "SELECT * FROM orders")
    fills = query(edition, "SELECT * FROM fills")
    theirs = {f"{f['venue']}/{f['trade_id']}/{f['order_id']}": f for f in venue_fills(edition)}
    ours = {fill["fill_key"]: fill for fill in fills}
    assert theirs, "nothing was traded"
    problems = [f"lost fill {key}" for key in theirs.keys() - ours.keys()]
    problems += [f"made-up fill {key}" for key in ours.keys() - theirs.keys()]
    for key in theirs.keys() & ours.keys():
        known = {
            "qty": (theirs[key]["qty"], ours[key]["qty_micros"]),
            "fee": (theirs[key]["fee_usd"], ours[key]["fee_usd_micros"]),
        }
        problems += [
            f"{key}: {name} {a} there, {b} here" for name, (a, b) in known.items() if a != b
        ]
    problems += sent_twice(edition, orders)
    problems += cash_differences(edition)
    problems += unbalanced(edition, fills)
    return problems


def venue_fills(edition: SmallEdition) -> list[dict[str, Any]]:
    return edition.venue_records("fills")


def cash_differences(edition: SmallEdition) -> list[str]:
    """Return the venues whose cash is not what our ledger says, to the micro-dollar.

    Markets go on settling after the trader's last look; only payouts of its last seconds
    may be missing from the ledger, older ones are lost.
    """
    booked = {
        row["account"].removeprefix("cash:"): int(row["usd"])
        for row in query(
            edition,
            "SELECT account, sum(usd_micros) AS usd FROM ledger_postings"
            " WHERE account LIKE 'cash:%' GROUP BY account",
        )
    }
    (last,) = query(edition, "SELECT max(wall_ns) AS ns FROM decisions")
    known = {row["reference"] for row in query(edition, "SELECT reference FROM payouts")}
    held: Counter[str] = Counter()
    for account in edition.venue_records("accounts"):
        if not account["record_key"].startswith("~"):
            held[account["venue"]] += sum(account["cash"].values()) + account["provisional"]
    for payout in edition.venue_records("payouts"):
        if payout["ts_ns"] > last["ns"] - LATE_PAYOUT_NS and payout["reference"] not in known:
            held[payout["venue"]] -= payout["cash_usd"]
    assert held, "the simulators keep no account"
    return [
        f"cash of {venue}: {usd} micro-dollars there, {booked.get(venue, 0)} booked"
        for venue, usd in held.items()
        if usd != booked.get(venue, 0)
    ]


def sent_twice(edition: SmallEdition, orders: list[dict[str, Any]]) -> list[str]:
    """Return ids that the venues saw twice, and orders that no envelope of ours names."""
    venue_orders = edition.venue_records("orders")
    ids = Counter(o["client_id"] for o in venue_orders if o["venue"] == "kalshi")
    problems = [f"client id {name} sent {count} times" for name, count in ids.items() if count > 1]
    known = {o["attempt_id"] for o in orders}
    problems += [f"order without an envelope: {name}" for name in ids.keys() - known]
    hashes = {o["order_hash"] for o in orders} | {o["order_id"] for o in orders}
    digests = {o["order_id"] for o in venue_orders if o["venue"] != "kalshi"}
    return problems + [f"order without an envelope: {digest}" for digest in digests - hashes]


def unbalanced(edition: SmallEdition, fills: list[dict[str, Any]]) -> list[str]:
    """Return hedges whose legs differ, postings that do not sum to zero, and stuck packages."""
    problems: list[str] = []
    sizes: Counter[tuple[str, int]] = Counter()
    for fill in fills:
        if fill["purpose"] != "unwind":
            sizes[fill["package_id"], fill["leg"]] += fill["qty_micros"]
        else:
            sizes[fill["package_id"], fill["leg"]] -= fill["qty_micros"]
    for package in query(edition, "SELECT * FROM packages WHERE state = 'hedged'"):
        legs = [sizes[package["package_id"], leg] for leg in (0, 1)]
        if abs(legs[0] - legs[1]) > 1_000_000 or not all(legs):
            problems.append(f"{package['package_id']} is hedged with legs {legs}")
    sums = "SELECT txn_id FROM ledger_postings GROUP BY txn_id HAVING sum(usd_micros) <> 0"
    for row in query(edition, sums):
        problems.append(f"transaction {row['txn_id']} does not sum to zero")
    doubled = (
        "SELECT ref FROM ledger_postings WHERE kind = 'fill' "
        "GROUP BY ref, account HAVING count(*) > 1"
    )
    problems += [f"posted twice: {row['ref']}" for row in query(edition, doubled)]
    stuck = query(edition, "SELECT package_id, state FROM packages WHERE state LIKE 'stuck%'")
    return problems + [f"{row['package_id']} is {row['state']}" for row in stuck]
