"""Cash and contracts of every party of one exchange; nothing is ever made or lost here.

Parties are the accounts, the crowd with the clearing house (``HOUSE``) and the fee
account (``FEES``). Every movement has two ends, so the sum of all cash never changes
but by a deposit.
Rule 1: an account's cash and contracts never go below zero; only the house may.
Rule 2: on a venue with finality, bought shares are pending and sale proceeds provisional
        until their trade is confirmed; neither can be used before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shared.domain.enums import Outcome, Side
from shared.domain.ids import MarketId
from shared.domain.units import QtyMicros, UsdMicros

HOUSE: Final = "~house"
FEES: Final = "~fees"


@dataclass(frozen=True, slots=True)
class Position:
    """Contracts of one account in one market; ``yes`` and ``no`` include the pending part."""

    yes: QtyMicros = QtyMicros(0)
    no: QtyMicros = QtyMicros(0)
    pending_yes: QtyMicros = QtyMicros(0)
    pending_no: QtyMicros = QtyMicros(0)

    @property
    def net_yes(self) -> int:
        return self.yes - self.no

    @property
    def is_empty(self) -> bool:
        return self.yes == 0 and self.no == 0

    def of(self, outcome: Outcome) -> QtyMicros:
        return self.yes if outcome is Outcome.YES else self.no

    def final_of(self, outcome: Outcome) -> QtyMicros:
        if outcome is Outcome.YES:
            return QtyMicros(self.yes - self.pending_yes)
        return QtyMicros(self.no - self.pending_no)

    def moved(self, outcome: Outcome, qty: int, *, pending: int = 0) -> Position:
        """Return the position after ``qty`` contracts (and ``pending`` of them) moved."""
        yes, no, pending_yes, pending_no = self.yes, self.no, self.pending_yes, self.pending_no
        if outcome is Outcome.YES:
            yes, pending_yes = QtyMicros(yes + qty), QtyMicros(pending_yes + pending)
        else:
            no, pending_no = QtyMicros(no + qty), QtyMicros(pending_no + pending)
        assert 0 <= pending_yes <= yes and 0 <= pending_no <= no, (yes, no, pending_yes, pending_no)
        return Position(yes, no, pending_yes, pending_no)


@dataclass(slots=True)
class AccountState:
    name: str
    cash: dict[int, int] = field(default_factory=dict)
    """Per shard, micro-dollars; a missing shard was never funded."""
    provisional: int = 0
    """Proceeds of sales whose trades are not confirmed yet."""
    positions: dict[MarketId, Position] = field(default_factory=dict)
    reserved_cash: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Live order -> (shard, micro-dollars)."""
    reserved_shares: dict[str, tuple[MarketId, Outcome, int]] = field(default_factory=dict)

    def position(self, market: MarketId) -> Position:
        return self.positions.get(market, Position())

    def set_position(self, market: MarketId, position: Position) -> None:
        if position.is_empty:
            self.positions.pop(market, None)
        else:
            self.positions[market] = position

    def available_cash(self, shard: int) -> UsdMicros:
        held = sum(usd for at, usd in self.reserved_cash.values() if at == shard)
        return UsdMicros(self.cash.get(shard, 0) - held)

    def available_shares(self, market: MarketId, outcome: Outcome) -> int:
        held = sum(
            qty
            for at, side, qty in self.reserved_shares.values()
            if at == market and side is outcome
        )
        return self.position(market).final_of(outcome) - held

    def release(self, order_id: str) -> None:
        self.reserved_cash.pop(order_id, None)
        self.reserved_shares.pop(order_id, None)


class Accounts:
    """All parties of one exchange and the only code that moves their cash."""

    def __init__(self) -> None:
        self._states: dict[str, AccountState] = {
            HOUSE: AccountState(HOUSE, {0: 0}),
            FEES: AccountState(FEES, {0: 0}),
        }
        self.dirty: set[str] = set()

    def get(self, name: str) -> AccountState | None:
        return self._states.get(name)

    def state(self, name: str) -> AccountState:
        return self._states[name]

    def names(self) -> list[str]:
        return [name for name in self._states if name not in (HOUSE, FEES)]

    def deposit(self, name: str, shard: int, usd: int) -> None:
        """Create cash: the only call that changes the total."""
        assert usd >= 0 and name not in (HOUSE, FEES)
        state = self._states.setdefault(name, AccountState(name))
        state.cash[shard] = state.cash.get(shard, 0) + usd
        self.dirty.add(name)

    def restore_state(self, name: str) -> AccountState:
        """Return the state of a party to be filled from a store, creating it when new."""
        return self._states.setdefault(name, AccountState(name))

    def total(self) -> int:
        """Return all cash of all parties, provisional proceeds included."""
        return sum(sum(s.cash.values()) + s.provisional for s in self._states.values())

    def pay(self, source: str, target: str, usd: int, *, shard: int) -> None:
        """Move cash; the house and the fee account have one purse, accounts one a shard."""
        assert usd >= 0 and source != target, (source, target, usd)
        payer, taker = self._states[source], self._states[target]
        from_shard = 0 if source in (HOUSE, FEES) else shard
        to_shard = 0 if target in (HOUSE, FEES) else shard
        payer.cash[from_shard] = payer.cash.get(from_shard, 0) - usd
        taker.cash[to_shard] = taker.cash.get(to_shard, 0) + usd
        assert source == HOUSE or payer.cash[from_shard] >= 0, (source, payer.cash)
        self.dirty.update((source, target))

    def apply_netted(
        self, name: str, market: MarketId, yes_change: int, amount: int, fee: int, shard: int
    ) -> None:
        """Book a fill on a netting venue, in YES terms.

        A buyer of YES pays ``amount`` and gets one dollar back for each NO it closes; a
        seller gets ``amount`` and posts one dollar for each contract it goes short (which
        is the same as buying NO at one minus the price).
        """
        state = self._states[name]
        before = state.position(market).net_yes
        after = before + yes_change
        posted = max(0, -after) - max(0, -before)
        change = (-amount if yes_change > 0 else amount) - posted
        if change >= fee:
            self.pay(HOUSE, name, change - fee, shard=shard)
            self.pay(HOUSE, FEES, fee, shard=0)
        else:
            self.pay(name, HOUSE, fee - change, shard=shard)
            self.pay(HOUSE, FEES, fee, shard=0)
        state.set_position(market, Position(QtyMicros(max(0, after)), QtyMicros(max(0, -after))))
        assert state.position(market).net_yes == after

    def apply_shares(
        self,
        name: str,
        market: MarketId,
        outcome: Outcome,
        side: Side,
        qty: int,
        amount: int,
        fee: int,
        *,
        is_final: bool,
    ) -> None:
        """Book a fill on a venue of outcome shares; not final means pending or provisional."""
        assert qty > 0 and amount >= 0 and fee >= 0
        state = self._states[name]
        position = state.position(market)
        if side is Side.BUY:
            self.pay(name, HOUSE, amount, shard=0)
            self.pay(name, FEES, fee, shard=0)
            pending = 0 if is_final else qty
            state.set_position(market, position.moved(outcome, qty, pending=pending))
            return
        assert position.final_of(outcome) >= qty, (name, market, outcome)
        state.set_position(market, position.moved(outcome, -qty))
        if is_final:
            self.pay(HOUSE, name, amount, shard=0)
            self.pay(name, FEES, fee, shard=0)
        else:
            self.hold_proceeds(name, amount - fee, fee)

    def hold_proceeds(self, name: str, usd: int, fee: int) -> None:
        """Book the proceeds of an unconfirmed sale as provisional, the fee as charged."""
        assert usd >= 0 and fee >= 0, (usd, fee)
        self._states[HOUSE].cash[0] -= usd + fee
        self._states[FEES].cash[0] += fee
        self._states[name].provisional += usd
        self.dirty.update((HOUSE, FEES, name))

    def confirm(
        self, name: str, market: MarketId, outcome: Outcome, side: Side, qty: int, net: int
    ) -> None:
        """Make a provisional fill final: shares sellable, or proceeds (``net``) spendable."""
        state = self._states[name]
        if side is Side.BUY:
            state.set_position(market, state.position(market).moved(outcome, 0, pending=-qty))
        else:
            assert state.provisional >= net >= 0, (state.provisional, net)
            state.provisional -= net
            state.cash[0] = state.cash.get(0, 0) + net
        self.dirty.add(name)

    def revert(
        self,
        name: str,
        market: MarketId,
        outcome: Outcome,
        side: Side,
        qty: int,
        amount: int,
        fee: int,
    ) -> None:
        """Undo a fill whose trade failed on chain: cash, shares and fee go back."""
        state = self._states[name]
        position = state.position(market)
        if side is Side.BUY:
            state.set_position(market, position.moved(outcome, -qty, pending=-qty))
            self.pay(HOUSE, name, amount, shard=0)
            self.pay(FEES, name, fee, shard=0)
            return
        assert state.provisional >= amount - fee >= 0
        state.provisional -= amount - fee
        self._states[HOUSE].cash[0] += amount
        self._states[FEES].cash[0] -= fee
        state.set_position(market, position.moved(outcome, qty))
        self.dirty.update((HOUSE, FEES, name))
