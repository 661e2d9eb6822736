"""Serve the built dashboard and a fixture API on loopback, in a thread.

``python -m tests.e2e.support.fixture_server --port 8790`` shows the dashboard with moving
data (code DEMO-1234); the browser tests start it in the same process and change its world.
"""

from __future__ import annotations

import argparse
import asyncio
import mimetypes
import threading
import time
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from shared.contracts.api_v1 import CommandAccepted, HaltRequest, LoginRequest, Problem, SessionView
from tests.e2e.support.fixture_world import World

CODE = "DEMO-1234"
CSRF = "fixture-csrf-token"
COOKIE = "twinleg_session"
BUILD = Path(__file__).resolve().parents[3] / "frontend" / "build"
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def _body(
    model: BaseModel, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        text=model.model_dump_json(),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def _problem(status: int, title: str, detail: str | None = None) -> web.Response:
    problem = Problem(type="about:blank", title=title, status=status, detail=detail)
    return web.Response(
        text=problem.model_dump_json(), status=status, content_type="application/problem+json"
    )


class Api:
    """The routes of /api/v1 over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.requests: list[str] = []
        self.not_modified = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/session", self.login),
            web.get("/api/v1/session", self.session),
            web.delete("/api/v1/session", self.logout),
            web.get("/api/v1/live", self.live),
            web.get("/api/v1/edges/{pair_id}", self.edge),
            web.get("/api/v1/fills", self.fills),
            web.get("/api/v1/packages", self.packages),
            web.get("/api/v1/packages/{package_id}", self.package),
            web.get("/api/v1/pairs", self.pairs),
            web.post("/api/v1/halt", self.halt),
        ]

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if not request.path.startswith("/api/"):
            return await handler(request)
        self.requests.append(f"{request.method} {request.path_qs}")
        if self.world.is_api_down:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)
        is_login = request.path == "/api/v1/session" and request.method == "POST"
        if not is_login and (
            self.world.is_session_ended or request.cookies.get(COOKIE) != "fixture"
        ):
            return _problem(401, "Log in first.")
        if (
            not is_login
            and request.method != "GET"
            and request.headers.get("X-Twinleg-CSRF") != CSRF
        ):
            return _problem(403, "This page is out of date. Reload it and try again.")
        return await handler(request)

    def _session(self) -> SessionView:
        return SessionView(
            actor="operator",
            mode="paper_sim",
            badge=self.world.badge,
            expires_ns=time.time_ns() + 10**15,
            csrf_token=CSRF,
        )

    async def login(self, request: web.Request) -> web.Response:
        asked = LoginRequest.model_validate_json(await request.text())
        if asked.code.upper() != CODE:
            return _problem(401, "That code is not valid, was used, or has expired.")
        self.world.is_session_ended = False
        answer = _body(self._session())
        answer.set_cookie(COOKIE, "fixture", httponly=True, samesite="Strict")
        return answer

    async def session(self, request: web.Request) -> web.Response:
        return _body(self._session())

    async def logout(self, request: web.Request) -> web.Response:
        answer = web.Response(status=204)
        answer.del_cookie(COOKIE)
        return answer

    async def live(self, request: web.Request) -> web.Response:
        etag = f'"{self.world.seq}"'
        if request.headers.get("If-None-Match") == etag:
            self.not_modified += 1
            return web.Response(status=304, headers={"ETag": etag})
        since = request.query.get("since")
        return _body(self.world.live(int(since) if since else None), headers={"ETag": etag})

    async def edge(self, request: web.Request) -> web.Response:
        view = self.world.edge(request.match_info["pair_id"])
        return _body(view) if view else _problem(404, "No edge of this pair was recorded yet.")

    async def fills(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", "50"))
        return _body(self.world.record.fills_page(limit, request.query.get("cursor")))

    async def packages(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", "50"))
        return _body(self.world.record.packages_page(limit, request.query.get("cursor")))

    async def package(self, request: web.Request) -> web.Response:
        view = self.world.record.package(request.match_info["package_id"])
        return _body(view) if view else _problem(404, "There is no such package.")

    async def pairs(self, request: web.Request) -> web.Response:
        return _body(self.world.pairs_page(request.query.get("verdict")))

    async def halt(self, request: web.Request) -> web.Response:
        asked = HaltRequest.model_validate_json(await request.text())
        self.world.ask_halt(asked.scope, asked.note)
        return _body(CommandAccepted(command_id="cmd-1", recorded_ns=time.time_ns()), status=202)


async def _static(request: web.Request) -> web.StreamResponse:
    """Files as they are, every other path the one page."""
    wanted = (BUILD / request.path.lstrip("/")).resolve()
    if not wanted.is_relative_to(BUILD) or not wanted.is_file():
        wanted = BUILD / "index.html"
    kind = mimetypes.guess_type(wanted.name)[0] or "application/octet-stream"
    return web.Response(body=wanted.read_bytes(), content_type=kind, headers=HEADERS)


class FixtureServer:
    """Runs the app in its own thread and event loop; ``url`` is known once started."""

    def __init__(self, world: World, port: int = 0) -> None:
        self.world = world
        self.api = Api(world)
        self.url = ""
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> FixtureServer:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fixture server did not start")
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self.api.guard])
        app.add_routes([*self.api.routes(), web.get("/{path:.*}", _static)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self._ready.set()
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), timeout=1.0)
            except TimeoutError:
                self.world.tick()
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description="Dashboard over a self-moving fixture")
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--pairs", type=int, default=60)
    options = parser.parse_args()
    server = FixtureServer(World(pairs=options.pairs), options.port).start()
    print(f"{server.url}  code {CODE}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
