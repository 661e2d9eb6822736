"""A Gamma of any size on loopback: the venue's page form, every market generated.

    python -m tests.performance.generated_gamma MARKETS PORT

Texts have the venue's usual length; no two markets are the same.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any, Final

from aiohttp import web

PAGE: Final = 100
CLAUSE: Final = (
    "This market will resolve to Yes if the figure published for the named day is above the"
    " threshold in the title, and to No otherwise. If no figure is published within seven days,"
    " the last one published before counts. Revisions after the first release do not count. "
)


def market(number: int) -> dict[str, Any]:
    """Return one listed market as the venue describes it."""
    condition = "0x" + hashlib.sha256(f"condition {number}".encode()).hexdigest()
    tokens = [str(int(hashlib.sha256(f"{s} {number}".encode()).hexdigest(), 16)) for s in "yn"]
    threshold = 10_000 + number
    title = f"Will measure {number % 977} be above {threshold:,} on September 30?"
    event = {
        "id": str(number // 7),
        "slug": f"measure-{number // 7}",
        "title": f"Measure {number % 977} on September 30",
        "tags": [{"id": "1", "label": "Economy", "slug": "economy"}],
    }
    return {
        "id": str(number),
        "question": title,
        "conditionId": condition,
        "slug": f"market-{number}",
        "resolutionSource": "https://statistics.example",
        "endDate": "2031-09-30T23:59:00Z",
        "startDate": "2026-01-01T00:00:00Z",
        "description": f"{title} {CLAUSE * 3}",
        "outcomes": '["Yes", "No"]',
        "outcomePrices": '["0.5", "0.5"]',
        "active": True,
        "closed": False,
        "archived": False,
        "enableOrderBook": True,
        "acceptingOrders": True,
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "clobTokenIds": json.dumps(tokens),
        "negRisk": False,
        "feesEnabled": True,
        "feeType": "economics_fees",
        "feeSchedule": {"exponent": 1, "rate": 0.05, "takerOnly": True, "rebateRate": 0.25},
        "version": "v1",
        "events": [event],
        "volume": str(number * 3),
    }


def application(markets: int) -> web.Application:
    async def page(request: web.Request) -> web.Response:
        start = int(request.query.get("after_cursor") or 0)
        rows = [market(number) for number in range(start, min(start + PAGE, markets))]
        body: dict[str, Any] = {"markets": rows}
        if start + PAGE < markets:
            body["next_cursor"] = str(start + PAGE)
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    return app


def main() -> None:
    web.run_app(application(int(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), print=None)


if __name__ == "__main__":
    main()
