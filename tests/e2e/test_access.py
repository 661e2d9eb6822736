"""Every page, theme and size: axe clean, nothing cut off, policy kept, picture taken."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.support.dashboard import AXE, Dashboard
from tests.e2e.support.fixture_server import BUILD
from tests.e2e.support.fixture_world import World

pytestmark = pytest.mark.browser

ROUTES = {
    "edges": "/",
    "inspector": "/?pair=cpi-sep25-30",
    "stale": "/?pair=shutdown-dec1&q=shutdown",
    "packages": "/packages",
    "package": "/packages/pkg-1041",
    "fills": "/fills",
    "pairs": "/pairs",
    "review": "/pairs?verdict=review&pair=unemp-44-nov",
    "health": "/health",
}
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
JS_AND_CSS_MAX = 80_000


@pytest.fixture
def world() -> World:
    """Small enough that axe need not judge the same kind of row fifty times."""
    return World(pairs=16, packages=8)


def _settle(dashboard: Dashboard) -> None:
    dashboard.page.wait_for_function("() => !document.querySelector('.skeleton')")
    dashboard.page.wait_for_selector(".facts .venue")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is absent: run `npm ci` in frontend/")
@pytest.mark.parametrize(
    ("theme", "size", "rules"),
    [
        ("dark", "desktop", None),
        ("light", "phone", None),
        # The other theme changes colours alone, so only those are judged again.
        ("light", "desktop", ["color-contrast"]),
        ("dark", "phone", ["color-contrast"]),
    ],
)
def test_pages_are_accessible_whole_and_keep_the_policy(
    open_dashboard: Any, screenshots: Path, theme: str, size: str, rules: list[str] | None
) -> None:
    width, height = SIZES[size]
    dashboard: Dashboard = open_dashboard(width=width, height=height, theme=theme)
    for name, path in ROUTES.items():
        dashboard.goto(path)
        _settle(dashboard)
        dashboard.page.screenshot(path=screenshots / f"{name}-{theme}-{size}.png")
        assert dashboard.axe(rules) == [], name
        assert dashboard.overflow() <= 0, name
        assert dashboard.violations() == [], name
        expect(dashboard.page.locator("header .badge")).to_have_text("PAPER")
        assert "PAPER" in dashboard.page.title()
    assert dashboard.errors == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is absent: run `npm ci` in frontend/")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_dialogs_menu_and_login_are_accessible(
    open_dashboard: Any, screenshots: Path, theme: str
) -> None:
    dashboard: Dashboard = open_dashboard(width=390, height=844, theme=theme)
    page = dashboard.page
    dashboard.goto("/")
    _settle(dashboard)
    page.get_by_role("button", name="Halt…").click()
    page.screenshot(path=screenshots / f"halt-{theme}-phone.png")
    assert dashboard.axe() == []
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Display and session").click()
    page.screenshot(path=screenshots / f"menu-{theme}-phone.png")
    assert dashboard.axe() == []
    page.get_by_role("button", name="Keyboard shortcuts").click()
    assert dashboard.axe() == []
    stranger: Dashboard = open_dashboard(width=390, height=844, theme=theme, signed_in=False)
    stranger.goto("/")
    stranger.page.wait_for_url("**/login**")
    stranger.page.get_by_role("button", name="Sign in").click()
    stranger.page.screenshot(path=screenshots / f"login-{theme}-phone.png")
    assert stranger.axe() == []


def test_narrowest_phone_never_scrolls_sideways(open_dashboard: Any) -> None:
    dashboard: Dashboard = open_dashboard(width=320, height=640)
    for path in ROUTES.values():
        dashboard.goto(path)
        _settle(dashboard)
        assert dashboard.overflow() <= 0, path


def test_phone_actions_are_large_enough_for_a_thumb(open_dashboard: Any) -> None:
    dashboard: Dashboard = open_dashboard(width=390, height=844)
    dashboard.goto("/")
    _settle(dashboard)
    page = dashboard.page
    tabs = page.get_by_role("navigation").get_by_role("link").all()
    for target in [page.get_by_role("button", name="Halt…"), *tabs]:
        box = target.bounding_box()
        assert box is not None and box["height"] >= 44 and box["width"] >= 44
    page.locator("button.card").first.click()
    expect(page.get_by_role("complementary")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("complementary")).to_be_hidden()


def test_halt_by_keyboard_alone_with_visible_focus(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip().startswith("Halt"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Halt now")).to_be_focused()


def test_first_route_stays_inside_its_budget() -> None:
    """JS and CSS that the edges page loads, gzipped: shell, layout, page and what they import."""
    app = BUILD / "_app" / "immutable"
    if not app.is_dir():
        pytest.skip("frontend/build is absent: run `npm ci && npm run build` in frontend/")
    entry = (BUILD / "index.html").read_text(encoding="utf-8")
    wanted = set(re.findall(r"/_app/immutable/([\w./-]+\.(?:js|css))", entry))
    entry_app = next(app.glob("entry/app.*.js")).read_text(encoding="utf-8")
    nodes = sorted(app.glob("nodes/*.js"), key=lambda path: int(path.name.split(".")[0]))
    wanted |= {f"nodes/{nodes[number].name}" for number in (0, 2, 3)}
    depend = re.findall(
        r'"_app/immutable/([\w./-]+)"', "".join(re.findall(r"\[[^\]]*\]", entry_app))
    )
    styles = {name for name in depend if name.endswith(".css")}
    todo = list(wanted)
    while todo:
        path = app / todo.pop()
        if path.suffix != ".js":
            continue
        for name in re.findall(
            r'(?:from|import)\s*"\.{1,2}/([\w./-]+\.js)"', path.read_text(encoding="utf-8")
        ):
            found = name if "/" in name else f"{path.parent.name}/{name}"
            if found not in wanted:
                wanted.add(found)
                todo.append(found)
    size = sum(len(gzip.compress((app / name).read_bytes(), 9)) for name in wanted | styles)
    assert 40_000 < size <= JS_AND_CSS_MAX
