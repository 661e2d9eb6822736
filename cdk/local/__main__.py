"""``python -m cdk.local up|down|status``: the one-machine edition from the command line.

stdout carries the answer only (address and one-time code, or the status); progress goes to
stderr. Exit codes: 0 done, 1 a failure said in words, 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

from cdk.local.edition import Edition
from cdk.local.layout import EditionError, find_layout
from cdk.local.options import MODES, VENUES, Options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cdk.local", description="Twinleg on one machine")
    parser.add_argument("--state", help="state folder (TWINLEG_STATE_DIR, else .twinleg)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="start everything")
    up.add_argument("--mode", choices=MODES, default="paper")
    up.add_argument("--venues", choices=VENUES, default="sim")
    up.add_argument("--recordings", type=Path, help="folder with recorded books")
    up.add_argument(
        "--speed", type=float, default=1.0, help="of recordings: 60 = a minute a second"
    )
    up.add_argument("--seed", type=int, default=1, help="of the generated markets")
    up.add_argument(
        "--jurisdiction",
        default=os.environ.get("TWINLEG_JURISDICTION", ""),
        help="country of the operator (TWINLEG_JURISDICTION); US trades Polymarket US",
    )
    for name in ("proxy", "aws", "kalshi", "polymarket", "metrics"):
        up.add_argument(f"--{name}-port", type=int)
    verbs.add_parser("down", help="stop everything, keep the state")
    status = verbs.add_parser("status", help="what runs")
    status.add_argument("--json", action="store_true")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _up(edition: Edition, arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    ports = {
        name: getattr(arguments, f"{name}_port")
        for name in ("proxy", "aws", "kalshi", "polymarket", "metrics")
        if getattr(arguments, f"{name}_port") is not None
    }
    address, code = edition.up(
        Options(
            mode=arguments.mode,
            venues=arguments.venues,
            recordings=arguments.recordings,
            speed=arguments.speed,
            seed=arguments.seed,
            jurisdiction=arguments.jurisdiction,
            ports=ports,
        )
    )
    _say(f"Ready in {time.monotonic() - began:.0f} s")
    print(address)
    print(f"One-time code {code}, valid 10 min")
    return 0


def _down(edition: Edition) -> int:
    if not edition.layout.run_file.exists():
        _say("nothing runs")
        return 0
    killed = edition.down()
    if killed:
        _say(f"had to be killed: {', '.join(killed)}")
    return 1 if killed else 0


def _status(edition: Edition, arguments: argparse.Namespace) -> int:
    status = edition.status()
    if arguments.json:
        print(json.dumps(status))
    elif not status["processes"]:
        print("nothing runs; start it with `make up`")
    else:
        for row in status["processes"]:
            state = "up" if row["alive"] else "ended"
            print(f"{row['name']:<12} {state:<6} pid {row['pid']:<8} port {row['port'] or '-'}")
        print(status["address"] or "not everything runs: `make up` starts what is missing")
    return 0 if status["running"] else 1


def main() -> int:
    """Run one verb; an EditionError becomes its sentence and exit code 1."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    edition = Edition(find_layout(arguments.state), _say)
    try:
        if arguments.verb == "up":
            return _up(edition, arguments)
        if arguments.verb == "down":
            return _down(edition)
        return _status(edition, arguments)
    except EditionError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("interrupted; what was started has been stopped again")
        return 1


if __name__ == "__main__":
    sys.exit(main())
