"""Fills, packages with their timeline, pairs with their findings."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.support.dashboard import Dashboard
from tests.e2e.support.fixture_server import FixtureServer
from tests.e2e.support.fixture_world import World

pytestmark = pytest.mark.browser


def test_fills_show_entry_against_realised_slippage_fee_and_state(dashboard: Dashboard) -> None:
    dashboard.goto("/fills")
    page = dashboard.page
    first = page.locator("table.desk tbody tr").first
    expect(first).to_contain_text("39.20")
    expect(first).to_contain_text("4.91")
    expect(first).to_contain_text("0.20")
    expect(first).to_contain_text(re.compile(r"3\.42.*3\.52"))
    expect(first).to_contain_text("provisional")
    expect(page.locator(".tile", has_text="Fees today")).to_contain_text("$41.20")
    expect(page.locator(".tile", has_text="Mean slippage")).to_contain_text("0.18¢")
    expect(page.locator(".note").first).to_contain_text("since 00:00 UTC")


def test_new_fill_appears_and_provisional_turns_confirmed(
    dashboard: Dashboard, world: World
) -> None:
    dashboard.goto("/fills")
    rows = dashboard.page.locator("table.desk tbody tr")
    expect(rows.first).to_contain_text("CPI")
    world.record.add_fill("fresh-1")
    world.tick()
    fresh = rows.filter(has_text="Fresh pair")
    expect(fresh).to_contain_text("provisional")
    world.record.confirm("fresh-1")
    expect(fresh).to_contain_text("confirmed")


def test_older_fills_come_by_cursor_and_filters_live_in_the_address(
    dashboard: Dashboard, server: FixtureServer
) -> None:
    dashboard.goto("/fills")
    page = dashboard.page
    rows = page.locator("table.desk tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Load older fills").click()
    expect(rows).to_have_count(80)
    assert any("cursor=50" in line for line in server.api.requests)
    page.get_by_label("State", exact=True).select_option("failed")
    expect(rows).to_have_count(1)
    assert "state=failed" in page.url


def test_timeline_opens_from_a_fill_and_steps_by_arrow_keys(dashboard: Dashboard) -> None:
    dashboard.goto("/fills")
    page = dashboard.page
    page.get_by_role("link", name="1041").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Package 1041")
    expect(page.locator(".sums")).to_contain_text("$222.48 for 110 ms")
    expect(page.locator(".chart")).to_contain_text("$222.48 for 110 ms")
    expect(page.locator(".later")).to_contain_text("+18.2 s confirmed on chain")
    expect(page.locator(".waterfall")).to_contain_text("The parts add up to the net")
    expect(page.locator(".sums")).to_contain_text("0, balanced")
    scrubber = page.get_by_role("slider")
    scrubber.press("Home")
    expect(scrubber).to_have_attribute("aria-valuetext", re.compile("minus 12 ms"))
    for _ in range(4):
        scrubber.press("ArrowRight")
    expect(scrubber).to_have_attribute(
        "aria-valuetext", re.compile(r"^Leg 1, plus 61 ms, filled .* unhedged now \$222\.48$")
    )
    expect(page.locator("section.table tr.chosen")).to_contain_text("+61 ms")


def test_unknown_package_is_a_sentence_with_a_way_out(dashboard: Dashboard) -> None:
    dashboard.goto("/packages/none-such")
    expect(dashboard.page.get_by_text("There is no package “none-such”.")).to_be_visible()
    dashboard.page.locator(".notice").get_by_role("link", name="All packages").click()
    expect(dashboard.page.get_by_role("heading", name="Packages")).to_be_visible()


def test_packages_say_their_state_in_words(dashboard: Dashboard) -> None:
    dashboard.goto("/packages")
    rows = dashboard.page.locator("table.desk tbody tr")
    expect(rows.filter(has_text="1042")).to_contain_text("Hedged, provisional")
    expect(rows.filter(has_text="1039")).to_contain_text("Flat after unwind")
    expect(rows.filter(has_text="1039")).to_contain_text("−3.10")


def test_pairs_show_verdict_polarity_and_quoted_findings(dashboard: Dashboard) -> None:
    dashboard.goto("/pairs?verdict=review")
    page = dashboard.page
    page.get_by_role("button", name=re.compile("NYC high")).click()
    article = page.locator("article")
    expect(article).to_contain_text("In review, does not trade")
    expect(article).to_contain_text("Inverse pair: NO here is YES there.")
    expect(article.locator("li.conflict q").first).to_have_text(
        "If not released by 30 November, the last traded price"
    )
    expect(article.locator("li.one_side")).to_contain_text("says nothing")
    assert "pair=nyc-high-60" in page.url


def test_pages_of_later_milestones_are_not_linked(dashboard: Dashboard) -> None:
    names = dashboard.page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert [re.sub(r"[^A-Za-z]", "", name) for name in names] == [
        "Edges",
        "Packages",
        "Fills",
        "Pairs",
        "Health",
    ]
