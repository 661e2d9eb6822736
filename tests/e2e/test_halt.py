"""Halt: what it says before, what it does, and what it says while it is not confirmed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.support.dashboard import Dashboard
from tests.e2e.support.fixture_world import World

pytestmark = pytest.mark.browser


def test_dialog_names_each_open_package_and_its_fate_and_escape_cancels(
    dashboard: Dashboard, world: World
) -> None:
    page = dashboard.page
    halt = page.get_by_role("button", name="Halt…")
    halt.click()
    dialog = page.get_by_role("dialog", name="Halt everything?")
    expect(dialog).to_contain_text("No new packages from now on.")
    expect(dialog).to_contain_text("1 open package goes on")
    expect(dialog).to_contain_text(
        re.compile(r"1042.*\$222\.48 unhedged; it will finish hedging or unwind")
    )
    expect(dialog).to_contain_text("Only you can resume.")
    expect(dialog.get_by_role("button", name="Halt now")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(halt).to_be_focused()
    assert world.halts_asked == []


def test_one_click_and_enter_halt_everything_and_the_page_says_when(
    dashboard: Dashboard, world: World
) -> None:
    page = dashboard.page
    page.get_by_role("button", name="Halt…").click()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text(
        re.compile(r"Halted\.\s*Trader confirmed in \d+ ms")
    )
    assert world.halts_asked == [{"scope": "global", "note": ""}]
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".banner.halted")).to_contain_text("All trading halted since")
    expect(page.locator(".banner.halted")).to_contain_text("twinleg resume global")
    expect(page).to_have_title(re.compile("HALTED"))
    page.get_by_role("link", name="Fills").click()
    expect(page.locator(".banner.halted")).to_be_visible()
    expect(page).to_have_title(re.compile("HALTED"))


def test_one_venue_can_be_halted_with_a_reason(dashboard: Dashboard, world: World) -> None:
    page = dashboard.page
    page.locator("body").press("Shift+H")
    page.get_by_role("radio", name="Kalshi").check(force=True)
    page.get_by_label(re.compile("Reason")).fill("practice")
    page.get_by_role("button", name="Halt now").click()
    expect(page.get_by_role("dialog")).to_contain_text("Halted.")
    assert world.halts_asked == [{"scope": "venue:kalshi", "note": "practice"}]
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".banner.halted")).to_contain_text("Kalshi halted since")


def test_unconfirmed_halt_is_not_called_halted_and_lists_other_ways(
    dashboard: Dashboard, world: World
) -> None:
    page = dashboard.page
    world.confirms_halts = False
    page.get_by_role("button", name="Halt…").click()
    page.get_by_role("button", name="Halt now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Recorded")
    expect(dialog).to_contain_text("Recorded, but the trader has not answered")
    expect(dialog).not_to_contain_text("Halted.")
    for way in ("twinleg halt global", "stop", "USR1", "/halt"):
        expect(dialog.locator(".ways")).to_contain_text(way)
    world.confirms_halts = True
    expect(dialog).to_contain_text("Halted.")
