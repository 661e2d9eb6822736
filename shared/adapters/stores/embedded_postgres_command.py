"""The foreground command around ``EmbeddedPostgres``: arguments, signals, one JSON line."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from shared.adapters.stores.embedded_postgres import EmbeddedPostgres
from shared.domain.errors import StoreError


class _StopRequested(Exception):
    """SIGTERM or SIGINT arrived."""


def run(arguments: list[str] | None = None) -> int:
    """Start, say the dsn, wait. Returns 0 when asked to stop, 1 when the server failed."""
    parser = argparse.ArgumentParser(prog="embedded_postgres", description="Embedded Postgres")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data")
    options = parser.parse_args(arguments)
    server = EmbeddedPostgres(options.data)

    def request_stop(_number: int, _frame: FrameType | None) -> None:
        # Once: a second signal while stopping must not interrupt the wait.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise _StopRequested

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    try:
        dsn = server.start()
        print(json.dumps({"dsn": dsn, "pid": server.pid}), flush=True)
        code = server.wait()
        print(f"Postgres ended by itself ({code}): {server.log_tail()}", file=sys.stderr)
        server.stop()
        return 1
    except _StopRequested:
        server.stop()
        return 0
    except (StoreError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        server.stop()
        return 1
