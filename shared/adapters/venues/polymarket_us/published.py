"""What Polymarket US publishes that this adapter relies on.

Only the fee page's address is known to us; which words it must hold is not confirmed, so
none is required of it: a change of the page is all that is told.
"""

from __future__ import annotations

from typing import Final

from shared.domain.enums import Venue
from shared.ports.documents import WatchedDocument

DOCUMENTS: Final = (
    WatchedDocument(Venue.POLYMARKET_US, "fees", "https://docs.polymarket.us/fees"),
)
