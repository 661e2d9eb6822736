"""``twinleg export``: CSV that spreadsheets read as numbers and never run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from trader_task import cli
from trader_task.commands import export

COLUMNS = ("time_utc", "title", "gain_usd", "ref")


class FakeExports:
    def __init__(self, rows: list[dict[str, str]]) -> None:
        self._rows = rows
        self.asked: list[tuple[str, int]] = []

    def columns(self, what: str) -> tuple[str, ...]:
        return COLUMNS

    def rows(self, what: str, year: int) -> Iterator[dict[str, str]]:
        self.asked.append((what, year))
        yield from self._rows


def use(monkeypatch: pytest.MonkeyPatch, *rows: tuple[str, ...]) -> FakeExports:
    fake = FakeExports([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    monkeypatch.setattr(export, "open_stores", lambda: SimpleNamespace(exports=fake))
    return fake


@pytest.mark.parametrize("what", ["fills", "settlements", "ledger"])
def test_csv_reads_back_as_it_was(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = use(monkeypatch, ("t1", 'a "quoted", title\nover lines', "-0.5", "r"))
    assert cli.run(["export", what, "--year", "2026", "--csv"]) == 0
    out, err = capsys.readouterr()
    read = list(csv.DictReader(io.StringIO(out, newline="")))
    assert read == [
        {"time_utc": "t1", "title": 'a "quoted", title\nover lines', "gain_usd": "-0.5", "ref": "r"}
    ]
    assert fake.asked == [(what, 2026)] and f"1 {what}" in err


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r"])
def test_text_of_strangers_is_never_a_formula(
    lead: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, ("t", f"{lead}HYPERLINK(1)", "-1", f"{lead}x"))
    assert cli.run(["export", "fills", "--year", "2026", "--csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))
    assert row["title"] == f"'{lead}HYPERLINK(1)" and row["ref"] == f"'{lead}x"
    assert row["gain_usd"] == "-1", "a loss stays a number"


def test_an_empty_year_has_its_header(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch)
    assert cli.run(["export", "fills", "--year", "2026", "--csv"]) == 0
    assert capsys.readouterr().out == ",".join(COLUMNS) + "\r\n"


def test_json_is_one_object_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, ("t", "=x", "1", "r"), ("t", "y", "2", "r"))
    assert cli.run(["export", "fills", "--year", "2026", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["title"] for r in rows] == ["=x", "y"]


@pytest.mark.parametrize("line", ["--year 2026", "--year 2026 --csv --json", "--csv", "--year x"])
def test_wrong_use(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["export", "fills", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 1
