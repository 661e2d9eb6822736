"""Real recordings as a world: verbatim objects and books, honest tapes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from shared.domain.enums import MarketStatus, Venue
from shared.domain.ids import market_id
from shared.domain.units import NS_PER_S
from shared.drivers.tapes import ASSUMED_SIZE, read_tape
from shared.exchange.happenings import Happening, LevelMoved
from shared.simulators.catalogue import parse_rfc3339
from shared.simulators.recorded_objects import SNAPSHOT
from shared.simulators.recordings import BLANK_NS, SHOW_NS, open_recordings
from shared.simulators.world import World
from tests.support.markets import SHARED

DATA = SHARED / "data"
NOW = 1_795_000_000 * NS_PER_S
needs_recordings = pytest.mark.skipif(
    not (DATA / SNAPSHOT).is_dir(), reason="recordings are not beside the repository"
)
FED = market_id(Venue.KALSHI, "KXFEDDECISION-26JUL-H0")
ROUND_NS = SHOW_NS + BLANK_NS
TAPES_NS = 3 * ROUND_NS
HEADER = (
    "ts_ms,iso,pair_id,kalshi_ticker,polymarket_market_id,k_bid,k_ask,k_bid_size,k_ask_size,"
    "p_bid,p_ask,p_bid_size,p_ask_size,k_recv_ms,p_recv_ms,p_venue_ms"
)


def write_tape(folder: Path, rows: list[str]) -> Path:
    path = folder / "own.csv.gz"
    with gzip.open(path, "wt") as stream:
        stream.write("\n".join([HEADER, *rows]) + "\n")
    return path


def test_a_tape_keeps_each_side_at_its_own_receive_time(tmp_path: Path) -> None:
    row = "1000,x,A|1,A,1,0.36,0.37,10.50,20,0.355,0.365,5,6,1005,1150,990"
    tape = read_tape(write_tape(tmp_path, [row]))
    assert [t.at_ms for t in tape.kalshi] == [1005] and [t.at_ms for t in tape.polymarket] == [1150]
    assert tape.kalshi[0].bid == (360_000, 10_500_000) and tape.has_sizes


def test_missing_sizes_are_assumed_and_placeholders_are_no_quotes(tmp_path: Path) -> None:
    tape = read_tape(write_tape(tmp_path, ["1000,x,A|1,A,1,0.0,0.01,,,0.005,1.0,,,1000,1000,"]))
    assert tape.kalshi[0].bid is None and tape.kalshi[0].ask == (10_000, ASSUMED_SIZE)
    assert tape.polymarket[0].ask is None and not tape.has_sizes


def test_unreadable_and_crossed_rows_are_left_out(tmp_path: Path) -> None:
    tape = read_tape(
        write_tape(
            tmp_path,
            [
                "1000,x,A|1,A,1,oops,0.01,,,0.4,0.3,,,1000,1000,",
                "2000,x,A|1,A,1,0.1,0.2,,,0.4,0.5,,,2000,2000,",
            ],
        )
    )
    assert len(tape.kalshi) == len(tape.polymarket) == 1


def test_a_folder_without_recordings_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a folder of recordings"):
        open_recordings(tmp_path, 1.0, now_ns=NOW)


class Play:
    def __init__(self, speed: float = 60.0) -> None:
        self.now_ns = NOW
        self.source = open_recordings(DATA, speed, now_ns=NOW)
        self.world = World(self.source, clock=lambda: self.now_ns)
        self.heard: list[tuple[Venue, Happening]] = []
        for venue, exchange in self.world.exchanges.items():
            exchange.subscribe(lambda h, v=venue: self.heard.append((v, h)))
        self.world.start()

    def condition(self, gamma_id: str) -> str:
        markets = self.world.markets(Venue.POLYMARKET)
        return next(m.native_id for m in markets if m.raw["id"] == gamma_id)

    def until(self, ns: int, step_ns: int = NS_PER_S // 2) -> None:
        while self.now_ns < ns:
            self.now_ns += step_ns
            self.world.step(self.now_ns)


@needs_recordings
def test_real_objects_and_full_depth_books_are_shown_verbatim() -> None:
    play = Play()
    assert len(play.world.markets(Venue.KALSHI)) >= 32
    assert len(play.world.markets(Venue.POLYMARKET)) >= 30
    market = play.world.find(FED)
    assert market is not None
    folder = DATA / SNAPSHOT / "kalshi"
    recorded = json.loads((folder / "market_KXFEDDECISION-26JUL-H0.json").read_text())["market"]
    for name in ("title", "rules_primary", "rules_secondary", "yes_sub_title", "price_ranges"):
        assert market.raw[name] == recorded[name]
    ladder = json.loads((folder / "orderbook_KXFEDDECISION-26JUL-H0.json").read_text())
    play.until(NOW + 2 * ROUND_NS + NS_PER_S)
    book = play.world.exchanges[Venue.KALSHI].book(FED)
    assert len(book.bids) == len(ladder["orderbook_fp"]["yes_dollars"])
    assert book.bids[0] == (930_000, 134_442_800_000)
    assert book.asks[0] == (940_000, 80_642_010_000)


@needs_recordings
def test_times_move_by_one_constant_so_that_markets_are_open() -> None:
    play = Play()
    shifts = set()
    for path in sorted((DATA / SNAPSHOT / "kalshi").glob("market_*.json")):
        recorded = json.loads(path.read_text())["market"]
        market = play.world.find_native(Venue.KALSHI, recorded["ticker"])
        if market is not None:
            shifts.add(market.close_ns - parse_rfc3339(recorded["close_time"]))
            assert market.close_ns > NOW
    assert len(shifts) == 1
    assert any("moved by a constant" in line for line in play.world.assumptions)
    assert sum("sizes were not recorded" in line for line in play.world.assumptions) == 2


@needs_recordings
def test_books_of_two_captures_never_stand_against_each_other() -> None:
    play = Play()
    days = play.source._catalogue.captures
    assert len(set(days.values())) == 3
    seen: set[int] = set()
    blanks = 0
    for _ in range(3 * (SHOW_NS + BLANK_NS) // NS_PER_S - 1):
        play.until(play.now_ns + NS_PER_S)
        shown = {
            days[market.native_id]
            for venue, exchange in play.world.exchanges.items()
            for market in play.world.markets(venue)
            if exchange.book(market.market_id).bids or exchange.book(market.market_id).asks
        }
        assert len(shown) <= 1
        seen |= shown
        blanks += not shown
    assert seen == set(days.values()) and blanks >= 4
    # The final's pair is of one capture, the older stage market of another.
    assert days["KXMENWORLDCUP-26-AR"] == days[play.condition("558938")]
    assert days["KXWCSTAGEOFELIM-26ARG-FW"] < days["KXMENWORLDCUP-26-AR"]
    assert days["KXFEDDECISION-26JUL-H0"] == days[play.condition("1654958")]


@needs_recordings
def test_a_tape_of_a_pair_starts_on_blank_books() -> None:
    play = Play(speed=600.0)
    play.until(NOW + TAPES_NS + NS_PER_S)
    spain, token = market_id(Venue.KALSHI, "KXMENWORLDCUP-26-ES"), play.condition("558934")
    for exchange, market in (
        (play.world.exchanges[Venue.KALSHI], spain),
        (play.world.exchanges[Venue.POLYMARKET], market_id(Venue.POLYMARKET, token)),
    ):
        assert exchange.book(market).bids == () and exchange.book(market).asks == ()


@needs_recordings
def test_tapes_play_after_the_captures_at_the_chosen_speed_and_loop() -> None:
    play = Play(speed=600.0)
    play.until(NOW + TAPES_NS + BLANK_NS + 2 * NS_PER_S)
    book = play.world.exchanges[Venue.KALSHI].book(FED)
    assert len(book.bids) <= 1 and len(book.asks) <= 1
    # The outright tapes last 2.8 hours: 17 seconds at this speed, then a blank, then again.
    spain = market_id(Venue.KALSHI, "KXMENWORLDCUP-26-ES")
    depth = []
    for _ in range(80):
        play.until(play.now_ns + NS_PER_S // 2)
        depth.append(len(play.world.exchanges[Venue.KALSHI].book(spain).bids))
    assert set(depth) == {0, 1} and 4 <= depth.count(0) <= 24
    moved = [h for _, h in play.heard if isinstance(h, LevelMoved)]
    assert len(moved) > 1_000


@needs_recordings
def test_nothing_is_settled_by_invention() -> None:
    play = Play()
    play.until(NOW + 300 * NS_PER_S)
    for venue, exchange in play.world.exchanges.items():
        for market in play.world.markets(venue):
            state = exchange.market(market.market_id)
            assert state is not None and state.payout is None
            assert state.status in (MarketStatus.ACTIVE, MarketStatus.CLOSED)


@needs_recordings
def test_the_shift_of_times_survives_a_restart(tmp_path: Path) -> None:
    anchor = tmp_path / "state" / "anchor.json"
    first = open_recordings(DATA, 1.0, anchor_file=anchor, now_ns=NOW)
    later = open_recordings(DATA, 1.0, anchor_file=anchor, now_ns=NOW + 86_400 * NS_PER_S)
    assert first.assumptions[0] == later.assumptions[0]
