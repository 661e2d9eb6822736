"""What the trader says about itself: health facts, gauges, and where commands find it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from shared.domain.units import NS_PER_MS, NS_PER_S
from trader_task.settings import STATE_FILE, Settings, shared_environment

if TYPE_CHECKING:
    from trader_task.trader import Trader

SILENT_LOOP_NS: Final = 5 * NS_PER_S


def health_facts(trader: Trader, now_mono_ns: int) -> Mapping[str, Any]:
    """Return the facts of ``/healthz``; ``ok`` says that the loop steps."""
    silent_ns = now_mono_ns - trader.last_step_mono_ns
    left_ns = max(0, trader.permission.lease_until_mono_ns - now_mono_ns)
    return {
        "ok": silent_ns < SILENT_LOOP_NS,
        "mode": trader.settings.mode.value,
        "run_id": trader.recovery.run_id,
        "step": trader.recovery.step,
        "is_recovered": trader.recovery.is_finished,
        "seq": trader.ingress.seq,
        "queue_depth": len(trader.ingress),
        "silent_ms": silent_ns // NS_PER_MS,
        "lease_left_ms": left_ns // NS_PER_MS,
        "journal_up": not trader.writer.is_down,
        "is_frozen": trader.permission.is_frozen,
    }


def own_gauges(trader: Trader, now_mono_ns: int) -> Mapping[str, float]:
    """Return the gauges of this process; the kernel's are its own."""
    left_ns = max(0, trader.permission.lease_until_mono_ns - now_mono_ns)
    return {
        "queue_depth": len(trader.ingress),
        "queue_depth_max": trader.ingress.depth_max,
        "queue_collapsed": trader.ingress.collapsed_count,
        "lease_left_seconds": left_ns / NS_PER_S,
        "lease_failures": trader.lease.failures,
        "journal_up": float(not trader.writer.is_down),
        "record_rows_written": trader.writer.rows_written,
        "record_rows_queued": trader.writer.queued_rows,
        "samples_dropped": trader.writer.samples_dropped,
        "orders_sent": trader.orders.sent,
        "orders_refused": trader.orders.refused,
        "orders_unknown": trader.orders.unknown,
        "timers_armed": len(trader.timers),
        "decisions_delivered": trader.decisions.delivered,
        "decisions_dropped": trader.decisions.dropped,
        "commands_accepted": trader.control.accepted,
        "commands_poison": trader.control.poison,
        "snapshots_failed": trader.snapshots.failed,
        "step_failures": trader.loop.failures,
    }


def write_state_file(settings: Settings, port: int) -> None:
    """Tell commands of this host where we are; no secret among it."""
    path = settings.state_dir / STATE_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {**shared_environment(settings), "TWINLEG_METRICS_PORT": str(port)}
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"pid": os.getpid(), "port": port, "env": known}))
    temporary.replace(path)
