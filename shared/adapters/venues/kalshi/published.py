"""What Kalshi publishes about its interface, and the words in it that this adapter uses."""

from __future__ import annotations

from typing import Final

from shared.domain.enums import Venue
from shared.ports.documents import WatchedDocument

_DOCS: Final = "https://docs.kalshi.com"

DOCUMENTS: Final = (
    WatchedDocument(
        Venue.KALSHI,
        "openapi",
        f"{_DOCS}/openapi.yaml",
        (
            "/portfolio/events/orders",
            "/portfolio/balance",
            "/portfolio/positions",
            "/portfolio/fills",
            "/portfolio/settlements",
            "/exchange/status",
            "/exchange/user_data_timestamp",
            "client_order_id",
            "exchange_index",
            "self_trade_prevention_type",
            "cancel_order_on_pause",
            "price_ranges",
            "fee_multiplier",
        ),
    ),
    WatchedDocument(
        Venue.KALSHI,
        "asyncapi",
        f"{_DOCS}/asyncapi.yaml",
        (
            "orderbook_snapshot",
            "orderbook_delta",
            "market_lifecycle_v2",
            "user_orders",
            "use_yes_price",
            "get_snapshot",
            "yes_dollars_fp",
            "no_dollars_fp",
            "delta_fp",
        ),
    ),
    WatchedDocument(Venue.KALSHI, "changelog", f"{_DOCS}/changelog.md"),
)
