"""Talking to what runs: the trader's local server, and the stores behind it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from trader_task.commands.answers import Failed
from trader_task.settings import STATE_FILE, default_state_dir, with_running_trader

if TYPE_CHECKING:
    from trader_task.command_stores import CommandStores

TIMEOUT_S: Final = 5.0


def environment() -> dict[str, str]:
    """Return this shell's environment, completed by what the running trader left behind."""
    return with_running_trader(os.environ)


def trader_port() -> int:
    """Return the port of the trader's local server. Raises Failed when none is known."""
    path = default_state_dir(os.environ) / STATE_FILE
    try:
        return int(json.loads(path.read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Failed("no trader has run here; start with `twinleg up`") from None


def fetch_snapshot() -> dict[str, Any]:
    """Return the trader's last live snapshot. Raises Failed when it does not answer."""
    url = f"http://127.0.0.1:{trader_port()}/snapshot"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            snapshot: dict[str, Any] = json.load(answer)
            return snapshot
    except urllib.error.HTTPError as error:
        error.close()
        raise Failed("the trader is starting; ask again in a few seconds") from None
    except (OSError, ValueError) as error:
        raise Failed(f"the trader does not answer ({error}); start with `twinleg up`") from None


def prepared_environment() -> dict[str, str]:
    """Return ``environment()`` after giving this process what its AWS clients need of it."""
    env = environment()
    for name, value in env.items():
        if name.startswith(("TWINLEG_", "AWS_")):
            os.environ.setdefault(name, value)
    if os.environ.get("AWS_ENDPOINT_URL"):
        # The embedded cloud wants keys, any keys; real ones never go to a local endpoint.
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
    return env


def open_stores() -> CommandStores:
    """Return the stores that commands use. Raises ConfigError when they are not known."""
    from trader_task import bootstrap_commands

    prepared_environment()
    return bootstrap_commands.open_command_stores(os.environ)
