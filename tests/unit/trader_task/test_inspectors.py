"""Which hosts ``twinleg venues`` asks, with which keys; nothing is asked here."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from shared.adapters.venues.polymarket.access import PRODUCTION, STAGING
from shared.domain.enums import VenueSet
from shared.domain.errors import ConfigError, NotAvailableError, StoreError
from shared.ports.inspection import Light
from shared.simulators.keys import make_documents
from tests.support.virtual_clock import VirtualClock
from trader_task.inspectors import make_inspectors

SIMULATED = {
    "TWINLEG_STAGE": "local",
    "TWINLEG_KALSHI_URL": "http://127.0.0.1:1",
    "TWINLEG_KALSHI_WS_URL": "ws://127.0.0.1:1/trade-api/ws/v2",
    "TWINLEG_POLYMARKET_CLOB_URL": "http://127.0.0.1:2",
    "TWINLEG_POLYMARKET_GAMMA_URL": "http://127.0.0.1:2/gamma",
    "TWINLEG_POLYMARKET_DATA_URL": "http://127.0.0.1:2/data-api",
    "TWINLEG_POLYMARKET_WS_URL": "ws://127.0.0.1:2/ws",
    "TWINLEG_GEOBLOCK_URL": "http://127.0.0.1:2/api/geoblock",
}


class Secrets:
    def __init__(self, *lacking: str) -> None:
        _, private = make_documents()
        self._rows = {n: v for n, v in private.items() if n not in lacking}
        self.written: dict[str, Mapping[str, str]] = {}

    def read(self, name: str) -> Mapping[str, str]:
        for venue, fields in self._rows.items():
            if name.endswith(venue):
                return {key: str(value) for key, value in fields.items()}
        raise StoreError(f"secret {name} is absent")

    def exists(self, name: str) -> bool:
        return any(name.endswith(venue) for venue in self._rows)

    def write(self, name: str, fields: Mapping[str, str]) -> None:
        self.written[name] = fields


async def hosts_of(venues: VenueSet, environment: Mapping[str, str]) -> tuple[str, object]:
    kalshi, polymarket = make_inspectors(venues, environment, VirtualClock(), Secrets())
    try:
        return kalshi._endpoints.rest, polymarket._hosts  # type: ignore[attr-defined]
    finally:
        await kalshi.aclose()
        await polymarket.aclose()


async def test_simulators_are_asked_where_the_edition_left_them() -> None:
    rest, hosts = await hosts_of(VenueSet.SIM, SIMULATED)
    assert rest == "http://127.0.0.1:1"
    assert getattr(hosts, "geoblock", "") == "http://127.0.0.1:2/api/geoblock"


async def test_demo_and_live_are_the_venues_own_hosts_whatever_was_left() -> None:
    rest, hosts = await hosts_of(VenueSet.DEMO, SIMULATED)
    assert rest == "https://external-api.demo.kalshi.co" and hosts is STAGING
    rest, hosts = await hosts_of(VenueSet.LIVE, SIMULATED)
    assert rest == "https://external-api.kalshi.com" and hosts is PRODUCTION


async def test_an_operator_in_the_us_gets_the_other_venue_and_the_reason() -> None:
    us = {
        **SIMULATED,
        "TWINLEG_JURISDICTION": "US",
        "TWINLEG_POLYMARKET_US_GATEWAY_URL": "http://127.0.0.1:3",
        "TWINLEG_POLYMARKET_US_API_URL": "http://127.0.0.1:4",
    }
    made = make_inspectors(VenueSet.SIM, us, VirtualClock(), Secrets("polymarket"))
    names = [one.venue.value for one in made]
    assert names == ["kalshi", "polymarket_us", "polymarket"]
    (row,) = await made[2].check()
    assert row.light is Light.UNKNOWN and "only Polymarket US is open" in row.text
    assert [*await made[2].plan_setup(), *await made[2].probe(may_order=True)] == []
    for one in made:
        await one.aclose()


async def test_the_venue_of_the_us_has_no_demo_and_its_own_hosts_are_only_read_from() -> None:
    us = {"TWINLEG_STAGE": "local", "TWINLEG_JURISDICTION": "US"}
    with pytest.raises(NotAvailableError, match="no such host is confirmed"):
        make_inspectors(VenueSet.DEMO, us, VirtualClock(), Secrets())
    made = make_inspectors(VenueSet.LIVE, us, VirtualClock(), Secrets())
    row = await made[1]._check_orders()  # type: ignore[attr-defined]
    assert row.light is Light.RED and "no read-back" in row.text
    for one in made:
        await one.aclose()
    with pytest.raises(ConfigError, match="polymarket_us"):
        make_inspectors(VenueSet.LIVE, us, VirtualClock(), Secrets("polymarket_us"))


async def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="TWINLEG_KALSHI_URL is not known"):
        make_inspectors(VenueSet.SIM, {}, VirtualClock(), Secrets())
    with pytest.raises(ConfigError, match="twinleg secrets set"):
        make_inspectors(VenueSet.LIVE, {}, VirtualClock(), Secrets("polymarket"))
