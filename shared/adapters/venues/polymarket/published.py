"""What Polymarket publishes about its interface, and the words in it that we use."""

from __future__ import annotations

from typing import Final

from shared.domain.enums import Venue
from shared.ports.documents import WatchedDocument

_DOCS: Final = "https://docs.polymarket.com"

DOCUMENTS: Final = (
    WatchedDocument(
        Venue.POLYMARKET,
        "gamma market schema",
        "https://gamma-api.polymarket.com/schemas/Market.json",
        (
            "conditionId",
            "clobTokenIds",
            "outcomePrices",
            "orderPriceMinTickSize",
            "orderMinSize",
            "negRisk",
            "acceptingOrders",
        ),
    ),
    WatchedDocument(Venue.POLYMARKET, "changelog", f"{_DOCS}/changelog.md"),
    WatchedDocument(Venue.POLYMARKET, "pages", f"{_DOCS}/llms.txt"),
)
