"""The life of a trade between match and finality, drawn from (seed, trade id).

MATCHED -> MINED -> CONFIRMED, or MATCHED -> RETRYING -> CONFIRMED | FAILED.
The whole schedule is known at the match, so that a restart continues it unchanged.
"""

from __future__ import annotations

from shared.exchange.orders import TradeStatus
from shared.exchange.seeded import draw_between, draw_hit, stream_key
from shared.exchange.venue_rules import FinalitySettings


def plan_finality(
    settings: FinalitySettings, seed: int, trade_id: str, matched_ns: int
) -> tuple[tuple[int, TradeStatus], ...]:
    """Return the later statuses of a trade with their times, the last one final.

    The conditions are the settings' ones; times strictly increase.
    """
    key = stream_key(seed, f"finality/{trade_id}")
    mined = matched_ns + draw_between(key, 0, settings.mined_min_ns, settings.mined_max_ns)
    end = matched_ns + draw_between(key, 1, settings.confirmed_min_ns, settings.confirmed_max_ns)
    end = max(end, mined + 1)
    if draw_hit(key, 2, settings.failed_ppm):
        stages = ((mined, TradeStatus.RETRYING), (end, TradeStatus.FAILED))
    elif draw_hit(key, 3, settings.retry_ppm):
        late = end + settings.retry_extra_ns
        stages = ((mined, TradeStatus.RETRYING), (late, TradeStatus.CONFIRMED))
    else:
        stages = ((mined, TradeStatus.MINED), (end, TradeStatus.CONFIRMED))
    assert stages[0][0] < stages[1][0] and stages[-1][1].is_final
    return stages
