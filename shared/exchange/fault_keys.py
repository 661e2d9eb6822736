"""The one table of injection keys: what each does, where it strikes, what it counts as.

Keys are the code-form names of the fault catalogue (``k.ws.cut``): ``k.`` Kalshi only,
``p.`` Polymarket only, ``u.`` Polymarket US only, neither: all of them. Columns: F-number,
kind, where it strikes, what it does, the default of ``amount`` with its unit, and the forms
it knows (the first is the default). ``docs/simulators.md`` shows this table; a test keeps
both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.enums import Venue


class FaultKind(StrEnum):
    DISCONNECT = "disconnect"
    HALF_OPEN = "half_open"
    FREEZE = "freeze"
    GAP = "gap"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    STALE_TS = "stale_ts"
    CLOCK_SKEW = "clock_skew"
    ACK_LOST = "ack_lost"
    LATE_FILL = "late_fill"
    PARTIAL = "partial"
    GHOST_FILL = "ghost_fill"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    HTTP_425 = "http_425"
    HTTP_429 = "http_429"
    SLOW = "slow"
    TICK_CHANGE = "tick_change"
    MARKET_CLOSE = "market_close"
    VENUE_PAUSE = "venue_pause"
    FAILED_SETTLEMENT = "failed_settlement"
    CRASH = "crash"
    DB_DOWN = "db_down"
    LEASE_FIGHT = "lease_fight"
    BAD_BODY = "bad_body"
    ACCOUNT_LIMIT = "account_limit"
    RULE_CHANGE = "rule_change"
    DIVERGENCE = "divergence"
    FOREIGN_FILL = "foreign_fill"
    CONFIG_ERROR = "config_error"
    HALT = "halt"
    """A person's pause or freeze, struck at the worst step."""


class Where(StrEnum):
    """Which occasions a key has; each occasion is drawn once."""

    REQUEST = "request"
    """An HTTP request of the venue's own paths."""
    ORDER = "order"
    """One order, right before it enters the exchange."""
    TRADE = "trade"
    """One trade, at its match; the fate is drawn once for both sides."""
    FRAME = "frame"
    """One websocket frame to one connection."""
    READ = "read"
    """What a read shows while the window lasts."""
    CLOCK = "clock"
    """A step of the world's clock, about every 50 ms."""
    PROCESS = "process"
    """The trader's own process, clock or stores: no venue can do it."""


@dataclass(frozen=True, slots=True)
class Injection:
    """One row of the table."""

    key: str
    number: str
    kind: FaultKind
    venue: Venue | None
    where: Where
    does: str
    amount: int = 0
    unit: str = ""
    forms: tuple[str, ...] = ()


_TABLE: Final = """
k.ws.drop | F-001 | gap | frame | 1 frames | - | a data frame is lost
p.ws.drop | F-006 | gap | frame | 1 frames | - | a data frame is lost
ws.dup | F-003 | duplicate | frame | - | - | a data frame comes twice
ws.reorder | F-003 | reorder | frame | - | - | a data frame comes after its successor
ws.replay_old_generation | F-003 | duplicate | frame | 3 frames | - |\
 a new connection first gets frames of the one before
k.ws.end_sub | F-004 | disconnect | frame | - | 25 10 17 |\
 the venue ends a subscription on a live socket with an error frame
p.ws.freeze | F-005 | freeze | frame | - | - | data stops, PING is still answered
k.ws.freeze | F-005 | freeze | frame | - | - | data stops, pings are still answered
p.ws.flip | F-006 | bad_body | frame | - | - |\
 one size of a change is told wrongly, its hash is the true book's
p.ws.multi | F-006 | gap | frame | 2 changes | - |\
 changes are told several to a message, every hash that of the last
k.ws.flip | F-008 | bad_body | frame | - | - | no-side prices are quoted by the other convention
k.ws.negative | F-009 | bad_body | frame | - | - | a delta takes more from a level than it holds
ts.shift | F-011 | stale_ts | frame | -5000 ms | - | venue times are off
burst | F-012 | slow | clock | 2000 updates/s | - | books move this often
k.ws.cut | F-013 | disconnect | clock | - | - | every websocket is aborted
p.ws.cut | F-013 | disconnect | clock | - | - | every websocket is aborted
p.user.drop | F-050 | gap | frame | - | - | an event of the user channel is lost
p.user.dup | F-050 | duplicate | frame | - | - | an event of the user channel repeats
k.user.drop | F-050 | gap | frame | - | - | a private frame is lost
k.user.dup | F-050 | duplicate | frame | - | - | a private frame repeats
ws.garbage | F-095 | bad_body | frame | - | cut deep nan binary enum |\
 an unreadable frame comes before a data frame
k.ack_lost | F-015 | ack_lost | request | - | - | order executed, answer lost
p.ack_lost | F-033 | ack_lost | request | - | - | order executed, answer lost
k.req_lost | F-016 | ack_lost | request | - | - | order request lost on its way
p.req_lost | F-016 | ack_lost | request | - | - | order request lost on its way
k.req_late | F-017 | late_fill | request | 6000 ms | - | connection lost, the order lands later
p.req_late | F-017 | late_fill | request | 6000 ms | - | connection lost, the order lands later
k.5xx | F-018 | http_5xx | request | 503 status | half landed lost |\
 order answered 5xx; every second one was executed (or as the form says)
p.500 | F-043 | http_5xx | request | 500 status | half landed lost |\
 order answered `order timed out`; every second one was executed (or as the form says)
k.body | F-019 | bad_body | request | - | soft_reject cut html empty |\
 order executed, answer body spoilt
p.body | F-044 | bad_body | request | - | no_id unmatched free_text empty_amounts cut html empty |\
 order executed, answer body spoilt
k.bad_counts | F-020 | bad_body | request | - | - |\
 order executed, `remaining_count` of the answer is wrong
k.bucket | F-024 | http_429 | request | - | - | 429 with the documented body
p.bucket | F-024 | http_429 | request | - | - | 429 with Retry-After
skew | F-025 | clock_skew | request | 40000 ms | - | venue clock is ahead
k.cancel404 | F-030 | http_4xx | request | - | - | a cancel answers 404, the order lives
p.restart | F-042 | http_425 | read | 90000 ms | - |\
 engine restart: 425 for this long, then post-only 503 to the window's end
p.400 | F-045 | http_4xx | request | - | amounts tick signature | order refused by the validator
p.version | F-048 | http_4xx | read | 3 version | - | order version of the venue
p.403 | F-049 | http_4xx | read | - | region closed_only banned | account or region restricted
403_all | F-066 | http_4xx | read | - | all writes |\
 key revoked: authenticated requests answer 401 or 403
rest.cut_page | F-065 | bad_body | request | 1500 ms | error cut stale shortened |\
 a page of the private records is unusable, or the records lag
tcp | F-082 | half_open | request | 3000 ms | half_open slow reset |\
 order connection: no answer, slow answer, or reset inside the body
partition | F-083 | disconnect | read | - | both in out |\
 no answer comes back (in), no request arrives (out), or neither
lat | F-084 | slow | request | 500 ms | - | every answer takes longer
http.swap | F-085 | bad_body | request | - | - | the answer is another order's
schema | F-099 | bad_body | request | - | extra gone 410 required |\
 reads change shape: a field more, a needed field gone, endpoint 410, order field needed
p.rest.shell | F-007 | bad_body | request | - | - | books by REST are a stale 0.01/0.99 shell
fade | F-014 | partial | order | - | - | what the order would take vanishes before it
k.ioc_zero | F-020 | partial | order | - | - | an immediate order meets nothing: 201
k.partial | F-021 | partial | order | 50 percent | - | part of the order fills
p.partial | F-037 | partial | order | 50 percent | - | part of the order fills
p.over | F-035 | partial | order | 5 percent | - | better price by this much
k.shard_cash | F-026 | account_limit | order | - | empty unprovisioned | the shard has no money
k.close | F-029 | market_close | order | - | - | the market closes before the order
k.limit | F-031 | account_limit | order | - | - | per-market risk limit refuses
k.group | F-031 | account_limit | order | - | - | order-group limit tripped, refuses
k.stp | F-031 | account_limit | order | 50 percent | kept refused |\
 self-trade prevention: part is kept and the rest killed (also of a FOK), or refused
p.hold | F-039 | slow | order | 2000 ms | matched unmatched rejected |\
 taker hold, whatever the metadata say: it matches, finds nothing, or is refused
p.itode | F-040 | slow | order | 250 ms | - | the call blocks for this long
p.counter_stuck | F-047 | account_limit | order | 1000000 cents | - |\
 matched-orders counter stands at this much: buys refused though cash is free
p.rest | F-051 | late_fill | request | 500 ms | refused cancel_race |\
 a cancel is refused, or acknowledged and the order fills later
k.sweep | F-030 | http_4xx | order | - | - | within 60 s of a cancel-all: swept
p.settle_lag | F-046 | slow | trade | 50000 ms | - | confirmed only after
p.fail | F-053 | failed_settlement | trade | - | - | the trade ends FAILED
p.fail_part | F-058 | failed_settlement | trade | - | - |\
 the first of an order's trades ends FAILED, the others do not
p.ghost | F-054 | ghost_fill | trade | - | - |\
 the maker reverts when the price has moved against him
p.retry | F-055 | slow | trade | 240000 ms | - | RETRYING, CONFIRMED after
p.no_tx | F-056 | failed_settlement | trade | 600000 ms | - |\
 never broadcast: MATCHED without a hash, FAILED after
p.reorg | F-057 | failed_settlement | trade | - | failed confirmed |\
 MINED, then undone by the chain: it ends FAILED, or CONFIRMED with another hash
k.bust | F-032 | failed_settlement | trade | 2000 ms | bust reprice |\
 the trade is busted (or re-priced by this many cents) this long after it
relayer | F-061 | slow | read | - | stall fail repeat |\
 redemptions stall, fail, or are listed twice
u.ws.drop | F-001 | gap | frame | 1 frames | - | a data frame is lost
u.ws.freeze | F-005 | freeze | frame | - | - | data stops, pings are still answered
u.ws.cut | F-013 | disconnect | clock | - | - | every websocket is aborted
u.user.drop | F-050 | gap | frame | - | - | a private frame is lost
u.user.dup | F-050 | duplicate | frame | - | - | a private frame repeats
u.ack_lost | F-015 | ack_lost | request | - | - | order executed, answer lost
u.req_lost | F-016 | ack_lost | request | - | - | order request lost on its way
u.req_late | F-017 | late_fill | request | 6000 ms | - | connection lost, the order lands later
u.5xx | F-018 | http_5xx | request | 500 status | half landed lost |\
 order answered 5xx; every second one was executed (or as the form says)
u.body | F-019 | bad_body | request | - | no_id id_only cut html empty |\
 order executed, answer body spoilt
u.bucket | F-024 | http_429 | request | - | - | 429 with the documented body
u.stopgap | F-031 | account_limit | request | - | - |\
 order refused with the words of a rate limit that is none
u.bust | F-032 | failed_settlement | trade | 2000 ms | - | the trade is busted this long after it
tick_change | F-010 | tick_change | order | 100000 micros | - |\
 the grid becomes this step before the order
k.pause | F-028 | venue_pause | read | 0 shard | shard exchange maintenance thursday |\
 trading pause: one shard, the exchange, announced maintenance, or Thursday 03-05 ET
p.fee | F-052 | rule_change | clock | 70000 ppm | - | taker rate becomes
metadata_updated | F-100 | rule_change | clock | - | - | the rule text of a market is edited
bait | F-097 | divergence | clock | 20 cents | - | one thin level this far inside
settle | F-102 | divergence | read | 60000 ms | flip half delay amend |\
 results differ: other side, half, late by this much, or amended after this much
k.transfer | F-063 | account_limit | request | - | half lost hundredth |\
 a shard transfer is lost, stays half done, or moves a hundredth
foreign_fill | F-064 | foreign_fill | clock | 5 contracts | - |\
 somebody trades this much in the account
clock.step | F-067 | clock_skew | process | - | - | the trader's wall clock steps
pause | F-068 | freeze | process | - | - | the trader is frozen
crash | F-071 | crash | process | - | - | the trader is killed
lease.split | F-073 | lease_fight | process | - | - | a second trader
pg.down | F-077 | db_down | process | - | - | Postgres is away
halt | F-089 | halt | process | - | - | a person pauses or freezes everything
aws.down | F-086 | db_down | process | - | - | AWS is away
"""


def _read_row(line: str) -> Injection:
    key, number, kind, where, amount, forms, does = (cell.strip() for cell in line.split("|"))
    size, _, unit = amount.partition(" ")
    venues = {"k": Venue.KALSHI, "p": Venue.POLYMARKET, "u": Venue.POLYMARKET_US}
    venue = venues.get(key.partition(".")[0])
    return Injection(
        key=key,
        number=number,
        kind=FaultKind(kind),
        venue=venue,
        where=Where(where),
        does=does,
        amount=0 if amount == "-" else int(size),
        unit=unit,
        forms=() if forms == "-" else tuple(forms.split()),
    )


INJECTIONS: Final[tuple[Injection, ...]] = tuple(map(_read_row, _TABLE.strip().splitlines()))
INJECTION_OF: Final = {injection.key: injection for injection in INJECTIONS}
WIRED: Final = frozenset(i.key for i in INJECTIONS if i.where is not Where.PROCESS)
"""Keys that the simulators carry out; the others are the chaos tests' and the simulation's."""
