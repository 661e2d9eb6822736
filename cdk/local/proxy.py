"""The front proxy: one loopback address for the dashboard and, below /api, the deployed API.

It stands where CloudFront stands on AWS: static build with fallback to ``index.html``,
``/api`` passed on unchanged, security headers on everything. It adds one check that only
matters on one machine: a request whose Host is not the loopback address itself is refused,
so that no web page can reach the API by pointing its own name at 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

BODY_MAX_BYTES: Final = 64 * 1024
UPSTREAM_TIMEOUT_S: Final = 20
_HOP_BY_HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("trailer", "transfer-encoding", "upgrade", "host", "content-length"),
        *("content-encoding", "date", "server"),
    }
)
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "twinleg",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_POLICY_ALWAYS: Final = (
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
)
# For a page that brings no policy of its own; scripts and styles from our files alone.
_POLICY_STRICT: Final = f"default-src 'self'; connect-src 'self'; {_POLICY_ALWAYS}"
_IMMUTABLE: Final = "/_app/immutable/"

log = logging.getLogger("front_proxy")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FrontProxy:
    """Serves ``build`` and maps ``/api`` to the HTTP API ``api_id`` behind ``aws``."""

    def __init__(self, build: Path, aws: str, api_id: str, port: int) -> None:
        self._build = build.resolve()
        self._aws = aws.rstrip("/")
        self._api_host = f"{api_id}.execute-api.localhost"
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._session: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=BODY_MAX_BYTES)
        app.cleanup_ctx.append(self._client)
        app.router.add_route("*", "/api/{path:.*}", self._forward)
        app.router.add_get("/{path:.*}", self._static)
        return app

    async def _client(self, _app: web.Application):  # type: ignore[no-untyped-def]
        timeout = aiohttp.ClientTimeout(total=UPSTREAM_TIMEOUT_S, connect=2)
        self._session = aiohttp.ClientSession(
            timeout=timeout, auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar()
        )
        yield
        await self._session.close()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Host", "") not in self._hosts:
            response: web.StreamResponse = problem(421, "This address is not served here.")
        else:
            try:
                response = await handler(request)
            except web.HTTPRequestEntityTooLarge:
                response = problem(413, "The request is too large.")
            except web.HTTPException as error:
                response = problem(error.status, error.reason)
        for name, value in _SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", _POLICY_ALWAYS)
        return response

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None, "the client lives as long as the application"
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        headers["Host"] = self._api_host
        headers["X-Forwarded-For"] = request.remote or "127.0.0.1"
        headers["X-Forwarded-Proto"] = "http"
        body = await request.read()
        try:
            async with self._session.request(
                request.method,
                URL(self._aws + request.raw_path, encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
            ) as upstream:
                answer = web.Response(status=upstream.status, body=await upstream.read())
                for name, value in upstream.headers.items():
                    if name.lower() not in _HOP_BY_HOP:
                        answer.headers.add(name, value)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("api unreachable: %s", type(error).__name__)
            return problem(502, "The API does not answer.")
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    async def _static(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request.path)
        if found is None:
            return problem(404, "There is no such file.")
        response = web.FileResponse(found)
        if request.path.startswith(_IMMUTABLE):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            response.headers["Cache-Control"] = "no-cache"
        if found.suffix == ".html":
            response.headers["Content-Security-Policy"] = page_policy(found)
        return response

    def _find(self, path: str) -> Path | None:
        """Return the file for a path: itself, or the page for anything that is no file.

        A missing file with an extension is a 404, not the page: a browser that asks for an
        old script must not be given HTML.
        """
        wanted = (self._build / path.lstrip("/")).resolve()
        if wanted.is_file() and wanted.is_relative_to(self._build):
            return wanted
        if path.startswith("/_app/") or Path(path).suffix in (".js", ".css", ".woff2", ".map"):
            return None
        return self._build / "index.html"


def page_policy(page: Path) -> str:
    """Return the policy header of a page: its own policy stands in a meta tag, if it has one."""
    has_own = b"content-security-policy" in page.read_bytes()[:8192].lower()
    return _POLICY_ALWAYS if has_own else _POLICY_STRICT


def problem(status: int, title: str) -> web.Response:
    """Return an RFC 9457 body as the API itself answers."""
    return web.Response(
        status=status,
        text=json.dumps({"type": "about:blank", "title": title, "status": status}),
        content_type="application/problem+json",
    )


def main() -> None:
    """Serve until SIGTERM; prints one JSON line when it listens."""
    parser = argparse.ArgumentParser(prog="cdk.local.proxy")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--aws", required=True, help="endpoint of the embedded AWS")
    parser.add_argument("--api-id", required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    proxy = FrontProxy(options.build, options.aws, options.api_id, options.port)

    def announce(_line: str) -> None:
        print(json.dumps({"proxy": f"http://127.0.0.1:{options.port}"}), flush=True)

    web.run_app(
        proxy.application(),
        host="127.0.0.1",
        port=options.port,
        print=announce,
        access_log=None,
        shutdown_timeout=2,
    )


if __name__ == "__main__":
    main()
