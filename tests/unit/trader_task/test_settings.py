"""F-093: swapped settings are refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.adapters.venues.kalshi.capabilities import choose_endpoints
from shared.adapters.venues.polymarket.access import PRODUCTION
from shared.domain.enums import FillsMode, RunMode, Venue, VenueSet
from shared.domain.errors import ConfigError
from trader_task.settings import (
    STATE_FILE,
    load_settings,
    shared_environment,
    with_own_hosts,
    with_running_trader,
)

SIM = {
    "TWINLEG_MODE": "paper_sim",
    "TWINLEG_DSN": "postgresql://postgres@/postgres?host=/tmp/x",
    "TWINLEG_KALSHI_URL": "http://127.0.0.1:8702",
    "TWINLEG_KALSHI_WS_URL": "ws://127.0.0.1:8702/trade-api/ws/v2",
    "TWINLEG_POLYMARKET_CLOB_URL": "http://127.0.0.1:8703",
    "TWINLEG_POLYMARKET_GAMMA_URL": "http://127.0.0.1:8703/gamma",
    "TWINLEG_POLYMARKET_DATA_URL": "http://127.0.0.1:8703/data-api",
    "TWINLEG_POLYMARKET_WS_URL": "ws://127.0.0.1:8703/ws",
}


def test_simulator_settings() -> None:
    settings = load_settings(SIM)
    assert settings.mode is RunMode.PAPER_SIM
    assert (settings.fills, settings.venues) == (FillsMode.PAPER, VenueSet.SIM)


@pytest.mark.parametrize("missing", sorted(SIM))
def test_a_missing_name_is_one_line(missing: str) -> None:
    with pytest.raises(ConfigError, match=missing) as raised:
        load_settings({k: v for k, v in SIM.items() if k != missing})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWINLEG_KALSHI_URL", "https://external-api.kalshi.com"),
        ("TWINLEG_KALSHI_URL", "https://demo-api.kalshi.co"),
        ("TWINLEG_POLYMARKET_CLOB_URL", "https://clob.polymarket.com"),
        ("TWINLEG_POLYMARKET_CLOB_URL", "http://127.0.0.1.evil.example"),
        ("TWINLEG_KALSHI_URL", "file:///etc/passwd"),
        ("TWINLEG_MODE", "paper_live"),
        ("TWINLEG_MODE", "venue_live"),
        ("TWINLEG_MODE", "paper"),
        ("TWINLEG_METRICS_PORT", "eighty"),
        ("TWINLEG_METRICS_PORT", "70000"),
    ],
)
def test_f093_mode_and_hosts_must_agree(name: str, value: str) -> None:
    with pytest.raises(ConfigError):
        load_settings({**SIM, name: value})


def test_real_money_is_refused_on_the_one_machine_edition() -> None:
    live = {
        **SIM,
        "TWINLEG_MODE": "venue_live",
        "TWINLEG_KALSHI_URL": "https://external-api.kalshi.com",
        "TWINLEG_KALSHI_WS_URL": "wss://external-api-ws.kalshi.com/trade-api/ws/v2",
        "TWINLEG_POLYMARKET_CLOB_URL": "https://clob.polymarket.com",
        "TWINLEG_POLYMARKET_GAMMA_URL": "https://gamma-api.polymarket.com",
        "TWINLEG_POLYMARKET_DATA_URL": "https://data-api.polymarket.com",
        "TWINLEG_POLYMARKET_WS_URL": "wss://ws-subscriptions-clob.polymarket.com/ws",
    }
    with pytest.raises(ConfigError, match="real money"):
        load_settings(live)
    with pytest.raises(ConfigError, match="encrypted"):
        load_settings(
            {
                **live,
                "TWINLEG_STAGE": "prod",
                "TWINLEG_KALSHI_URL": "http://external-api.kalshi.com",
            }
        )


def test_commands_find_the_running_trader(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text(json.dumps({"env": {"TWINLEG_DSN": "d", "HOME": "x"}}))
    env = with_running_trader({"TWINLEG_STATE_DIR": str(tmp_path)})
    assert env["TWINLEG_DSN"] == "d" and "HOME" not in env
    kept = with_running_trader({"TWINLEG_STATE_DIR": str(tmp_path), "TWINLEG_DSN": "mine"})
    assert kept["TWINLEG_DSN"] == "mine"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"env": 1}'])
def test_a_broken_state_file_changes_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE_FILE).write_text(text)
    env = {"TWINLEG_STATE_DIR": str(tmp_path)}
    assert with_running_trader(env) == env


def test_i27_a_password_never_enters_the_state_file() -> None:
    settings = load_settings({**SIM, "TWINLEG_DSN": "postgresql://u:secret@db/x"})
    assert "secret" not in json.dumps(shared_environment(settings))


@pytest.mark.parametrize("venues", [VenueSet.DEMO, VenueSet.LIVE])
def test_demo_and_live_use_their_own_hosts_whatever_a_running_edition_left(
    venues: VenueSet,
) -> None:
    left = dict(SIM, TWINLEG_STAGE="staging", TWINLEG_MODE=f"paper_{venues.value}")
    with pytest.raises(ConfigError, match="may not use"):
        load_settings(left)
    settings = load_settings(with_own_hosts(left, venues))
    endpoints = choose_endpoints(venues, settings.urls.kalshi_url, settings.urls.kalshi_ws_url)
    assert endpoints == choose_endpoints(venues)
    assert settings.geoblock_url == PRODUCTION.geoblock


def test_simulators_keep_the_addresses_they_have() -> None:
    assert with_own_hosts(SIM, VenueSet.SIM) == SIM


US = {name: value for name, value in SIM.items() if not name.startswith("TWINLEG_POLYMARKET")} | {
    "TWINLEG_JURISDICTION": "us",
    "TWINLEG_POLYMARKET_US_GATEWAY_URL": "http://127.0.0.1:8703",
    "TWINLEG_POLYMARKET_US_API_URL": "http://127.0.0.1:8703",
}


def test_an_operator_in_the_us_needs_the_addresses_of_polymarket_us_alone() -> None:
    settings = load_settings(US)
    assert settings.second_venue is Venue.POLYMARKET_US
    assert settings.urls.polymarket_us_api_url and not settings.urls.polymarket_clob_url
    for missing in ("TWINLEG_POLYMARKET_US_GATEWAY_URL", "TWINLEG_POLYMARKET_US_API_URL"):
        with pytest.raises(ConfigError, match=missing):
            load_settings({k: v for k, v in US.items() if k != missing})
    with pytest.raises(ConfigError, match="CLOB"):
        load_settings({**US, "TWINLEG_JURISDICTION": "PT"})


@pytest.mark.parametrize("name", ["GATEWAY", "API"])
def test_f093_a_simulator_run_may_not_name_the_real_polymarket_us(name: str) -> None:
    with pytest.raises(ConfigError, match="may not use"):
        load_settings({**US, f"TWINLEG_POLYMARKET_US_{name}_URL": "https://api.polymarket.us"})
