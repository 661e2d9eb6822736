"""``twinleg venues`` as a person types it: real processes, keys out of the secret store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.small_edition import ROOT, SmallEdition

pytestmark = [pytest.mark.edition, pytest.mark.aws, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallEdition]:
    edition = SmallEdition(tmp_path_factory.mktemp("venues"), "postgresql://nowhere/none")
    try:
        edition.start_aws()
        edition.start_simulators()
        yield edition
    finally:
        edition.close()


def venues(edition: SmallEdition, *arguments: str, country: str = "IE") -> tuple[int, Any, str]:
    done = subprocess.run(
        [sys.executable, "-m", "trader_task.cli", "venues", *arguments, "--json"],
        cwd=ROOT,
        env=edition.environment | {"TWINLEG_JURISDICTION": country},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    answer = json.loads(done.stdout) if done.stdout.strip() else None
    return done.returncode, answer, done.stderr


def test_check_passes_at_the_simulators_and_shows_no_secret(neighbours: SmallEdition) -> None:
    code, answer, said = venues(neighbours, "check")
    red = [f for f in answer["findings"] if f["light"] == "red"]
    assert code == 0 and answer["passed"] is True, (red, said)
    assert {f["venue"] for f in answer["findings"]} >= {"kalshi", "polymarket"}
    private = json.loads((neighbours.state / "sim" / "secrets.json").read_text())
    kept = Path(neighbours.state / "venues-sim.json").read_text()
    for secret in (private["polymarket"]["private_key"][2:], private["polymarket"]["api_secret"]):
        assert secret not in kept and secret not in json.dumps(answer) and secret not in said


def test_a_us_operator_is_told_which_venue_is_closed_to_him(tmp_path: Path) -> None:
    edition = SmallEdition(tmp_path, "postgresql://nowhere/none", jurisdiction="US")
    try:
        edition.start_aws()
        edition.start_simulators()
        code, answer, said = venues(edition, "check", country="US")
        found = {(f["venue"], f["item"]): f for f in answer["findings"]}
        red = [key for key, f in found.items() if f["light"] == "red"]
        assert code == 0 and not red, (red, said)
        assert "only Polymarket US is open" in found["polymarket", "jurisdiction"]["text"]
        assert found["polymarket_us", "key"]["light"] == "green"

        # Nothing published answers some questions: they keep real money refused.
        code, answer, _ = venues(edition, "probe", country="US")
        gates = {a["question"] for a in answer["answers"] if a["gates_live"] and not a["answer"]}
        assert code == 1 and any("read-back of an order" in question for question in gates)
    finally:
        edition.close()


def test_setup_has_nothing_left_but_the_cache(neighbours: SmallEdition) -> None:
    code, answer, said = venues(neighbours, "setup", "--yes")
    states = {(s["venue"], s["item"]): s["light"] for s in answer["steps"]}
    assert states[("polymarket", "balance cache")] == "green", (code, said)


def test_probe_answers_what_gates_live_mode(neighbours: SmallEdition) -> None:
    _, answer, said = venues(neighbours, "probe", "--orders", "--yes")
    gates = {a["question"]: a["answer"] for a in answer["answers"] if a["gates_live"]}
    assert gates["client_order_id of an ended order"], said
    assert gates["hashes of messages with several changes"]
