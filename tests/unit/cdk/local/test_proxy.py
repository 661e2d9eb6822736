"""The front proxy over a fake API: routing, fallback, headers, refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port
from yarl import URL

from cdk.local.proxy import FrontProxy

PAGE = '<html><meta http-equiv="Content-Security-Policy" content="x"></html>'


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "build" / "_app" / "immutable").mkdir(parents=True)
    (tmp_path / "build" / "index.html").write_text(PAGE)
    (tmp_path / "build" / "_app" / "immutable" / "a.js").write_text("1")
    (tmp_path / "secret.txt").write_text("outside")
    return tmp_path / "build"


async def _api(request: web.Request) -> web.Response:
    response = web.json_response(
        {
            "host": request.headers["Host"],
            "path": request.raw_path,
            "method": request.method,
            "body": (await request.read()).decode(),
            "tag": request.headers.get("If-None-Match"),
        }
    )
    response.headers.add("Set-Cookie", "a=1; HttpOnly")
    response.headers.add("Set-Cookie", "b=2; HttpOnly")
    return response


@pytest.fixture
async def client(build: Path) -> AsyncIterator[TestClient]:
    api = web.Application()
    api.router.add_route("*", "/{path:.*}", _api)
    upstream = TestServer(api)
    await upstream.start_server()
    port = unused_port()
    proxy = FrontProxy(build, str(upstream.make_url("/")), "abcd1234", port)
    async with TestClient(TestServer(proxy.application(), port=port)) as made:
        yield made
    await upstream.close()


async def test_api_is_passed_on_unchanged(client: TestClient) -> None:
    answer = await client.post(
        URL("/api/v1/halt?x=1%2F2", encoded=True), data="{}", headers={"If-None-Match": '"7"'}
    )
    seen = await answer.json()
    assert seen["host"] == "abcd1234.execute-api.localhost"
    assert seen["path"] == "/api/v1/halt?x=1%2F2"
    assert (seen["method"], seen["body"], seen["tag"]) == ("POST", "{}", '"7"')
    assert answer.headers.getall("Set-Cookie") == ["a=1; HttpOnly", "b=2; HttpOnly"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/fills", "/packages/abc", "/deep/route/x"])
async def test_any_other_path_is_the_page(client: TestClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status == 200
    assert await answer.text() == PAGE
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "unsafe-inline" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_hashed_files_are_cached_and_missing_ones_are_404(client: TestClient) -> None:
    answer = await client.get("/_app/immutable/a.js")
    assert "immutable" in answer.headers["Cache-Control"]
    assert (await client.get("/_app/immutable/old.js")).status == 404
    assert (await client.get("/favicon.js")).status == 404


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt"])
async def test_nothing_outside_the_build_is_served(client: TestClient, path: str) -> None:
    answer = await client.get(path)
    assert "outside" not in await answer.text()


async def test_a_foreign_host_name_is_refused(client: TestClient) -> None:
    answer = await client.get("/api/v1/live", headers={"Host": "evil.example:80"})
    assert answer.status == 421
    assert answer.content_type == "application/problem+json"


async def test_too_large_a_body_is_refused(client: TestClient) -> None:
    answer = await client.post("/api/v1/halt", data=b"x" * 100_000)
    assert answer.status == 413


async def test_a_silent_api_is_a_problem_not_a_traceback(build: Path) -> None:
    port = unused_port()
    proxy = FrontProxy(build, f"http://127.0.0.1:{unused_port()}", "abcd1234", port)
    async with TestClient(TestServer(proxy.application(), port=port)) as client:
        answer = await client.get("/api/v1/live")
        assert answer.status == 502
        assert (await answer.json())["title"] == "The API does not answer."


async def test_page_without_own_policy_gets_the_strict_one(client: TestClient, build: Path) -> None:
    (build / "index.html").write_text("<html></html>")
    policy = (await client.get("/")).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
