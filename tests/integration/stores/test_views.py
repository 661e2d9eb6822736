"""What the dashboard reads: pages, sums, one package with its story."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shared.adapters.stores.postgres_catalogue import PostgresCatalogue
from shared.adapters.stores.postgres_journal import PostgresJournal
from shared.adapters.stores.postgres_views import PostgresViews
from shared.domain.enums import Venue
from shared.domain.errors import DomainError
from tests.support.catalogue import listed, verdict_row
from tests.support.journal_rows import attempt_row, fill_row, package_row, posting_rows

pytestmark = pytest.mark.postgres

MS = 1_000_000
T0 = 1_700_000_000_000_000_000


@pytest.fixture
def views(postgres_dsn: str) -> Iterator[PostgresViews]:
    made = PostgresViews(postgres_dsn)
    yield made
    made.close()


def store(dsn: str, *batches: tuple[str, list[dict[str, Any]]]) -> None:
    async def write() -> None:
        journal = PostgresJournal(dsn)
        await journal.take_fencing(1, "us", {})
        await journal.write_batch(batches, 1)
        await journal.close()

    asyncio.run(write())


def second_fill(**changes: Any) -> dict[str, Any]:
    row = fill_row(
        "p1",
        fill_key="polymarket/p1/0xo",
        venue="polymarket",
        order_id="0xo",
        attempt_id="attempt-1-hedge-0",
        leg=1,
        purpose="hedge",
        market_id="polymarket:0xabc",
        outcome="yes",
        px_micros=392_000,
        fee_usd_micros=119_000,
        cost_usd_micros=3_920_000,
        is_final=False,
        slippage_micros=2_000,
        ts_fill_ns=T0 + 171 * MS,
    )
    return row | changes


def hedged(dsn: str) -> None:
    """One package: leg 1 filled at +61 ms, leg 2 matched at +171 ms, confirmed later."""
    catalogue = PostgresCatalogue(dsn)
    catalogue.upsert_markets([listed(Venue.KALSHI, "KXCPI-25SEP-T3.0", title="K title")], 5)
    catalogue.close()
    decision = {
        "event_id": "e1",
        "seq": 1,
        "wall_ns": T0 + 172 * MS,
        "kind": "package",
        "subject": "paper_sim-1-1",
        "package_id": "paper_sim-1-1",
        "verdict": "hedged_prov",
        "reason": "both legs hold the same quantity",
        "params": {},
        "versions": {},
        "severity": None,
    }
    told_by_the_fill = decision | {"event_id": "e2", "kind": "fill", "verdict": "buy"}
    stuck_elsewhere = decision | {"event_id": "e3", "package_id": "other", "verdict": "stuck_known"}
    store(
        dsn,
        ("packages", [package_row(1, state="hedged_prov", created_wall_ns=T0)]),
        (
            "orders",
            [
                attempt_row(1, state="done", ts_sent_ns=T0 + MS, ts_ack_ns=T0 + 61 * MS,
                            cum_qty_micros=10_000_000),
                attempt_row(1, purpose="hedge", leg=1, venue="polymarket", outcome="yes",
                            market_id="polymarket:0xabc", px_limit_micros=396_000, state="done",
                            ts_sent_ns=T0 + 62 * MS, ts_ack_ns=T0 + 171 * MS,
                            cum_qty_micros=10_000_000),
                attempt_row(1, 1, purpose="hedge", leg=1),
            ],
        ),
        ("fills", [fill_row(ts_fill_ns=T0 - 5 * MS), second_fill()]),
        ("ledger_postings", posting_rows()),
        ("decisions", [decision, told_by_the_fill, stuck_elsewhere]),
    )  # fmt: skip


def test_an_empty_record_reads_as_empty_pages(views: PostgresViews) -> None:
    page = views.fills_page()
    assert (page.rows, page.next_cursor, page.today.fills, page.today.cost) == ([], None, 0, "0")
    assert page.today.slippage_mean_cents is None
    assert views.packages_page().rows == []
    assert views.pairs_page().counts == {}
    assert views.package("nothing") is None
    assert views.edge("nothing") is None
    assert views.ledger_sum() == "0"
    assert views.counts().model_dump() == {"open": 0, "hedged": 0, "flat": 0, "stuck": 0}


def test_fills_show_entry_edge_against_locked(views: PostgresViews, postgres_dsn: str) -> None:
    hedged(postgres_dsn)
    newest, oldest = views.fills_page().rows
    assert (newest.venue, newest.leg, newest.purpose) == ("polymarket", 2, "hedge")
    assert (newest.qty, newest.price, newest.cost, newest.fee) == ("10", "0.392", "3.92", "0.119")
    assert newest.state == "provisional"
    assert (newest.slippage_cents, newest.entry_edge_cents) == ("0.2", "3.42")
    # 10 contracts pay $10; paid 5.40 + 3.92 + 0.174 + 0.119 = 9.613: 3.87 cents a contract.
    assert newest.realised_edge_cents == oldest.realised_edge_cents == "3.87"
    assert (oldest.leg, oldest.state, oldest.package_number) == (1, "confirmed", 1)


def test_finality_is_read_from_the_states(views: PostgresViews, postgres_dsn: str) -> None:
    hedged(postgres_dsn)
    key = second_fill()["fill_key"]
    store(postgres_dsn, ("fill_states", [{"fill_key": key, "state": "provisional", "ts_ns": T0}]))
    assert views.fills_page().rows[0].state == "provisional"
    store(postgres_dsn, ("fill_states", [{"fill_key": key, "state": "confirmed", "ts_ns": T0}]))
    assert views.fills_page().rows[0].state == "confirmed"
    store(postgres_dsn, ("fill_states", [{"fill_key": key, "state": "failed", "ts_ns": T0}]))
    rows = views.fills_page().rows
    assert rows[0].state == "failed"
    assert rows[0].realised_edge_cents is None  # one leg is gone: nothing is locked


def test_booked_result_goes_before_what_was_locked(views: PostgresViews, postgres_dsn: str) -> None:
    hedged(postgres_dsn)
    ended = package_row(1, state="settled", realised_usd_micros=352_000, ended_wall_ns=T0)
    store(postgres_dsn, ("packages", [ended]))
    row = views.packages_page().rows[0]
    assert (row.realised_edge_cents, row.result, row.entry_edge_cents) == ("3.52", "0.352", "3.42")


def test_one_package_tells_its_story(views: PostgresViews, postgres_dsn: str) -> None:
    hedged(postgres_dsn)
    key = second_fill()["fill_key"]
    confirmed = {"fill_key": key, "state": "confirmed", "ts_ns": T0 + 18_000 * MS}
    store(postgres_dsn, ("fill_states", [confirmed]))
    view = views.package("paper_sim-1-1")
    assert view is not None
    assert [(leg.leg, leg.venue, leg.title, leg.outcome) for leg in view.legs] == [
        (1, "kalshi", "K title", "no"),
        (2, "polymarket", "", "yes"),
    ]
    assert [(leg.price_limit, leg.filled, leg.avg_price, leg.fee) for leg in view.legs] == [
        ("0.546", "10", "0.54", "0.174"),
        ("0.396", "10", "0.392", "0.119"),
    ]
    assert (view.expected, view.realised, view.postings_sum) == ("0.342", None, "0")
    assert view.breakdown["net"] == "3.42"
    told = [
        ((r.ts_ns - T0) // MS, r.lane, r.kind, r.text, r.unhedged_micros) for r in view.timeline
    ]
    assert told == [
        (0, "decision", "approved", "approved 10 at +3.42¢ a contract", 0),
        (1, "leg1", "sent", "buy 10 cap 54.60¢", 0),
        # the venue's clock ran 6 ms early: the fill is not shown before its order
        (1, "leg1", "filled", "filled 10 @ 54.00¢, fee $0.17", 5_400_000),
        (61, "leg1", "acked", "acknowledged", 5_400_000),
        (62, "leg2", "sent", "hedge 10 cap 39.60¢", 5_400_000),
        (171, "leg2", "acked", "acknowledged", 5_400_000),
        (171, "leg2", "matched", "filled 10 @ 39.20¢, fee $0.12", 0),
        (172, "decision", "matched", "both legs filled, awaiting confirmation", 0),
        (18_000, "leg2", "confirmed", "10 confirmed on chain", 0),
    ]


def test_a_failed_trade_opens_the_exposure_again(views: PostgresViews, postgres_dsn: str) -> None:
    hedged(postgres_dsn)
    failed = {"fill_key": second_fill()["fill_key"], "state": "failed", "ts_ns": T0 + 9_000 * MS}
    store(postgres_dsn, ("fill_states", [failed]))
    view = views.package("paper_sim-1-1")
    assert view is not None
    last = view.timeline[-1]
    assert (last.kind, last.text, last.unhedged_micros) == (
        "failed",
        "10 failed on chain",
        5_400_000,
    )


def test_refused_and_unknown_orders_are_worded_apart(
    views: PostgresViews, postgres_dsn: str
) -> None:
    store(
        postgres_dsn,
        ("packages", [package_row(1, created_wall_ns=T0)]),
        (
            "orders",
            [
                attempt_row(1, 0, state="rejected", ts_sent_ns=T0 + MS, ts_ack_ns=T0 + 2 * MS,
                            reason="price is off the grid"),
                attempt_row(1, 0, purpose="hedge", leg=1, state="unknown", ts_sent_ns=T0 + 3 * MS,
                            ts_ack_ns=T0 + 4 * MS, reason="timeout"),
                attempt_row(1, 1, purpose="hedge", leg=1, state="done", ts_sent_ns=T0 + 5 * MS,
                            ts_ack_ns=T0 + 6 * MS),
            ],
        ),
    )  # fmt: skip
    view = views.package("paper_sim-1-1")
    assert view is not None
    assert [(r.lane, r.kind, r.text) for r in view.timeline[1:]] == [
        ("leg1", "sent", "buy 10 cap 54.60¢"),
        ("leg1", "refused", "refused: price is off the grid"),
        ("leg2", "sent", "hedge 10 cap 54.60¢"),
        ("leg2", "unknown", "unknown: timeout"),
        ("leg2", "retry", "hedge 10 cap 54.60¢, attempt 2"),
        ("leg2", "acked", "nothing filled"),
    ]


def test_fills_page_by_cursor_without_gap_or_repeat(
    views: PostgresViews, postgres_dsn: str
) -> None:
    keys = [f"t{n:03d}" for n in range(25)]
    # several at one instant: the key decides
    store(
        postgres_dsn, ("fills", [fill_row(k, ts_fill_ns=T0 + n // 3) for n, k in enumerate(keys)])
    )
    seen: list[str] = []
    cursor = None
    pages = 0
    while True:
        page = views.fills_page(10, cursor)
        seen += [r.fill_id for r in page.rows]
        pages += 1
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
        if pages == 1:  # a newer fill never shifts an older page
            store(postgres_dsn, ("fills", [fill_row("newer", ts_fill_ns=T0 + 10**9)]))
    assert seen == [f"kalshi/{k}/o1" for k in sorted(keys, reverse=True)]
    assert pages == 3


def test_foreign_fills_have_no_package(views: PostgresViews, postgres_dsn: str) -> None:
    foreign = fill_row(package_id=None, attempt_id=None, pair_id=None, leg=None, purpose=None)
    store(postgres_dsn, ("fills", [foreign]))
    (row,) = views.fills_page().rows
    assert (row.package_id, row.leg, row.purpose, row.pair_name) == (None, 0, "unknown", "")
    assert (row.cost, row.entry_edge_cents) == ("5.4", None)


def test_today_counts_todays_fills(views: PostgresViews, postgres_dsn: str) -> None:
    now = time.time_ns()
    store(
        postgres_dsn,
        (
            "fills",
            [
                fill_row("a", ts_fill_ns=now, slippage_micros=1_000),
                fill_row("b", ts_fill_ns=now, slippage_micros=4_000, qty_micros=20_000_000),
                fill_row("c", ts_fill_ns=now, slippage_micros=None),
                fill_row("old", ts_fill_ns=now - 90_000 * 10**9),
            ],
        ),
    )
    today = views.fills_page().today
    assert (today.fills, today.cost, today.fees) == (3, "16.2", "0.522")
    assert today.slippage_mean_cents == "0.3"


def test_packages_under_way_come_first(views: PostgresViews, postgres_dsn: str) -> None:
    states = {1: "exposed", 2: "settled", 3: "hedged", 4: "stuck_known", 5: "aborted", 6: "flat"}
    rows = [package_row(n, state=s, created_wall_ns=T0 + n) for n, s in states.items()]
    store(postgres_dsn, ("packages", rows))
    page = views.packages_page(2)
    assert [r.number for r in page.rows] == [4, 1, 6, 5]
    rest = views.packages_page(2, page.next_cursor)
    assert [r.number for r in rest.rows] == [3, 2]
    assert views.counts().model_dump() == {"open": 1, "hedged": 2, "flat": 1, "stuck": 1}


def test_pairs_with_findings_and_counts(views: PostgresViews, postgres_dsn: str) -> None:
    catalogue = PostgresCatalogue(postgres_dsn)
    a, b, c = (
        listed(Venue.KALSHI, "K1"),
        listed(Venue.POLYMARKET, "0xa"),
        listed(Venue.POLYMARKET, "0xb"),
    )
    catalogue.upsert_markets([a, b], 5)
    strange = [{"code": "x", "verdict": "perhaps", "reason": "r", "span_a": None, "more": 1}, "odd"]
    catalogue.save_verdicts(
        [
            verdict_row(a, b, updated_ns=1),
            verdict_row(a, c, updated_ns=2, verdict="review", evidence=strange),
        ]
    )
    catalogue.close()
    page = views.pairs_page(limit=1)
    assert page.counts == {"confirmed": 1, "review": 1}
    (review,) = page.rows
    assert [(f.code, f.verdict, f.span_a) for f in review.findings] == [("x", "unknown", "")]
    assert review.title_b == ""
    (confirmed,) = views.pairs_page(limit=1, cursor=page.next_cursor).rows
    assert (confirmed.title_a, confirmed.score) == (a.instrument.title, "0.97")
    assert [r.verdict for r in views.pairs_page("review").rows] == ["review"]


def test_newest_edge_of_a_pair(views: PostgresViews, postgres_dsn: str) -> None:
    edge = {
        "pair_id": "pr_x",
        "ts_ns": 1,
        "net_edge_micros": 23_600,
        "qty_micros": 412_000_000,
        "package": "no_a_yes_b",
        "leader": None,
        "signal_conf_ppm": 990_000,
        "fee_rev_hash": "f",
        "friction_hash": "g",
        "breakdown": {"gross": "7", "net": "2.36"},
        "gate": "EDGE_BELOW_MIN",
        "config_version": 1,
    }
    store(postgres_dsn, ("edges", [edge, edge | {"ts_ns": 2, "gate": None}]))
    view = views.edge("pr_x")
    assert view is not None
    assert (view.ts_ns, view.qty, view.gate, view.breakdown["net"]) == (2, "412", None, "2.36")


@pytest.mark.parametrize("cursor", ["", "x", "!!!!", "MTIz", "x" * 200, "bm90fG51bWJlcg"])
def test_a_foreign_cursor_is_refused(views: PostgresViews, cursor: str) -> None:
    for read in (views.fills_page, views.packages_page):
        with pytest.raises(DomainError, match="cursor"):
            read(10, cursor)
    with pytest.raises(DomainError, match="cursor"):
        views.pairs_page(None, 10, cursor)
