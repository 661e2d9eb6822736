"""What a refusal means beyond its own order: which pairs rest, which venue is halted.

An order that was refused never entered a book (R_NONE); some reasons say more about the
account, the market or the protocol. Reasons are the adapters' words of their refusal
lists; a reason that is not here has no consequence but its order's own.
"""

from __future__ import annotations

from typing import Final

from shared.domain.enums import HaltReason, Venue
from shared.domain.ids import MarketId
from shared.domain.package import Package
from shared.domain.units import NS_PER_S
from shared.engine.halts import raise_halt
from shared.engine.state import State, Turn

HALTS: Final = {
    "version_mismatch": HaltReason.VERSION_MISMATCH,
    "region_refused": HaltReason.ACCOUNT_RESTRICTED,
    "account_banned": HaltReason.ACCOUNT_RESTRICTED,
    "account_closed_only": HaltReason.ACCOUNT_RESTRICTED,
    "forbidden": HaltReason.KEY_REVOKED,
}
"""Reasons that halt the whole venue at once, until a person lifts it (F-048, F-049, F-066)."""
CREDENTIAL_WORDS: Final = frozenset({"unauthorised", "unauthorized"})
"""Once may be a clock (F-025), twice within a minute is the key (F-066)."""
LIMIT_WORDS: Final = frozenset({"market_limit", "group_limit"})
VALIDATOR_WORDS: Final = frozenset(
    "invalid_amounts tick_size invalid_signature invalid_price invalid_order_size"
    " size_below_minimum amount_below_minimum".split()
)
"""Refused by the venue's validator: once is a stale grid, twice is our mistake (F-045)."""
AGAIN_NS: Final = 600 * NS_PER_S
CREDENTIALS_AGAIN_NS: Final = 60 * NS_PER_S
REST_NS: Final = 3_600 * NS_PER_S


def heed(
    state: State, turn: Turn, package: Package, venue: Venue, market: MarketId, reason: str
) -> None:
    """Act on the reason of a refused order; openings only are affected, never a reduction."""
    assert package.package_id and reason is not None
    scope = f"venue:{venue.value}"
    if reason in HALTS:
        raise_halt(state, turn, scope, HALTS[reason], note=reason)
    elif reason in CREDENTIAL_WORDS:
        if _is_second(state, turn, scope, "credentials", CREDENTIALS_AGAIN_NS):
            raise_halt(state, turn, scope, HaltReason.KEY_REVOKED, note=reason)
        else:
            _rest(state, turn, market, CREDENTIALS_AGAIN_NS, "the venue refused our key")
    elif reason in LIMIT_WORDS:
        _rest(state, turn, market, REST_NS, "the venue's own limit refused an order")
    elif reason in VALIDATOR_WORDS and _is_second(state, turn, market, reason, AGAIN_NS):
        _rest(state, turn, market, REST_NS, "the venue's validator refused twice")


def _is_second(state: State, turn: Turn, subject: str, reason: str, within_ns: int) -> bool:
    """Say whether the same was refused before within a time; remembers this one."""
    key = (subject, reason)
    before = state.refused_ns.get(key)
    state.refused_ns[key] = turn.mono
    return before is not None and turn.mono - before <= within_ns


def _rest(state: State, turn: Turn, market: MarketId, rest_ns: int, why: str) -> None:
    """Let every pair of a market rest; an earlier, longer rest stands."""
    for pair_id in state.pairs_of.get(market, ()):
        view = state.pairs[pair_id]
        until = turn.mono + rest_ns
        if until > view.rest_until_ns:
            view.rest_until_ns, view.rest_reason = until, why
