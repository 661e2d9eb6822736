"""Browser tests of the dashboard: a built frontend, a fixture API, headless Chromium.

They are skipped, with the reason, where Chromium or ``frontend/build`` is absent. The axe
source comes from ``frontend/node_modules``; pictures go to ``tests/e2e/screenshots``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support.dashboard import Dashboard
from tests.e2e.support.fixture_server import BUILD, FixtureServer
from tests.e2e.support.fixture_world import World

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = Path(__file__).resolve().parent


def chromium_path() -> str | None:
    """Return an installed Chromium: ``TWINLEG_CHROMIUM``, else the usual names on PATH."""
    named = os.environ.get("TWINLEG_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium: install the package `chromium` or set TWINLEG_CHROMIUM")
    if not (BUILD / "index.html").is_file():
        pytest.skip("frontend/build is absent: run `npm ci && npm run build` in frontend/")
    from playwright.sync_api import expect, sync_playwright

    # Generous, for a loaded machine; a passing test never waits for it.
    expect.set_options(timeout=15_000)

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def server(browser: Browser, world: World) -> Iterator[FixtureServer]:
    """The fixture API over ``world``; depends on ``browser`` so that a skip starts nothing."""
    running = FixtureServer(world).start()
    yield running
    running.stop()


@pytest.fixture
def open_dashboard(browser: Browser, server: FixtureServer) -> Iterator[Any]:
    """``open_dashboard(width=…, height=…, theme=…, signed_in=…)`` answers a Dashboard."""
    opened: list[Dashboard] = []

    def make(**options: Any) -> Dashboard:
        dashboard = Dashboard(browser, server, **options)
        opened.append(dashboard)
        return dashboard

    yield make
    for dashboard in opened:
        dashboard.close()


@pytest.fixture
def dashboard(open_dashboard: Any) -> Dashboard:
    """Signed in, on the edges page, at 1440 x 900."""
    opened: Dashboard = open_dashboard()
    opened.goto("/")
    opened.page.wait_for_selector("tr[data-pair]")
    return opened


@pytest.fixture(scope="session")
def screenshots() -> Path:
    folder = HERE / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
