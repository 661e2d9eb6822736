"""The trader's own small web server on loopback: health, metrics, snapshot.

``/healthz`` answers 200 while the loop steps and 503 when it does not; ``/metrics`` is for
Prometheus; ``/snapshot`` is the last whole live snapshot, which the commands ``status``,
``edges`` and ``why`` read. Nothing here changes anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from trader_task.metrics import Metrics

HOST = "127.0.0.1"


class HealthServer:
    """Serves until ``stop``. ``describe`` returns the health facts; key ``ok`` decides."""

    def __init__(
        self,
        metrics: Metrics,
        describe: Callable[[], Mapping[str, Any]],
        snapshot: Callable[[], bytes | None],
    ) -> None:
        self._metrics = metrics
        self._describe = describe
        self._snapshot = snapshot
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int) -> int:
        """Listen on ``port`` (0: any free one); returns the port.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._get_metrics)
        app.router.add_get("/snapshot", self._get_snapshot)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        addresses = self._runner.addresses
        assert addresses, "a started site has an address"
        self.port = int(addresses[0][1])
        return self.port

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        facts = dict(self._describe())
        return web.json_response(facts, status=200 if facts.get("ok") else 503)

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    async def _get_snapshot(self, _request: web.Request) -> web.Response:
        blob = self._snapshot()
        if blob is None:
            text = json.dumps({"error": "no snapshot yet"})
            return web.Response(text=text, status=503, content_type="application/json")
        return web.Response(body=blob, content_type="application/json")
