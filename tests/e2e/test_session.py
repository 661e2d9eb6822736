"""Signing in, and a session that ends while the page is open."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.support.dashboard import Dashboard
from tests.e2e.support.fixture_server import FixtureServer
from tests.e2e.support.fixture_world import World

pytestmark = pytest.mark.browser


def test_wrong_code_is_refused_in_words_and_the_right_one_leads_back(open_dashboard: Any) -> None:
    dashboard: Dashboard = open_dashboard(signed_in=False)
    dashboard.goto("/fills?venue=kalshi")
    dashboard.page.wait_for_url("**/login?next=*")
    dashboard.login("WRONG")
    expect(dashboard.page.get_by_role("alert")).to_contain_text("That code is not valid")
    dashboard.login()
    dashboard.page.wait_for_url("**/fills?venue=kalshi")
    expect(dashboard.page.get_by_role("heading", name="Fills")).to_be_visible()


@pytest.mark.parametrize("target", ["//example.org", "https://example.org", "/\\example.org"])
def test_a_link_cannot_send_people_to_another_site(open_dashboard: Any, target: str) -> None:
    dashboard: Dashboard = open_dashboard(signed_in=False)
    dashboard.goto(f"/login?next={target}")
    dashboard.login()
    dashboard.page.wait_for_selector("tr[data-pair]")
    assert dashboard.page.url.rstrip("/") == dashboard.server.url


def test_expired_session_asks_in_place_and_replays_nothing(
    dashboard: Dashboard, world: World, server: FixtureServer
) -> None:
    dashboard.page.get_by_role("searchbox").fill("cpi")
    world.is_session_ended = True
    dialog = dashboard.page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    server.api.requests.clear()
    dashboard.login()
    expect(dialog).to_be_hidden()
    expect(dashboard.page.get_by_role("searchbox")).to_have_value("cpi")
    assert not [
        line for line in server.api.requests if line.startswith("POST") and "session" not in line
    ]


def test_signing_out_leads_to_the_login_page(dashboard: Dashboard) -> None:
    dashboard.page.get_by_role("button", name="Display and session").click()
    dashboard.page.get_by_role("button", name="Sign out").click()
    dashboard.page.wait_for_url("**/login**")
