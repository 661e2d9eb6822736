"""The life of a trade between match and finality, drawn from (seed, trade id).

MATCHED -> MINED -> CONFIRMED, or MATCHED -> RETRYING -> CONFIRMED | FAILED.
The whole schedule is known at the match, so that a restart continues it unchanged; a
fault writes its choice into the trade's ``fate``.
"""

from __future__ import annotations

from itertools import pairwise

from shared.domain.units import NS_PER_MS
from shared.exchange.orders import TradeStatus
from shared.exchange.seeded import draw_between, draw_hit, stream_key
from shared.exchange.venue_rules import FinalitySettings

_Stages = tuple[tuple[int, TradeStatus], ...]


def plan_finality(
    settings: FinalitySettings, seed: int, trade_id: str, matched_ns: int, fate: str = ""
) -> _Stages:
    """Return the later statuses of a trade with their times, the last one final.

    The conditions are the settings' ones, but for a ``fate``: ``fail``, ``ghost`` (decided
    when it would confirm), ``retry:ms``, ``no_tx:ms``, ``settle_lag:ms``, ``reorg:failed``
    or ``reorg:confirmed``. Times strictly increase.
    """
    key = stream_key(seed, f"finality/{trade_id}")
    mined = matched_ns + draw_between(key, 0, settings.mined_min_ns, settings.mined_max_ns)
    end = matched_ns + draw_between(key, 1, settings.confirmed_min_ns, settings.confirmed_max_ns)
    end = max(end, mined + 1)
    if fate:
        stages = _fated(fate, matched_ns, mined, end)
    elif draw_hit(key, 2, settings.failed_ppm):
        stages = ((mined, TradeStatus.RETRYING), (end, TradeStatus.FAILED))
    elif draw_hit(key, 3, settings.retry_ppm):
        late = end + settings.retry_extra_ns
        stages = ((mined, TradeStatus.RETRYING), (late, TradeStatus.CONFIRMED))
    else:
        stages = ((mined, TradeStatus.MINED), (end, TradeStatus.CONFIRMED))
    assert stages[-1][1].is_final
    assert all(a[0] < b[0] for a, b in pairwise(stages))
    return stages


def _fated(fate: str, matched: int, mined: int, end: int) -> _Stages:
    name, _, detail = fate.partition(":")
    if name in ("retry", "no_tx", "settle_lag"):
        late = matched + int(detail) * NS_PER_MS
        if name == "no_tx":
            return ((max(late, matched + 1), TradeStatus.FAILED),)
        first = TradeStatus.RETRYING if name == "retry" else TradeStatus.MINED
        return ((mined, first), (max(late, mined + 1), TradeStatus.CONFIRMED))
    if name == "reorg":
        last = TradeStatus.CONFIRMED if detail == "confirmed" else TradeStatus.FAILED
        undone = end + (end - mined)
        return ((mined, TradeStatus.MINED), (end, TradeStatus.RETRYING), (undone, last))
    if name == "ghost":
        return ((mined, TradeStatus.MINED), (end, TradeStatus.CONFIRMED))
    assert name == "fail", fate
    return ((mined, TradeStatus.RETRYING), (end, TradeStatus.FAILED))
