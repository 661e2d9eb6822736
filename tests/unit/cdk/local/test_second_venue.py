"""An operator in the US gets a world of its own, with Polymarket US in Polymarket's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk.local.layout import EditionError, Layout, Ports
from cdk.local.options import Options, check_options
from cdk.local.parts import Parts


def test_the_us_world_never_shares_a_record_with_the_other() -> None:
    worlds = {Options(jurisdiction=code).world for code in ("", "PT", "US", "us", "UM")}
    assert worlds == {"", "paper_sim-seed1-polymarket_us"}
    assert Options(mode="venue", jurisdiction="US").world == "venue_sim-seed1-polymarket_us"


def test_the_trader_is_told_country_and_addresses(tmp_path: Path) -> None:
    parts = Parts(Layout(tmp_path), Ports(), Options(jurisdiction="us"), frozenset())
    environment = parts.environment
    assert environment["TWINLEG_JURISDICTION"] == "US"
    assert environment["TWINLEG_POLYMARKET_US_API_URL"] == "http://127.0.0.1:8703"
    assert environment["TWINLEG_POLYMARKET_US_GATEWAY_URL"] == "http://127.0.0.1:8703"


def test_what_cannot_run_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    with pytest.raises(EditionError, match="recordings of polymarket_us are not available"):
        check_options(Options(jurisdiction="US", recordings=tmp_path))
    with pytest.raises(EditionError, match="country code"):
        check_options(Options(jurisdiction="United States"))
