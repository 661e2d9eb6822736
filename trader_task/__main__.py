"""``python -m trader_task``: the supervisor; with ``--child`` the trader itself.

Exit codes: 0 ended in order, 1 failed, 3 refused to start (configuration or mode).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog
import uvloop

from shared.domain.errors import ConfigError, NotAvailableError
from trader_task.logs import set_up_logs
from trader_task.settings import Settings, load_settings
from trader_task.supervisor import (
    CRASH_LOOP,
    EXIT_REFUSED,
    HANDOVER,
    HOLDER,
    PARENT_PIPE,
    Supervisor,
)

log = structlog.get_logger("main")

THREADS: Final = 32


def main(arguments: list[str] | None = None) -> int:
    """Run as parent or child; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    set_up_logs(os.environ.get("TWINLEG_LOG_LEVEL", "INFO"))
    try:
        settings = load_settings()
    except ConfigError as error:
        print(f"twinleg trader: {error}", file=sys.stderr)
        return EXIT_REFUSED
    if "--child" in given:
        return run_child(settings, os.environ)
    return supervise(settings, os.environ)


def supervise(settings: Settings, environment: Mapping[str, str]) -> int:
    """Start the child and watch it until it ends in order."""
    argv = [sys.executable, "-m", "trader_task", "--child"]
    supervisor = Supervisor(argv, settings.state_dir, environment)
    supervisor.install_signals()
    return supervisor.run()


def run_child(settings: Settings, environment: Mapping[str, str]) -> int:
    """Build and run one trader."""
    # Imported here: the parent needs none of it and must stay small and quick.
    from trader_task.bootstrap import build_trader

    async def run() -> int:
        loop = asyncio.get_running_loop()
        # Wide enough that calls hanging on one dead service never hold up the others, nor
        # the fsync that a hedge waits for.
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="io"))
        trader = await build_trader(
            settings,
            holder=environment.get(HOLDER, f"alone/{os.getpid()}"),
            is_handover=bool(environment.get(HANDOVER)),
            is_crash_loop=bool(environment.get(CRASH_LOOP)),
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, trader.stop)
        loop.add_signal_handler(signal.SIGUSR1, trader.control.pause_by_signal)
        pipe = environment.get(PARENT_PIPE, "")
        if pipe.isdigit():
            # Readable means closed: nobody ever writes, so the parent has died.
            loop.add_reader(int(pipe), _parent_died, trader.stop, int(pipe))
        return await trader.run()

    try:
        return uvloop.run(run())
    except (ConfigError, NotAvailableError) as error:
        print(f"twinleg trader: {error}", file=sys.stderr)
        return EXIT_REFUSED


def _parent_died(stop: object, pipe: int) -> None:
    asyncio.get_running_loop().remove_reader(pipe)
    log.warning("the supervisor is gone")
    assert callable(stop)
    stop()


if __name__ == "__main__":
    raise SystemExit(main())
