# ruff: noqa: E501  (texts are kept whole)
"""What the measurements say and how sure they are."""

from __future__ import annotations

import pytest

from shared.matching.evaluation import bound_95, evaluate, universe

ROW = {
    "pair_id": "one",
    "label": "equivalent",
    "label_method": "by_hand",
    "kalshi": {
        "ticker": "KXCUP-26-NOR",
        "title": "Will Norvale win the 2026 Ballon d'Or?",
        "yes_sub_title": "Norvale",
        "rules_primary": "If Norvale wins the 2026 Ballon d'Or, then the market resolves to Yes.",
        "close_time": "2026-12-31T00:00:00Z",
    },
    "polymarket": {
        "condition_id": "0x1",
        "question": "Will Norvale win the 2026 Ballon d'Or?",
        "description": "This market will resolve according to the player who wins the 2026 Ballon d'Or.",
        "outcomes": ["Yes", "No"],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "accepted", "least", "most"),
    [(0, 0, 1.0, 1.0), (0, 45, 0.063, 0.066), (0, 600, 0.0049, 0.0051), (1, 100, 0.046, 0.048)],
)
def test_the_bound_is_the_rule_of_three(
    wrong: int, accepted: int, least: float, most: float
) -> None:
    assert least <= bound_95(wrong, accepted) <= most


def test_a_right_confirmation_counts() -> None:
    result = evaluate([ROW])
    assert result["all"]["equivalent"]["confirmed"] == 1
    assert result["full_text"] == result["all"]
    assert result["false_confirms"] == [] and result["recall_equivalent"] == 1.0


def test_a_wrong_confirmation_is_named_and_shown_in_full() -> None:
    result = evaluate([{**ROW, "label": "related_not_equivalent", "why": "made up"}])
    assert result["false_confirms"] == ["one"]
    shown = result["false_confirms_in_full"][0]
    assert shown["why"] == "made up" and shown["findings"]


def test_without_rules_a_row_is_review_and_titles_only_says_what_titles_say() -> None:
    bare = {**ROW, "polymarket": {**ROW["polymarket"], "description": None}}  # type: ignore[dict-item]
    assert evaluate([bare])["all"]["equivalent"]["review"] == 1
    assert evaluate([bare], titles_only=True)["all"]["equivalent"]["confirmed"] == 1


def test_missing_fields_are_no_signal() -> None:
    with_all = {**ROW, "polymarket": {**ROW["polymarket"], "slug": "x", "tags": ["a"]}}  # type: ignore[dict-item]
    without = {**ROW, "polymarket": {**ROW["polymarket"], "outcomes": None}}  # type: ignore[dict-item]
    assert evaluate([with_all])["all"] == evaluate([without])["all"] == evaluate([ROW])["all"]


def test_universe_reports_what_the_candidates_missed() -> None:
    label = {"pair_id": "one", "label": "equivalent", "kalshi": "KXCUP-26-NOR", "polymarket": "0x1"}
    other = {"conditionId": "0x2", "question": "Rain in Ostland tomorrow?"}
    found = universe(
        [ROW["kalshi"]], [{**ROW["polymarket"], "conditionId": "0x1"}, other], "", [label]
    )  # type: ignore[dict-item,list-item]
    assert found["candidates"]["recall_at_20"] == 1.0 and found["confirmed"] == 1
    lost = universe([ROW["kalshi"]], [{"conditionId": "0x1", "question": "Zebra?"}], "", [label])  # type: ignore[list-item]
    assert lost["candidates"]["missed"] == ["one"]
