"""Structured logs: one JSON object a line, to stderr and optionally a rotating file.

Values under names that sound secret are masked whatever they hold (I-27).
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

import structlog

_SECRET_PARTS: Final = ("secret", "password", "private", "passphrase", "api_key", "signature")
_NAMES_ONLY: Final = frozenset({"secret_name"})
FILE_BYTES: Final = 20_000_000
FILES: Final = 5


def mask_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace the values of secret-sounding keys."""
    for key in event:
        lowered = key.lower()
        if key not in _NAMES_ONLY and any(part in lowered for part in _SECRET_PARTS):
            event[key] = "***"
    return event


def set_up_logs(level: str = "INFO", file: Path | None = None) -> None:
    """Send structlog and the standard library's logs to stderr (and ``file``) as JSON."""
    shared_steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared_steps,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(
            logging.handlers.RotatingFileHandler(file, maxBytes=FILE_BYTES, backupCount=FILES)
        )
    root = logging.getLogger()
    root.handlers.clear()
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(level.upper())
    # Chatty libraries say on INFO what our own events say better.
    for name in ("httpx", "httpcore", "websockets", "botocore", "urllib3", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
