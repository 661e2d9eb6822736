"""All fuzz targets by name."""

from __future__ import annotations

from typing import Final

from tests.fuzz import kalshi, polymarket, polymarket_us
from tests.fuzz.seeds import Target

TARGETS: Final[dict[str, Target]] = {
    t.name: t for t in (*kalshi.TARGETS, *polymarket.TARGETS, *polymarket_us.TARGETS)
}
