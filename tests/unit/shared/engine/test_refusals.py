"""What a refusal means beyond its own order: halts, rests, and nothing where nothing follows."""

from __future__ import annotations

import pytest

from shared.domain import events as ev
from shared.domain.enums import HaltReason, Venue
from shared.domain.order import LegTicket, Rejected
from shared.domain.package_table import PackageState
from shared.engine import refusals
from tests.support.kernel_desk import Desk

MINUTE = 60_000
ORDINARY = "this pair has just traded"


def refuse(desk: Desk, ticket: LegTicket, reason: str) -> None:
    desk.sending(ticket)
    desk.give(ev.AttemptAnswered(Rejected(ticket.attempt_id, reason)))


def refused_opening(reason: str, desk: Desk | None = None) -> tuple[Desk, LegTicket]:
    """Open a package on the desk's pair and let the venue refuse its first leg."""
    desk = desk or Desk()
    desk.book(Venue.KALSHI, 54, 56, 400)
    desk.book(Venue.POLYMARKET, 44, 46, 100)
    ticket = desk.tickets()[-1]
    refuse(desk, ticket, reason)
    return desk, ticket


def halts(desk: Desk) -> set[tuple[str, str]]:
    return set(desk.kernel.state.halts)


@pytest.mark.parametrize(
    ("reason", "halt"),
    [
        ("version_mismatch", HaltReason.VERSION_MISMATCH),
        ("account_closed_only", HaltReason.ACCOUNT_RESTRICTED),
        ("account_banned", HaltReason.ACCOUNT_RESTRICTED),
        ("region_refused", HaltReason.ACCOUNT_RESTRICTED),
        ("forbidden", HaltReason.KEY_REVOKED),
    ],
)
def test_f048_f049_f066_some_refusals_halt_the_venue(reason: str, halt: HaltReason) -> None:
    desk, ticket = refused_opening(reason)
    assert (f"venue:{ticket.venue.value}", halt.value) in halts(desk)
    assert desk.package.state is PackageState.ABORTED


def test_f031_the_venues_own_limit_rests_the_pair() -> None:
    desk, _ = refused_opening("market_limit")
    [view] = desk.kernel.state.pairs.values()
    assert view.rest_reason == "the venue's own limit refused an order"
    assert view.rest_until_ns > 50 * MINUTE * 1_000_000 and not halts(desk)


def again(desk: Desk, reason: str) -> LegTicket:
    """Let the pair open once more, its ordinary rest over, and be refused again."""
    [view] = desk.kernel.state.pairs.values()
    view.rest_until_ns, view.rest_reason = 0, ""
    before = len(desk.tickets())
    desk.pass_time(4_000)
    desk.book(Venue.KALSHI, 54, 56, 401)
    desk.book(Venue.POLYMARKET, 44, 46, 101)
    assert len(desk.tickets()) == before + 1, view.gates
    ticket = desk.tickets()[-1]
    refuse(desk, ticket, reason)
    return ticket


def test_f045_the_validators_second_no_rests_the_market() -> None:
    desk, first = refused_opening("invalid_amounts")
    [view] = desk.kernel.state.pairs.values()
    assert view.rest_reason == ORDINARY, "once is a stale grid"
    assert (first.market_id, "invalid_amounts") in desk.kernel.state.refused_ns
    second = again(desk, "tick_size")
    assert second.attempt_id != first.attempt_id and second.market_id == first.market_id
    assert view.rest_reason == ORDINARY, "another text is another story"
    again(desk, "invalid_amounts")
    assert view.rest_reason == "the venue's validator refused twice"


def test_f066_one_401_may_be_a_clock_two_are_the_key() -> None:
    desk, ticket = refused_opening("unauthorized")
    [view] = desk.kernel.state.pairs.values()
    assert view.rest_reason == "the venue refused our key" and not halts(desk)
    scope = f"venue:{ticket.venue.value}"
    assert (scope, "credentials") in desk.kernel.state.refused_ns
    again(desk, "unauthorized")
    assert (scope, HaltReason.KEY_REVOKED.value) in halts(desk)


@pytest.mark.parametrize(
    "reason", ["fak_not_filled", "fok_unfilled", "shard_unfunded", "local: budget", "paused"]
)
def test_ordinary_refusals_have_no_consequence(reason: str) -> None:
    desk, _ = refused_opening(reason)
    [view] = desk.kernel.state.pairs.values()
    assert not halts(desk) and view.rest_reason == ORDINARY


def test_every_reason_is_a_word_of_an_adapters_list() -> None:
    from shared.adapters.venues.kalshi import errors as kalshi
    from shared.adapters.venues.polymarket import errors as polymarket

    known = {row.reason for row in kalshi.REFUSALS} | {row.reason for row in polymarket.REFUSALS}
    used = set(refusals.HALTS) | refusals.CREDENTIAL_WORDS | refusals.LIMIT_WORDS
    assert used | refusals.VALIDATOR_WORDS <= known
