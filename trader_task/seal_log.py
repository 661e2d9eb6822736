"""``python -m trader_task.seal_log FOLDER BUT``: seal the closed raw files of one run.

Prints a JSON line for each sealed segment, or one with ``error`` and exits 1. Run by the
recorder, beside the trader and politely.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.drivers.event_codec import LogError
from shared.drivers.sealing import seal_run


def main(arguments: Sequence[str]) -> int:
    folder, but = Path(arguments[0]), int(arguments[1])
    try:
        for sealed in seal_run(folder, but=None if but < 0 else but):
            row = {"path": str(sealed.path), "damage": sealed.damage, "events": sealed.end.events}
            print(json.dumps(row), flush=True)
    except (LogError, OSError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
