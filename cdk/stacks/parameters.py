"""Stack parameters of the one-machine edition; apart, so that reading them needs no CDK."""

from __future__ import annotations

from typing import Final

LOCAL_PARAMETERS: Final = {
    "Dsn": "TWINLEG_DSN",
    "StateDir": "TWINLEG_STATE_DIR",
    "Mode": "TWINLEG_MODE",
    "KalshiUrl": "TWINLEG_KALSHI_URL",
    "KalshiWsUrl": "TWINLEG_KALSHI_WS_URL",
    "PolymarketClobUrl": "TWINLEG_POLYMARKET_CLOB_URL",
    "PolymarketGammaUrl": "TWINLEG_POLYMARKET_GAMMA_URL",
    "PolymarketDataUrl": "TWINLEG_POLYMARKET_DATA_URL",
    "PolymarketWsUrl": "TWINLEG_POLYMARKET_WS_URL",
    "PolymarketUsGatewayUrl": "TWINLEG_POLYMARKET_US_GATEWAY_URL",
    "PolymarketUsApiUrl": "TWINLEG_POLYMARKET_US_API_URL",
    "Jurisdiction": "TWINLEG_JURISDICTION",
}
"""Stack parameter -> environment name; on one machine ports are known only at start."""
