"""Live edges: figures move, deltas merge, unknown stays unknown, order holds."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.support.dashboard import Dashboard
from tests.e2e.support.fixture_server import FixtureServer
from tests.e2e.support.fixture_world import World

pytestmark = pytest.mark.browser


def test_changed_edge_is_shown_and_only_changes_are_asked_for(
    dashboard: Dashboard, world: World, server: FixtureServer
) -> None:
    expect(dashboard.cell("fed-dec25-cut25", "Net ¢")).to_have_text(re.compile(r"^\+2\.\d\d$"))
    with world.lock:
        world.tick()
        world.set_net("fed-dec25-cut25", 51_230)
        world.tick()
    expect(dashboard.cell("fed-dec25-cut25", "Net ¢")).to_have_text(re.compile(r"^\+5\.\d\d$"))
    asked = [line for line in server.api.requests if "/live" in line]
    assert asked[0] == "GET /api/v1/live"
    assert all("since=" in line for line in asked[1:])


def test_pair_that_left_disappears_and_the_others_stay(dashboard: Dashboard, world: World) -> None:
    expect(dashboard.row("eth-5000-nov")).to_be_visible()
    world.remove("eth-5000-nov")
    expect(dashboard.row("eth-5000-nov")).to_have_count(0)
    expect(dashboard.row("cpi-sep25-30")).to_be_visible()


def test_unchanged_snapshot_is_answered_with_304(
    dashboard: Dashboard, world: World, server: FixtureServer
) -> None:
    world.is_frozen = True
    before = server.api.not_modified
    dashboard.page.wait_for_timeout(2_500)
    assert server.api.not_modified > before


def test_stale_book_shows_unknown_and_a_sentence_and_is_not_best(dashboard: Dashboard) -> None:
    best = dashboard.page.locator(".tile", has_text="Best net edge now")
    expect(best).to_contain_text("+3.42¢")
    dashboard.page.get_by_role("searchbox").fill("shutdown")
    for column in ("Net ¢", "Size", "Profit $", "Hedge"):
        expect(dashboard.cell("shutdown-dec1", column)).to_have_text("?")
    expect(dashboard.cell("shutdown-dec1", "Status")).to_contain_text("Kalshi book")


def test_unpriced_pair_is_unknown_never_zero(dashboard: Dashboard) -> None:
    dashboard.page.get_by_role("searchbox").fill("Starship")
    for column in ("Buy", "Net ¢", "Size", "Profit $", "/yr", "Hedge"):
        expect(dashboard.cell("starship-catch", column)).to_have_text("?")


def test_every_untraded_row_has_a_sentence(dashboard: Dashboard) -> None:
    texts = dashboard.page.locator("tr[data-pair] td:last-child").all_inner_texts()
    assert len(texts) > 10
    assert all(re.search(r"[A-Za-z]{4}", text) for text in texts)


def test_columns_sort_by_click_and_key_and_say_so(dashboard: Dashboard) -> None:
    heads = dashboard.page.locator("thead th")
    expect(heads.filter(has_text="Net ¢")).to_have_attribute("aria-sort", "descending")
    dashboard.page.get_by_role("button", name="Lock").click()
    expect(heads.filter(has_text="Lock")).to_have_attribute("aria-sort", "ascending")
    dashboard.page.get_by_role("button", name="Lock").press("Enter")
    expect(heads.filter(has_text="Lock")).to_have_attribute("aria-sort", "descending")
    assert "sort=lock" in dashboard.page.url


def test_order_holds_under_the_pointer_and_is_released(dashboard: Dashboard, world: World) -> None:
    dashboard.row("cpi-sep25-30").hover()
    with world.lock:
        world.tick()
        world.set_net("eth-5000-nov", 90_000)
        world.tick()
    expect(dashboard.page.locator(".held")).to_contain_text("Order held")
    first = dashboard.page.locator("tr[data-pair]").first
    expect(first).to_have_attribute("data-pair", "cpi-sep25-30")
    dashboard.page.mouse.move(5, 400)
    expect(first).to_have_attribute("data-pair", "eth-5000-nov")


def test_filter_sort_and_selection_survive_a_reload(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.get_by_role("button", name="Near misses").click()
    page.get_by_role("searchbox").fill("sport")
    dashboard.row("wc26-france").click()
    expect(page.get_by_role("complementary")).to_be_visible()
    for part in ("show=near", "q=sport", "pair=wc26-france"):
        assert part in page.url
    page.reload()
    expect(
        page.get_by_role("complementary", name=re.compile("World Cup 26 · France"))
    ).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("sport")
    expect(dashboard.row("cpi-sep25-30")).to_have_count(0)


def test_inspector_breakdown_sums_to_net_to_the_last_digit(dashboard: Dashboard) -> None:
    dashboard.row("cpi-sep25-30").click()
    panel = dashboard.page.get_by_role("complementary")
    expect(panel).to_contain_text("The parts add up to the net")
    cells = panel.locator(".waterfall td.num")
    exact = [Decimal((cell.get_attribute("title") or "").removesuffix("¢")) for cell in cells.all()]
    assert len(exact) >= 6
    assert sum(exact[:-1]) == exact[-1]


def test_inspector_lists_every_gate_and_closes_with_escape(dashboard: Dashboard) -> None:
    dashboard.page.get_by_role("searchbox").fill("shutdown")
    dashboard.row("shutdown-dec1").click()
    panel = dashboard.page.get_by_role("complementary")
    expect(panel).to_contain_text("Kalshi book 4.7 s old, limit 2.0 s.")
    for code in ("BOOK_STALE", "LOCK_LIMIT", "HEDGE_CHANCE_LOW"):
        expect(panel).to_contain_text(code)
    dashboard.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(dashboard.row("shutdown-dec1")).to_be_focused()


def test_keyboard_walks_the_rows_and_opens_one(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.keyboard.press("j")
    expect(dashboard.row("cpi-sep25-30")).to_be_focused()
    page.keyboard.press("j")
    expect(dashboard.row("fed-dec25-cut25")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name=re.compile("Fed"))).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


class TestThousandRows:
    @pytest.fixture
    def world(self) -> World:
        return World(pairs=1_000)

    def test_only_the_rows_in_view_exist_and_the_count_is_told(self, dashboard: Dashboard) -> None:
        rows = dashboard.page.locator("tr[data-pair]")
        assert rows.count() <= 80
        expect(dashboard.page.get_by_role("grid")).to_have_attribute("aria-rowcount", "1001")
        dashboard.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        dashboard.page.wait_for_selector('tr[aria-rowindex="1001"]')
        assert rows.count() <= 80

    def test_delta_is_a_part_of_the_whole(self, world: World) -> None:
        assert len(world.live(None).edges.pair_id) == 1_000
        seen = world.seq
        world.tick()
        delta = world.live(seen)
        assert delta.is_delta
        assert 0 < len(delta.edges.pair_id) < 1_000


def test_times_follow_the_viewer_and_u_shows_utc(open_dashboard: Any) -> None:
    dashboard: Dashboard = open_dashboard(zone="Asia/Tokyo")
    dashboard.goto("/")
    clock = dashboard.page.locator(".clock")
    expect(clock).to_contain_text(re.compile(r"GMT\+9|JST"))
    dashboard.page.wait_for_selector("tr[data-pair]")
    dashboard.page.keyboard.press("u")
    expect(clock).to_contain_text("UTC")
    today = dashboard.page.locator(".today")
    expect(today).to_have_attribute("title", "Booked since 00:00 UTC")
    dashboard.page.keyboard.press("u")
    expect(today).to_have_attribute("title", "Booked since 00:00 UTC (09:00 yours)")


def test_first_steps_tick_themselves_and_stay_dismissed(dashboard: Dashboard) -> None:
    page = dashboard.page
    steps = page.get_by_role("region", name="First steps")
    expect(steps.locator("li.done")).to_have_text([re.compile("See an edge")])
    dashboard.row("cpi-sep25-30").click()
    expect(steps.locator("li.done")).to_have_count(2)
    dashboard.goto("/packages/pkg-1041")
    expect(page.get_by_role("heading", level=1)).to_contain_text("1041")
    dashboard.goto("/")
    expect(steps.locator("li.done")).to_have_count(3)
    page.get_by_role("button", name="Dismiss first steps").click()
    expect(steps).to_have_count(0)
    page.reload()
    page.wait_for_selector("tr[data-pair]")
    expect(steps).to_have_count(0)
