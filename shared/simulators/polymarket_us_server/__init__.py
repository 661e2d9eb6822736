"""A simulated Polymarket US: the venue's REST and websocket protocol over one exchange.

Written against the types of the official client and the venue's documents; it shares no
code with the adapter that talks to it, so that each can catch the other's mistakes.
Assumptions, where no source says: bodies of refusals are ``{"status", "message"}`` as the
one that is documented; a subscription of market data begins with a whole book; a closing
intent cannot pass the position; a settlement side is LONG, SHORT or NEUTRAL by the payout.
"""

from __future__ import annotations

from shared.simulators.polymarket_us_server.app import create_app

__all__ = ["create_app"]
