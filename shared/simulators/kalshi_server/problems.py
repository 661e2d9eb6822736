"""Error answers in the venue's body shapes, and the exchange's refusals in its words."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from shared.exchange.orders import RefusalCode, Refused


class Problem(Exception):
    """An answer that is not a success: status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def answer_problem(problem: Problem) -> web.Response:
    """Return the usual nested error object."""
    body = {"error": {"code": problem.code, "message": problem.message}}
    return answer(body, problem.status)


def answer(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )


_WORDS: Final = {
    RefusalCode.UNKNOWN_ACCOUNT: (404, "user_not_found"),
    RefusalCode.UNKNOWN_MARKET: (404, "market_not_found"),
    RefusalCode.UNKNOWN_ORDER: (404, "order_not_found"),
    RefusalCode.MARKET_INACTIVE: (409, "MARKET_INACTIVE"),
    RefusalCode.TRADING_PAUSED: (409, "trading_paused"),
    RefusalCode.OFF_GRID: (400, "invalid_price"),
    RefusalCode.BAD_SIZE: (400, "invalid_order_size"),
    RefusalCode.BELOW_MIN_SIZE: (400, "invalid_order_size"),
    RefusalCode.BELOW_MIN_NOTIONAL: (400, "invalid_order_size"),
    RefusalCode.NO_CASH: (400, "insufficient_balance"),
    RefusalCode.NO_SHARES: (400, "insufficient_balance"),
    RefusalCode.DUPLICATE: (409, "order_already_exists"),
    RefusalCode.POST_ONLY_CROSS: (400, "post_only_cross"),
    RefusalCode.FOK_NOT_FILLED: (409, "fill_or_kill_insufficient_resting_volume"),
    RefusalCode.FAK_NOT_FILLED: (409, "fill_or_kill_insufficient_resting_volume"),
    RefusalCode.REDUCE_ONLY_IOC: (400, "invalid_parameters"),
    RefusalCode.EXPIRED: (400, "invalid_parameters"),
    RefusalCode.NOT_CANCELLABLE: (404, "order_not_found"),
    RefusalCode.WRONG_SHARD: (404, "not_found"),
    RefusalCode.MARKET_LIMIT: (409, "EXCEEDED_PER_MARKET_RISK_LIMIT"),
    RefusalCode.GROUP_LIMIT: (409, "EXCEEDED_ORDER_GROUP_RISK_LIMIT"),
    RefusalCode.SELF_CROSS: (409, "SELF_CROSS_ATTEMPT"),
}


def problem_of(refused: Refused) -> Problem:
    """Return the venue's words for a refusal of the exchange."""
    status, code = _WORDS[refused.code]
    return Problem(status, code, refused.message)
