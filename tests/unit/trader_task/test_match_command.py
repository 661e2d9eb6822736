"""``match evaluate`` and ``match universe`` as a person and a script call them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trader_task.commands.answers import WrongUse
from trader_task.commands.match import app

ROW = {
    "pair_id": "one",
    "label": "related_not_equivalent",
    "why": "made up",
    "kalshi": {
        "ticker": "KXCUP-26-NOR",
        "title": "Will Norvale win the 2026 Ballon d'Or?",
        "yes_sub_title": "Norvale",
        "rules_primary": "If Norvale wins the 2026 Ballon d'Or, then the market resolves to Yes.",
    },
    "polymarket": {
        "condition_id": "0x1",
        "question": "Will Norvale win the 2026 Ballon d'Or?",
        "description": "This market will resolve according to the player who wins the 2026"
        " Ballon d'Or.",
        "outcomes": ["Yes", "No"],
    },
}


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROW) + "\n\n")
    return str(path)


def test_json_is_one_object_with_the_agreed_keys(rows: str) -> None:
    result = CliRunner().invoke(app, ["evaluate", rows, "--json"])
    answer = json.loads(result.stdout)
    assert {"all", "full_text", "false_confirms", "seconds"} <= answer.keys()
    assert answer["all"]["related_not_equivalent"]["confirmed"] == 1
    assert answer["false_confirms"] == ["one"]


def test_the_table_shows_every_false_confirmation_and_the_bound(rows: str) -> None:
    text = CliRunner().invoke(app, ["evaluate", rows]).stdout
    assert "FALSE confirmed one" in text and "made up" in text
    assert "95 % bound" in text and "rules that fired" in text


def test_universe_reads_compressed_catalogues(tmp_path: Path) -> None:
    sides = {}
    for name in ("kalshi", "polymarket"):
        sides[name] = str(tmp_path / f"{name}.jsonl.gz")
        line = json.dumps({**ROW[name], "_snapshot": "s"})  # type: ignore[dict-item]
        Path(sides[name]).write_bytes(gzip.compress(line.encode()))
    labels = tmp_path / "labels.json"
    label = {"pair_id": "x", "label": "equivalent", "kalshi": "KXCUP-26-NOR"}
    question = ROW["polymarket"]["question"]  # type: ignore[index]
    labels.write_text(json.dumps([{**label, "polymarket": "?", "question": question}]))
    command = ["universe", "--snapshot", "s", "--labels", str(labels), "--json"]
    result = CliRunner().invoke(app, [*command, *(f"--{k}={v}" for k, v in sides.items())])
    answer = json.loads(result.stdout)
    assert answer["candidates"]["recall_at_20"] == 1.0
    assert answer["confirmed"] == 1


@pytest.mark.parametrize("content", [None, b"not json", b"[1]"])
def test_a_file_that_cannot_be_read_is_wrong_use(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.jsonl"
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(app, ["evaluate", str(path)])
    assert isinstance(result.exception, WrongUse)
