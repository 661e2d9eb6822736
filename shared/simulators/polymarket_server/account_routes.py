"""API keys, balances, restrictions, and the data API's positions and activity."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web
from eth_hash.auto import keccak

from shared.domain.enums import MarketStatus, Outcome
from shared.domain.ids import MarketId
from shared.domain.units import MICROS, NS_PER_S, cost_floor, format_micros
from shared.exchange.accounts import Position
from shared.exchange.orders import PayoutRecord
from shared.simulators.keys import PolymarketAccount
from shared.simulators.polymarket_server.desk import (
    Desk,
    answer,
    desk_of,
    native,
    refusal,
    whole,
)
from shared.simulators.polymarket_server.verification import (
    NEG_RISK,
    STANDARD,
    BadSignatureError,
    verify_login,
)

UNLIMITED: Final = str(2**256 - 1)
PAGE_MAX: Final = 500


def add_account_routes(app: web.Application, data_prefix: str) -> None:
    app.router.add_post("/auth/api-key", create_api_key)
    app.router.add_get("/auth/derive-api-key", derive_api_key)
    app.router.add_get("/auth/api-keys", list_api_keys)
    app.router.add_get("/auth/ban-status/closed-only", closed_only)
    app.router.add_get("/balance-allowance", balance_allowance)
    app.router.add_get("/balance-allowance/update", update_balance_allowance)
    app.router.add_get(f"{data_prefix}/positions", positions)
    app.router.add_get(f"{data_prefix}/activity", activity)


# --- keys --------------------------------------------------------------------------------------


def _login(request: web.Request) -> PolymarketAccount:
    desk = desk_of(request)
    try:
        address = verify_login(request.headers, desk.now_s)
    except BadSignatureError:
        raise refusal(401, "Invalid L1 Request headers") from None
    account = desk.accounts.polymarket_by_address(address)
    if account is None:
        raise refusal(401, "Invalid L1 Request headers")
    return account


async def create_api_key(request: web.Request) -> web.Response:
    """Every account was created with its key, so that creating it again is refused."""
    _login(request)
    raise refusal(400, "Could not create api key")


async def derive_api_key(request: web.Request) -> web.Response:
    account = _login(request)
    return answer(
        {
            "apiKey": account.api_key,
            "secret": account.secret,
            "passphrase": account.passphrase,
        }
    )


async def list_api_keys(request: web.Request) -> web.Response:
    account = await desk_of(request).caller(request)
    return answer({"apiKeys": [account.api_key]})


async def closed_only(request: web.Request) -> web.Response:
    await desk_of(request).caller(request)
    return answer({"closed_only": False})


# --- balances ----------------------------------------------------------------------------------


async def balance_allowance(request: web.Request) -> web.Response:
    """Return the wallet's balance as the chain has it: bought shares only once final."""
    desk = desk_of(request)
    account = await desk.caller(request)
    desk.exchange.advance(desk.world.now_ns())
    kind = request.query.get("asset_type", "")
    if kind == "COLLATERAL":
        balance = int(desk.exchange.cash(account.name))
    elif kind == "CONDITIONAL":
        found = desk.token(request.query.get("token_id", ""))
        if found is None:
            raise refusal(400, "invalid token_id")
        position = desk.exchange.position(account.name, found[0].market_id)
        balance = int(position.final_of(found[1]))
    else:
        raise refusal(400, "invalid asset_type")
    # Without approvals a match is never broadcast: both go together (F-056).
    is_unapproved = desk.world.faults.open_window("p.no_tx", desk.world.now_ns()) is not None
    allowance = "0" if is_unapproved else UNLIMITED
    return answer(
        {"balance": str(balance), "allowances": {STANDARD: allowance, NEG_RISK: allowance}}
    )


async def update_balance_allowance(request: web.Request) -> web.Response:
    await desk_of(request).caller(request)
    return answer({})


# --- data API ----------------------------------------------------------------------------------


def _user(request: web.Request) -> PolymarketAccount | None:
    address = request.query.get("user", "")
    if not address.startswith("0x") or len(address) != 42:
        raise refusal(400, "required query param 'user' not provided")
    return desk_of(request).accounts.polymarket_by_maker(address)


def _cut(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    offset = whole(request.query, "offset", 0, 10_000)
    limit = whole(request.query, "limit", 100, PAGE_MAX)
    return answer(rows[offset : offset + limit])


def _texts(desk: Desk, market: MarketId) -> dict[str, Any]:
    """Return the descriptive fields of a row; empty once the catalogue forgot the market."""
    found = desk.world.find(market)
    raw = found.raw if found else {}
    events = raw.get("events") or [{}]
    return {
        "conditionId": native(market),
        "title": raw.get("question", ""),
        "slug": raw.get("slug", ""),
        "eventSlug": events[0].get("slug", ""),
        "icon": raw.get("icon", ""),
    }


def _outcome_name(desk: Desk, market: MarketId, index: int) -> str:
    found = desk.world.find(market)
    if found is None:
        return ("Yes", "No")[index]
    return str(json.loads(found.raw["outcomes"])[index])


def _position_rows(
    desk: Desk, account: PolymarketAccount, market: MarketId, position: Position
) -> list[dict[str, Any]]:
    listed = desk.exchange.market(market)
    assert listed is not None
    rows = []
    for index, outcome in enumerate(Outcome):
        qty = position.of(outcome)
        if qty == 0:
            continue
        yes = int(listed.payout if listed.payout is not None else listed.last_yes_price)
        price = yes if outcome is Outcome.YES else MICROS - yes
        rows.append(
            {
                "proxyWallet": account.wallet,
                "asset": desk.token_of(market, outcome),
                "size": float(format_micros(qty)),
                "curPrice": float(format_micros(price)),
                "redeemable": listed.status is MarketStatus.SETTLED,
                "mergeable": position.yes > 0 and position.no > 0,
                "outcome": _outcome_name(desk, market, index),
                "outcomeIndex": index,
                "oppositeAsset": desk.token_of(market, outcome.other),
                "negativeRisk": listed.instrument.neg_risk,
                **_texts(desk, market),
            }
        )
    return rows


async def positions(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = _user(request)
    if account is None:
        return answer([])
    desk.exchange.advance(desk.world.now_ns())
    held = desk.exchange.positions(account.name)
    rows: list[dict[str, Any]] = []
    for market in sorted(held):
        rows += _position_rows(desk, account, market, held[market])
    return _cut(request, rows)


def _redeem_rows(
    desk: Desk, account: PolymarketAccount, payout: PayoutRecord
) -> list[dict[str, Any]]:
    """Return one row for each token that was redeemed; their cash adds up to the credit."""
    yes_cash = int(cost_floor(payout.payout, payout.qty_yes))
    rows = []
    amounts = ((payout.qty_yes, yes_cash), (payout.qty_no, int(payout.cash_usd) - yes_cash))
    for index, (outcome, (qty, cash)) in enumerate(zip(Outcome, amounts, strict=True)):
        if qty == 0:
            continue
        rows.append(
            {
                "proxyWallet": account.wallet,
                "timestamp": payout.ts_ns // NS_PER_S,
                "type": "REDEEM",
                "size": float(format_micros(qty)),
                "usdcSize": float(format_micros(cash)),
                "transactionHash": "0x" + keccak(payout.reference.encode()).hex(),
                "price": 0,
                "asset": desk.token_of(payout.market_id, outcome),
                "side": "",
                "outcomeIndex": index,
                "outcome": _outcome_name(desk, payout.market_id, index),
                **_texts(desk, payout.market_id),
            }
        )
    return rows


def _repeated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """List every redemption twice, and the relayer's second try, which paid nothing."""
    again = [
        {
            **row,
            "size": 0.0,
            "usdcSize": 0.0,
            "transactionHash": "0x" + keccak(str(row["transactionHash"]).encode()).hex(),
        }
        for row in rows
    ]
    return [*rows, *rows, *again]


async def activity(request: web.Request) -> web.Response:
    desk = desk_of(request)
    account = _user(request)
    if account is None:
        return answer([])
    kinds = request.query.get("type", "REDEEM").split(",")
    start = whole(request.query, "start", 0, 10**11)
    rows: list[dict[str, Any]] = []
    if "REDEEM" in kinds:
        for payout in desk.exchange.payouts(account.name):
            if payout.ts_ns // NS_PER_S >= start:
                rows += _redeem_rows(desk, account, payout)
    relayer = desk.world.faults.open_window("relayer", desk.world.now_ns())
    if relayer is not None and relayer.shape == "repeat":
        rows = _repeated(rows)
    rows.sort(key=lambda row: -int(row["timestamp"]))
    return _cut(request, rows)
