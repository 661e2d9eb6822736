"""Exchange records as plain rows and back: what a store must keep to answer after a restart.

A row is (table, key, document); the document holds JSON values only. Writing every row
of ``drain`` before answering a caller makes the exchange durable; ``restore`` rebuilds
it. Order of restoring: markets first (by whoever lists them), then accounts, fills,
payouts, orders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final, TypeVar

from shared.domain.enums import Liquidity, Outcome, Side, TimeInForce
from shared.domain.ids import MarketId
from shared.domain.units import QtyMicros
from shared.exchange.accounts import Position
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import (
    FillRecord,
    OrderRecord,
    OrderStatus,
    PayoutRecord,
    TradeStatus,
)

_T = TypeVar("_T", OrderRecord, FillRecord, PayoutRecord)


@dataclass(frozen=True, slots=True)
class Record:
    table: str
    key: str
    document: dict[str, Any]


ACCOUNTS: Final = "accounts"
ORDERS: Final = "orders"
FILLS: Final = "fills"
PAYOUTS: Final = "payouts"

_ENUMS: Final[dict[str, type[StrEnum]]] = {
    "outcome": Outcome,
    "side": Side,
    "tif": TimeInForce,
    "liquidity": Liquidity,
}


def drain(exchange: Exchange) -> list[Record]:
    """Return every record that changed since the last drain, and forget that it did."""
    clearing = exchange.clearing
    rows = [
        Record(ORDERS, order.order_id, _document(order)) for order in exchange.take_dirty_orders()
    ]
    for key in sorted(clearing.dirty_fills):
        rows.append(Record(FILLS, key, _document(clearing.fills[key])))
    for reference in sorted(clearing.dirty_payouts):
        rows.append(Record(PAYOUTS, reference, _document(clearing.payouts[reference])))
    for name in sorted(clearing.accounts.dirty):
        rows.append(Record(ACCOUNTS, name, _account_document(exchange, name)))
    clearing.dirty_fills.clear()
    clearing.dirty_payouts.clear()
    clearing.accounts.dirty.clear()
    return rows


def restore(exchange: Exchange, rows: Iterable[Record]) -> None:
    """Rebuild the private state of an exchange whose markets are listed already."""
    by_table: dict[str, list[Record]] = {}
    for row in rows:
        by_table.setdefault(row.table, []).append(row)
    for row in by_table.get(ACCOUNTS, ()):
        _restore_account(exchange, row)
    fills = [_read(FillRecord, row.document) for row in by_table.get(FILLS, ())]
    for fill in sorted(fills, key=lambda f: f.seq):
        exchange.clearing.restore_fill(fill)
    for row in by_table.get(PAYOUTS, ()):
        exchange.clearing.restore_payout(_read(PayoutRecord, row.document))
    orders = [_read(OrderRecord, row.document) for row in by_table.get(ORDERS, ())]
    for order in sorted(orders, key=lambda o: o.seq):
        exchange.restore_order(order)
    exchange.clearing.accounts.dirty.clear()
    exchange.settle_again()


def _document(record: OrderRecord | FillRecord | PayoutRecord) -> dict[str, Any]:
    return {
        key: value.value if isinstance(value, StrEnum) else value
        for key, value in asdict(record).items()
    }


def _read(kind: type[_T], document: dict[str, Any]) -> _T:
    status: type[StrEnum] = OrderStatus if kind is OrderRecord else TradeStatus
    values: dict[str, Any] = {}
    for item in fields(kind):
        if item.name not in document:
            continue
        value = document[item.name]
        if item.name == "status":
            value = status(value)
        elif item.name in _ENUMS:
            value = _ENUMS[item.name](value)
        values[item.name] = value
    return kind(**values)


def _account_document(exchange: Exchange, name: str) -> dict[str, Any]:
    state = exchange.clearing.accounts.state(name)
    return {
        "cash": {str(shard): usd for shard, usd in sorted(state.cash.items())},
        "provisional": state.provisional,
        "positions": {
            market: [p.yes, p.no, p.pending_yes, p.pending_no]
            for market, p in sorted(state.positions.items())
        },
    }


def _restore_account(exchange: Exchange, row: Record) -> None:
    accounts = exchange.clearing.accounts
    state = accounts.restore_state(row.key)
    state.cash = {int(shard): int(usd) for shard, usd in row.document["cash"].items()}
    state.provisional = int(row.document["provisional"])
    state.positions = {
        MarketId(market): Position(*(QtyMicros(int(q)) for q in values))
        for market, values in row.document["positions"].items()
    }
