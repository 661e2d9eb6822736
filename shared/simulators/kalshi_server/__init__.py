"""A simulated Kalshi: the venue's REST and websocket protocol over one exchange.

Written against the venue's published documents alone; it shares no code with the
adapter that talks to it, so that each can catch the other's mistakes.
"""

from __future__ import annotations

from shared.simulators.kalshi_server.app import create_app

__all__ = ["create_app"]
