"""Double-entry books in micro-dollars. Every transaction sums to zero or is refused (I-02).

Accounts: ``cash:V`` what the venue holds for us; ``position:M:O`` cost of contracts held;
``fees:V`` fees paid; ``realised:V`` gains as negative, losses as positive (a credit is a
gain); ``opening:V`` where the first cash came from; ``foreign:V`` money that moved
without us. Postings never change; a correction is a new transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.domain.enums import Outcome, Side, Venue
from shared.domain.ids import MarketId
from shared.domain.order import Fill


@dataclass(frozen=True, slots=True)
class Posting:
    account: str
    usd: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """``txn_id`` is unique for ever; posting the same one again is ignored."""

    txn_id: str
    kind: str
    ref: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        assert self.postings, self.txn_id
        assert sum(p.usd for p in self.postings) == 0, (self.txn_id, self.postings)


def opening_account(venue: Venue) -> str:
    return f"opening:{venue.value}"


def cash_account(venue: Venue) -> str:
    return f"cash:{venue.value}"


def position_account(market: MarketId, outcome: Outcome) -> str:
    return f"position:{market}:{outcome.value}"


def fees_account(venue: Venue) -> str:
    return f"fees:{venue.value}"


def realised_account(venue: Venue) -> str:
    return f"realised:{venue.value}"


def _transaction(
    txn_id: str, kind: str, ref: str, entries: Sequence[tuple[str, int]]
) -> Transaction:
    return Transaction(
        txn_id,
        kind,
        ref,
        tuple(Posting(account, usd) for account, usd in entries if usd)
        or (Posting(entries[0][0], 0),),
    )


def fill_transaction(fill: Fill, basis_usd: int) -> Transaction:
    """Book one execution. ``basis_usd`` is the cost basis that a sale released."""
    money = fill.notional_usd
    entries: list[tuple[str, int]] = [
        (cash_account(fill.venue), fill.cash_usd),
        (fees_account(fill.venue), fill.fee),
    ]
    position = position_account(fill.market_id, fill.outcome)
    if fill.side is Side.BUY:
        entries.append((position, money))
    else:
        entries.append((position, -basis_usd))
        entries.append((realised_account(fill.venue), basis_usd - money))
    return _transaction(f"fill/{fill.key}", "fill", fill.key, entries)


def void_transaction(fill: Fill, basis_usd: int) -> Transaction:
    """Reverse a fill that the chain or the exchange took back, fee included."""
    money = fill.notional_usd
    entries: list[tuple[str, int]] = [
        (cash_account(fill.venue), -fill.cash_usd),
        (fees_account(fill.venue), -fill.fee),
    ]
    position = position_account(fill.market_id, fill.outcome)
    if fill.side is Side.BUY:
        entries.append((position, -basis_usd))
        entries.append((realised_account(fill.venue), basis_usd - money))
    else:
        entries.append((position, money))
    return _transaction(f"void/{fill.key}", "void", fill.key, entries)


def busted_transaction(fill: Fill, undone_usd: int) -> Transaction:
    """Reverse a purchase on a netting venue: the other outcome is bought at its complement.

    ``undone_usd`` is what that purchase costs. What it closes pays its dollar in a netting
    transaction of its own, and together they give back exactly what the fill had taken.
    """
    assert fill.side is Side.BUY and undone_usd == fill.qty - fill.notional_usd
    return _transaction(
        f"void/{fill.key}",
        "void",
        fill.key,
        [
            (cash_account(fill.venue), fill.fee - undone_usd),
            (fees_account(fill.venue), -fill.fee),
            (position_account(fill.market_id, fill.outcome.other), undone_usd),
        ],
    )


def payout_transaction(
    venue: Venue, market: MarketId, reference: str, cash_usd: int, basis_yes: int, basis_no: int
) -> Transaction:
    """Book a settlement: cash in, both positions out at cost, the difference realised.

    Negative cash corrects an earlier settlement, and then no position leaves (F-032).
    """
    assert basis_yes >= 0 and basis_no >= 0
    assert cash_usd >= 0 or basis_yes == basis_no == 0
    return _transaction(
        f"payout/{venue.value}/{reference}",
        "payout",
        reference,
        [
            (cash_account(venue), cash_usd),
            (position_account(market, Outcome.YES), -basis_yes),
            (position_account(market, Outcome.NO), -basis_no),
            (realised_account(venue), basis_yes + basis_no - cash_usd),
        ],
    )


def netting_transaction(
    fill: Fill, pairs_usd: int, basis_yes: int, basis_no: int, *, is_void: bool = False
) -> Transaction:
    """Book YES and NO of one market closing each other: a dollar a pair, at once (Kalshi)."""
    assert pairs_usd > 0 and basis_yes >= 0 and basis_no >= 0
    return _transaction(
        f"net/void/{fill.key}" if is_void else f"net/{fill.key}",
        "netting",
        fill.key,
        [
            (cash_account(fill.venue), pairs_usd),
            (position_account(fill.market_id, Outcome.YES), -basis_yes),
            (position_account(fill.market_id, Outcome.NO), -basis_no),
            (realised_account(fill.venue), basis_yes + basis_no - pairs_usd),
        ],
    )


def opening_transaction(venue: Venue, run_id: str, cash_usd: int) -> Transaction:
    """Book the cash found in an account that the books have never seen."""
    assert cash_usd >= 0
    return _transaction(
        f"opening/{venue.value}/{run_id}",
        "opening",
        run_id,
        [(cash_account(venue), cash_usd), (opening_account(venue), -cash_usd)],
    )


def adoption_transaction(
    venue: Venue,
    command_id: str,
    market: MarketId | None,
    cash_usd: int,
    basis: Mapping[Outcome, int],
) -> Transaction:
    """Book what a person did in an account, against ``foreign:V``: no gain and no loss.

    ``cash_usd`` is what came in (negative: went out), ``basis`` the cost that enters or
    (negative) leaves each outcome of ``market``.
    """
    assert market is not None or not basis, "contracts belong to a market"
    entries = [(cash_account(venue), cash_usd)]
    if market is not None:
        entries += [(position_account(market, outcome), usd) for outcome, usd in basis.items()]
    entries.append((f"foreign:{venue.value}", -sum(usd for _, usd in entries)))
    return _transaction(f"adopt/{venue.value}/{command_id}", "adoption", command_id, entries)


class Ledger:
    """Running balances; the postings themselves are rows of the record."""

    __slots__ = ("_seen", "balances")

    def __init__(self) -> None:
        self.balances: dict[str, int] = {}
        self._seen: set[str] = set()

    def post(self, transaction: Transaction) -> bool:
        """Apply a transaction; False when it was posted before (and nothing changed)."""
        if transaction.txn_id in self._seen:
            return False
        self._seen.add(transaction.txn_id)
        for posting in transaction.postings:
            self.balances[posting.account] = self.balances.get(posting.account, 0) + posting.usd
        assert self.total() == 0, transaction.txn_id
        return True

    def load(self, balances: dict[str, int], seen: set[str]) -> None:
        assert not self.balances, "a ledger is loaded once, into an empty one"
        self.balances = dict(balances)
        self._seen = set(seen)

    def has(self, txn_id: str) -> bool:
        return txn_id in self._seen

    def total(self) -> int:
        return sum(self.balances.values())

    def balance(self, account: str) -> int:
        return self.balances.get(account, 0)

    def realised_usd(self) -> int:
        """Realised gain less fees over the ledger's life; positive is ours."""
        gains = -sum(v for k, v in self.balances.items() if k.startswith("realised:"))
        fees = sum(v for k, v in self.balances.items() if k.startswith("fees:"))
        return gains - fees

    def positions_at_cost_usd(self) -> int:
        return sum(v for k, v in self.balances.items() if k.startswith("position:"))
