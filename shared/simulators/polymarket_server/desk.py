"""What every route shares: the world, the exchange, the books, and who is calling."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from shared.domain.enums import Outcome, Venue
from shared.domain.ids import MarketId, native_of
from shared.domain.units import NS_PER_S
from shared.exchange.matching_core import Exchange
from shared.simulators.catalogue import SimMarket
from shared.simulators.keys import AccountDirectory, PolymarketAccount
from shared.simulators.polymarket_server.token_books import MarketBooks
from shared.simulators.polymarket_server.verification import BadSignatureError, verify_request
from shared.simulators.world import World

VENUE: Final = Venue.POLYMARKET


@dataclass(slots=True)
class Desk:
    """The simulated venue behind the routes."""

    world: World
    exchange: Exchange
    accounts: AccountDirectory
    books: dict[MarketId, MarketBooks] = field(default_factory=dict)

    @property
    def now_s(self) -> int:
        return self.world.now_ns() // NS_PER_S

    def market_books(self, market: MarketId) -> MarketBooks | None:
        """Return the mirrored books of a market, made from the exchange at first use."""
        known = self.books.get(market)
        if known is None:
            listed = self.exchange.market(market)
            if listed is None or not listed.instrument.grid:
                return None
            known = MarketBooks(market, listed.instrument, self.exchange.book(market))
            if listed.last_yes_price:
                known.traded(listed.last_yes_price, self.exchange.book(market).ts_ns)
            self.books[market] = known
        return known

    def token(self, token: str) -> tuple[SimMarket, Outcome] | None:
        found = self.world.token(token)
        market = self.world.find(found[0]) if found else None
        return (market, found[1]) if found and market else None

    def condition(self, native: str) -> SimMarket | None:
        return self.world.find_native(VENUE, native)

    def token_of(self, market: MarketId, outcome: Outcome) -> str:
        """Return a token id, also of a market that the catalogue has forgotten."""
        listed = self.exchange.market(market)
        assert listed is not None, market
        return listed.instrument.token_of(outcome)

    async def caller(self, request: web.Request) -> PolymarketAccount:
        """Return the account whose level-2 headers sign this request, or answer 401."""
        body = await request.read()
        headers = request.headers
        account = self.accounts.polymarket_by_api_key(headers.get("POLY_API_KEY", ""))
        try:
            if account is None or headers.get("POLY_PASSPHRASE", "") != account.passphrase:
                raise BadSignatureError("unknown key")
            if headers.get("POLY_ADDRESS", "").lower() != account.eoa:
                raise BadSignatureError("the key belongs to another address")
            now_s = self.now_s
            if skewed := self.world.faults.hit("skew", self.world.now_ns(), VENUE.value):
                now_s += skewed.size // 1_000
            verify_request(headers, account.secret, request.method, request.path, body, now_s)
        except BadSignatureError:
            raise refusal(401, "Unauthorized/Invalid api key") from None
        assert account is not None
        return account


class Refusal(web.HTTPException):
    """An error answer with the venue's JSON body."""

    def __init__(self, status: int, text: str, **more: Any) -> None:
        self.status_code = status
        super().__init__(text=json.dumps({"error": text, **more}), content_type="application/json")


def refusal(status: int, text: str, **more: Any) -> Refusal:
    return Refusal(status, text, **more)


DESK: Final = web.AppKey("desk", Desk)


def desk_of(request: web.Request) -> Desk:
    return request.app[DESK]


def answer(document: Any) -> web.Response:
    """Return compact JSON, as the venue sends it."""
    return web.Response(
        text=json.dumps(document, separators=(",", ":")), content_type="application/json"
    )


async def json_body(request: web.Request) -> Any:
    """Return the parsed body; None when it is not JSON."""
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        return None


def whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Return a non-negative whole number of a query, clamped as the venue clamps it."""
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise refusal(422, f"invalid {name}")
    return min(int(text[:12]), most)


def native(market: MarketId) -> str:
    return native_of(market)
