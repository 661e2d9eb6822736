"""Money and shares of the account, payouts, and whether it may trade at all.

Cash is the pUSD balance of the trading wallet; positions come from the data API to the
last page, or not at all (F-065). A payout is a redemption: the row says how much came in,
the catalogue's final prices say what one YES paid.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.adapters.venues.polymarket.capabilities import EXCHANGE_NEG_RISK, EXCHANGE_STANDARD
from shared.adapters.venues.polymarket.instruments import (
    build_instrument,
    parse_payout,
)
from shared.adapters.venues.polymarket.own_trades import InstrumentOf
from shared.adapters.venues.polymarket.parsing import (
    floor_micros,
    read_balance,
)
from shared.adapters.venues.polymarket.rest import Credentials, Hosts, PolymarketRest
from shared.adapters.venues.polymarket.schemas import ActivityRow, BalanceAnswer, GeoblockAnswer
from shared.domain.enums import Venue
from shared.domain.errors import StoreError, WireError
from shared.domain.events import AccountSnapshot, PayoutSeen, VenuePosition
from shared.domain.ids import MarketId, market_id
from shared.domain.units import MICROS, NS_PER_S, PriceMicros, QtyMicros, UsdMicros, complement
from shared.ports.clock import Clock

_LOG = logging.getLogger("twinleg.polymarket.account")

CONDITIONS_PER_REQUEST: Final = 50


@dataclass(frozen=True, slots=True)
class AccountState:
    """What the venue lets this account do from this address."""

    is_region_blocked: bool
    country: str
    is_closed_only: bool
    missing_allowances: tuple[str, ...]
    """Exchange contracts that may not move the whole balance: orders there would fail."""


class PolymarketAccount:
    """Implements ``Account`` for one wallet."""

    venue = Venue.POLYMARKET

    def __init__(
        self,
        hosts: Hosts,
        credentials: Credentials,
        clock: Clock,
        instrument_of: InstrumentOf,
        *,
        rest: PolymarketRest | None = None,
    ) -> None:
        self._rest = rest or PolymarketRest(hosts, clock, credentials)
        self._clock = clock
        self._instrument_of = instrument_of
        self._outcome_index: dict[str, int] = {}
        self._payouts: dict[str, PriceMicros] = {}

    async def aclose(self) -> None:
        await self._rest.aclose()

    async def fetch_snapshot(self) -> AccountSnapshot:
        """Read cash and positions completely.

        Raises:
            StoreError: a read failed, a page is missing, or an answer is unreadable.
        """
        try:
            free = self._rest.free_cash
            if free.needs_refresh(self._clock.mono_ns()):
                await self._rest.refresh_collateral()
            text, rows = await asyncio.gather(self._rest.collateral(), self._rest.positions())
            cash = read_balance(text)
            held: dict[MarketId, list[int]] = {}
            for row in rows:
                size = floor_micros(row.size, "polymarket.position.size")
                index = self._index_of(row.asset, row.condition_id, row.outcome_index)
                amounts = held.setdefault(market_id(Venue.POLYMARKET, row.condition_id), [0, 0])
                amounts[index] += size
        except WireError as error:
            raise StoreError(f"polymarket account: {error}") from error
        positions = tuple(
            VenuePosition(market, QtyMicros(yes), QtyMicros(no))
            for market, (yes, no) in sorted(held.items())
            if yes or no
        )
        assert cash >= 0 and all(p.qty_yes >= 0 and p.qty_no >= 0 for p in positions)
        usable = UsdMicros(free.limit(cash, self._clock.mono_ns()))
        assert 0 <= usable <= cash
        return AccountSnapshot(
            Venue.POLYMARKET, UsdMicros(cash), ((0, usable),), positions, self._clock.wall_ns()
        )

    def _index_of(self, token: str, condition: str, told: int | None) -> int:
        """Return 0 for the first outcome (YES), 1 for the second, from what is certain."""
        instrument = self._instrument_of(market_id(Venue.POLYMARKET, condition))
        if instrument is not None and token in (instrument.yes_token, instrument.no_token):
            return 0 if token == instrument.yes_token else 1
        if told in (0, 1):
            assert told is not None
            return told
        raise WireError("polymarket.position.outcome", f"{condition} {token} {told}")

    async def fetch_payouts(self, since_wall_ns: int) -> Sequence[PayoutSeen]:
        """Read redemptions since a time; one PayoutSeen for each market and transaction.

        Raises:
            StoreError: incomplete or unreadable; ask again.
        """
        try:
            rows = await self._rest.redemptions(max(0, since_wall_ns // NS_PER_S))
            # A row that is listed twice (pages shift while they are read) was paid once.
            own = {_row_key(row): row for row in rows if row.type.upper() == "REDEEM"}
            rows = [row for row in own.values() if floor_micros(row.size, "polymarket.size") > 0]
            await self._load_payouts({row.condition_id for row in rows})
            grouped: dict[tuple[str, str], list[ActivityRow]] = {}
            for row in rows:
                grouped.setdefault((row.condition_id, row.transaction_hash), []).append(row)
            seen = [self._payout(c, tx, group) for (c, tx), group in grouped.items()]
            # A redemption that cannot be priced yet must not hide the others.
            found = tuple(payout for payout in seen if payout is not None)
        except WireError as error:
            raise StoreError(f"polymarket payouts: {error}") from error
        return found

    async def _load_payouts(self, conditions: set[str]) -> None:
        """Learn what one YES paid; final prices never change, so they are read once."""
        missing = sorted(conditions - self._payouts.keys())
        for start in range(0, len(missing), CONDITIONS_PER_REQUEST):
            chunk = missing[start : start + CONDITIONS_PER_REQUEST]
            for market in await self._rest.gamma_markets(chunk):
                payout = parse_payout(market)
                if payout is not None:
                    self._payouts[market.condition_id] = payout
                    instrument = build_instrument(market, 0)
                    self._outcome_index[instrument.yes_token] = 0
                    self._outcome_index[instrument.no_token] = 1

    def _payout(self, condition: str, tx: str, rows: Sequence[ActivityRow]) -> PayoutSeen | None:
        payout = self._payouts.get(condition)
        if payout is None:
            payout = payout_of_rows(rows)
        if payout is None:
            _LOG.warning("redemption of %s has no final prices yet", condition)
            return None
        shares, cash = [0, 0], 0
        for row in rows:
            index = self._redeemed_index(row, payout)
            shares[index] += floor_micros(row.size, "polymarket.redeem.size")
            cash += floor_micros(row.usdc_size, "polymarket.redeem.cash")
        worth = payout * shares[0] + complement(payout) * shares[1]
        if abs(worth - cash * MICROS) > 2 * MICROS * len(rows):
            raise WireError("polymarket.redeem.cash", f"{condition} {cash} for {worth}")
        return PayoutSeen(
            venue=Venue.POLYMARKET,
            market_id=market_id(Venue.POLYMARKET, condition),
            payout=payout,
            qty_yes=QtyMicros(shares[0]),
            qty_no=QtyMicros(shares[1]),
            cash=UsdMicros(cash),
            venue_ts_ns=max(row.timestamp for row in rows) * NS_PER_S,
            reference=f"polymarket/{condition}/{tx}",
        )

    def _redeemed_index(self, row: ActivityRow, payout: PriceMicros) -> int:
        """Say which outcome a row redeemed; rows without a token redeemed the winner."""
        if row.asset:
            known = self._outcome_index.get(row.asset)
            if known is not None:
                return known
        if row.outcome_index in (0, 1):
            assert row.outcome_index is not None
            return row.outcome_index
        if payout == MICROS or payout == 0:
            if row.usdc_size == Decimal(0) and row.size > 0:
                return 1 if payout == MICROS else 0
            return 0 if payout == MICROS else 1
        raise WireError("polymarket.redeem.outcome", f"{row.condition_id} {row.asset}")

    async def read_state(self) -> AccountState:
        """Ask geoblock and account restrictions. Raises StoreError or WireError: not known."""
        region: GeoblockAnswer
        region, closed_only, money = await asyncio.gather(
            self._rest.geoblock(), self._rest.is_closed_only(), self._rest.collateral_answer()
        )
        missing = find_missing_allowances(money)
        return AccountState(region.blocked, region.country, closed_only, missing)


def find_missing_allowances(answer: BalanceAnswer) -> tuple[str, ...]:
    """Return the exchanges (standard, negative risk) that may not move the whole balance.

    Raises:
        WireError: the venue did not say, or said no number: not known is not "given".
    """
    if answer.allowances is None:
        raise WireError("polymarket.allowances", "missing")
    given = {address.lower(): amount for address, amount in answer.allowances.items()}
    missing = []
    for name, address in (("standard", EXCHANGE_STANDARD), ("neg_risk", EXCHANGE_NEG_RISK)):
        amount = given.get(address.lower(), "0")
        if not (amount.isascii() and amount.isdigit() and len(amount) <= 80):
            raise WireError("polymarket.allowances", amount[:80])
        if int(amount) < max(1, read_balance(answer.balance)):
            missing.append(name)
    return tuple(missing)


def payout_of_rows(rows: Sequence[ActivityRow]) -> PriceMicros | None:
    """Return what one YES paid, from the redemption itself, for a market no longer listed.

    Only a row that names its outcome can tell, and all rows must tell the same; else None.
    """
    told: set[int] = set()
    for row in rows:
        size = floor_micros(row.size, "polymarket.redeem.size")
        cash = floor_micros(row.usdc_size, "polymarket.redeem.cash")
        if size == 0 or row.outcome_index not in (0, 1):
            continue
        paid = (cash * MICROS + size // 2) // size
        told.add(paid if row.outcome_index == 0 else MICROS - paid)
    if len(told) != 1 or not 0 <= min(told) <= MICROS:
        return None
    return PriceMicros(told.pop())


def _row_key(row: ActivityRow) -> tuple[str, ...]:
    """Return what makes a redemption row itself: its transaction, token and amounts."""
    index = str(row.outcome_index)
    amounts = (str(row.size), str(row.usdc_size))
    return (row.condition_id, row.transaction_hash, row.asset, index, *amounts)
