"""What the page says when the trader, the API, a venue or the machine itself stops."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.support.dashboard import Dashboard
from tests.e2e.support.fixture_world import World

pytestmark = pytest.mark.browser


def test_silent_trader_is_named_values_dim_then_are_unknown(
    dashboard: Dashboard, world: World
) -> None:
    page = dashboard.page
    world.is_frozen = True
    expect(page.get_by_role("status").filter(has_text="The trader is")).to_be_visible()
    expect(page.locator("tr[data-pair].late").first).to_be_visible()
    unhedged = page.locator(".tile", has_text="Unhedged now")
    expect(unhedged).to_contain_text("?")
    expect(page.locator("tr[data-pair].stale").first).to_be_visible()
    expect(page.locator(".tile", has_text="Best net edge")).to_contain_text("?")
    banner = page.get_by_role("alert").filter(has_text="Trader silent for")
    expect(banner).to_contain_text("unhedged $222.48 when last heard. Last lease #7.")
    world.is_frozen = False
    expect(banner).to_be_hidden()
    expect(unhedged).to_contain_text("$222.48")


def test_no_api_shows_a_banner_keeps_as_of_and_halt_stays(
    dashboard: Dashboard, world: World
) -> None:
    page = dashboard.page
    world.is_api_down = True
    banner = page.get_by_role("alert").filter(has_text="No contact with the API since")
    expect(banner).to_be_visible()
    expect(banner).to_contain_text("The trader may still be trading")
    expect(page.locator(".held")).to_contain_text("as of")
    halt = page.get_by_role("button", name="Halt…")
    expect(halt).to_be_enabled()
    halt.click()
    page.get_by_role("button", name="Halt now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Not halted.")
    expect(dialog.locator(".ways li")).to_have_count(4)
    dialog.get_by_role("button", name="Close").click()
    world.is_api_down = False
    expect(banner).to_be_hidden()


def test_after_sleep_values_are_veiled_until_a_fresh_snapshot(
    dashboard: Dashboard, world: World
) -> None:
    page = dashboard.page
    world.is_api_down = True
    page.evaluate("window.__skew = 600000")
    expect(page.locator("main.veiled")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="was asleep")).to_be_visible()
    world.is_api_down = False
    expect(page.locator("main.veiled")).to_have_count(0)


def test_venue_that_is_stale_is_said_in_words(dashboard: Dashboard, world: World) -> None:
    page = dashboard.page
    world.venue_states["kalshi"] = "stale"
    world.frame_age_ms["kalshi"] = 4_700
    expect(page.locator(".facts")).to_contain_text(re.compile(r"KalshiK?\s*stale\s*4\.7 s"))
    page.get_by_role("link", name=re.compile("1 to look at")).click()
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
    expect(page.locator(".look")).to_contain_text("Kalshi is stale")
    expect(page.locator(".hops")).to_contain_text("4.7 s, stale")


def test_unknown_figures_are_question_marks(dashboard: Dashboard, world: World) -> None:
    world.frame_age_ms["polymarket"] = None
    world.cash_free = None
    dashboard.goto("/health")
    kalshi = dashboard.page.locator("section.table tbody tr", has_text="Kalshi")
    expect(kalshi.locator("td").nth(5)).to_have_text("?")
    expect(dashboard.page.locator(".facts").first).to_contain_text(
        re.compile(r"PolymarketP?\s*stale\s*\? s")
    )


def test_pausing_holds_the_rows_and_goes_on(dashboard: Dashboard, world: World) -> None:
    page = dashboard.page
    page.keyboard.press(".")
    before = dashboard.cell("fed-dec25-cut25", "Net ¢").inner_text()
    with world.lock:
        world.tick()
        world.set_net("fed-dec25-cut25", 55_000)
        world.tick()
    page.wait_for_timeout(1_500)
    expect(dashboard.cell("fed-dec25-cut25", "Net ¢")).to_have_text(before)
    page.get_by_role("button", name="Paused, go on").click()
    expect(dashboard.cell("fed-dec25-cut25", "Net ¢")).to_have_text(re.compile(r"^\+5\."))
