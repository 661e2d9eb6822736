"""One logger and one metrics sink for all functions; configured by their environment.

Events are never logged whole: they carry cookies.
"""

from __future__ import annotations

from typing import Final

from aws_lambda_powertools import Logger, Metrics

logger: Final = Logger()
metrics: Final = Metrics()
