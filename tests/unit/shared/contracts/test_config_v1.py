"""The table of configuration fields: complete, exact, bounded, and readable by older builds."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import config_v1
from shared.contracts.config_values import Kind, from_wire, to_wire
from shared.domain.config import DEFAULT_CONFIG, Config
from shared.domain.errors import ConfigError

FIELDS = config_v1.FIELDS
BY_KEY = config_v1.BY_KEY


def test_every_attribute_of_the_kernel_has_exactly_one_field() -> None:
    attributes = [field.attribute for field in FIELDS]
    assert len(attributes) == len(set(attributes)) == len(BY_KEY)
    assert {*attributes, "version"} == {f.name for f in dataclasses.fields(Config)}


def test_defaults_are_those_of_the_design() -> None:
    document = config_v1.default_document()
    assert config_v1.parse(document, 1) == DEFAULT_CONFIG
    assert config_v1.parse({}, 1) == DEFAULT_CONFIG
    assert config_v1.to_document(DEFAULT_CONFIG) == document
    for key, value in {
        "min_net_edge_cents": "2.5",
        "hedge_timeout_ms": 250,
        "backoff_max_ms": 800,
        "llm_accept_score": 0.92,
        "pairs_max": 8,
        "per_contract_exposure_usd": "250",
        "capital_per_venue_usd": "5000",
        "category_cap_pct": 40,
        "source_cap_pct": 25,
        "hedge_chance_min_pct": 99,
        "stop_day_pct": 1,
    }.items():
        assert document[key] == value


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.key)
def test_bounds_hold_the_default_and_nothing_beyond(field: config_v1.Field) -> None:
    assert config_v1.read(field, field.default) == getattr(DEFAULT_CONFIG, field.attribute)
    assert field.doc.endswith(".")
    if field.kind is Kind.FLAG:
        return
    low, high = (from_wire(field.kind, b, is_text=True) for b in (field.low, field.high))
    for inner in (low, high):
        assert config_v1.read(field, to_wire(field.kind, inner)) == inner
    for inner in (low - 1, high + 1):
        with pytest.raises(ConfigError, match=f"^{field.key}: "):
            config_v1.read(field, to_wire(field.kind, inner))
    if field.owner is config_v1.Owner.BUILD:
        assert field.high == str(field.default)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_net_edge_cents", 2.5),
        ("min_net_edge_cents", "2,5"),
        ("min_net_edge_cents", "2.50001"),
        ("min_net_edge_cents", "NaN"),
        ("min_net_edge_cents", True),
        ("min_net_edge_cents", None),
        ("min_net_edge_cents", "250"),
        ("pairs_max", "8"),
        ("pairs_max", 8.0),
        ("pairs_max", True),
        ("pairs_max", 800),
        ("per_contract_exposure_usd", "25000"),
        ("category_cap_pct", "40"),
        ("category_cap_pct", 1e-9),
        ("llm_accept_score", 92),
        ("flag_trade", 1),
        ("flag_trade", "true"),
        ("hedge_timeout_ms", -1),
        ("nonsense", 1),
    ],
)
def test_wrong_values_are_refused_not_clipped(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"^{key}: "):
        config_v1.parse({key: value}, 2)


def test_f076_an_unknown_flag_is_refused_and_every_problem_named_at_once() -> None:
    with pytest.raises(ConfigError) as said:
        config_v1.parse({"pairs_max": 0, "nonsense": 1, "flag_live": "yes"}, 2)
    assert [line.split(":")[0] for line in str(said.value).splitlines()] == [
        "nonsense",
        "pairs_max",
        "flag_live",
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"backoff_first_ms": 900, "backoff_max_ms": 800},
        {"stop_day_pct": 4, "stop_week_pct": 3},
        {"capital_per_venue_usd": "100"},
        {"probe_cost_usd": "5", "probe_cost_dear_usd": "4"},
        {"min_net_edge_cents": "8"},
        {"hedge_timeout_ms": 2000, "backoff_max_ms": 5000},
    ],
)
def test_contradictions_between_legal_values_are_refused(document: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        config_v1.parse(document, 2)


def test_flags_of_missing_parts_name_what_is_missing() -> None:
    assert config_v1.parse({"flag_maker_taker": True}, 2).flag_maker_taker
    with pytest.raises(ConfigError, match="this build has no bundles"):
        config_v1.parse_change("flag_bundles", "on")
    assert config_v1.parse({"flag_live": True}, 2).flag_live


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("min_net_edge_cents", "3.10", "3.1"),
        ("pairs_max", "5", 5),
        ("llm_accept_score", "0.95", 0.95),
        ("category_cap_pct", "33.5", 33.5),
        ("category_cap_pct", "33", 33),
        ("flag_trade", "off", False),
    ],
)
def test_typed_text_becomes_the_canonical_value(key: str, text: str, value: object) -> None:
    assert config_v1.parse_change(key, text) == value
    assert type(config_v1.parse_change(key, text)) is type(value)


@pytest.mark.parametrize(
    ("key", "text"),
    [("pairs_max", "5.5"), ("flag_trade", "perhaps"), ("min_net_edge_cents", "1e1"), ("x", "1")],
)
def test_typed_nonsense_is_one_line(key: str, text: str) -> None:
    with pytest.raises(ConfigError) as said:
        config_v1.parse_change(key, text)
    assert len(str(said.value).splitlines()) == 1


@pytest.mark.parametrize("wire", [1e-06, 1.5e-05])
def test_small_numbers_have_no_exponent(wire: float) -> None:
    assert from_wire(Kind.RATIO, wire) == round(wire * 1_000_000)
    assert from_wire(Kind.RATIO, to_wire(Kind.RATIO, 1)) == 1


@given(st.sampled_from([f for f in FIELDS if f.kind is not Kind.FLAG]), st.data())
def test_values_survive_json_exactly(field: config_v1.Field, data: st.DataObject) -> None:
    low, high = (int(from_wire(field.kind, b, is_text=True)) for b in (field.low, field.high))
    inner = data.draw(st.integers(low, high))
    wire = json.loads(json.dumps(to_wire(field.kind, inner)))
    assert config_v1.read(field, wire) == inner
