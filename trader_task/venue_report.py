"""What the last check and probe of a host set found; real money is refused without it.

Kept as ``venues-<set>.json`` in the state directory, replaced whole, readable by its owner.
It holds no secret: findings are texts for people.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from shared.domain.enums import VenueSet
from shared.domain.units import NS_PER_S
from shared.ports.inspection import Answer, Finding, Light

CHECK_VALID_S: Final = 24 * 3_600
"""A check older than this proves nothing about today's keys, balances and state."""
CONFIRMATION: Final = "I accept real orders with real money"
CONFIRMED_NAME: Final = "TWINLEG_LIVE_CONFIRMED"


@dataclass(frozen=True, slots=True)
class Report:
    """Wall times in nanoseconds; 0 = never done."""

    build: str
    checked_wall_ns: int
    findings: tuple[Mapping[str, Any], ...]
    probed_wall_ns: int
    answers: tuple[Mapping[str, Any], ...]


EMPTY: Final = Report("", 0, (), 0, ())


def _path(state_dir: Path, venues: VenueSet) -> Path:
    return state_dir / f"venues-{venues.value}.json"


def load_report(state_dir: Path, venues: VenueSet) -> Report:
    """Return the stored report; an absent or unreadable one is empty, which refuses."""
    try:
        row = json.loads(_path(state_dir, venues).read_text())
        return Report(
            build=str(row["build"]),
            checked_wall_ns=int(row["checked_wall_ns"]),
            findings=tuple(dict(f) for f in row["findings"]),
            probed_wall_ns=int(row["probed_wall_ns"]),
            answers=tuple(dict(a) for a in row["answers"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return EMPTY


def save_check(
    state_dir: Path, venues: VenueSet, build: str, wall_ns: int, findings: Sequence[Finding]
) -> None:
    """Replace the findings; the answers of an earlier probe stay."""
    former = load_report(state_dir, venues)
    rows = tuple(asdict(f) for f in findings)
    _save(state_dir, venues, Report(build, wall_ns, rows, former.probed_wall_ns, former.answers))


def save_probe(state_dir: Path, venues: VenueSet, wall_ns: int, answers: Sequence[Answer]) -> None:
    """Replace the answers; an unanswered question keeps its earlier answer."""
    former = load_report(state_dir, venues)
    known = {(a["venue"], a["question"]): a for a in former.answers if a["answer"]}
    rows = []
    for answer in answers:
        row = asdict(answer)
        rows.append(row if answer.answer else known.get((row["venue"], row["question"]), row))
    _save(
        state_dir,
        venues,
        Report(former.build, former.checked_wall_ns, former.findings, wall_ns, tuple(rows)),
    )


def _save(state_dir: Path, venues: VenueSet, report: Report) -> None:
    state_dir.mkdir(parents=True, exist_ok=True)
    path = _path(state_dir, venues)
    draft = path.with_suffix(".tmp")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(report), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def find_obstacles(
    report: Report, build: str, wall_ns: int, environment: Mapping[str, str]
) -> list[str]:
    """Return every reason against real money; an empty list lets it start.

    ``report`` is that of the live host set; nothing about simulators counts here.
    """
    found: list[str] = []
    if not report.checked_wall_ns:
        found.append("`twinleg venues check --venues live` has not been run")
    elif wall_ns - report.checked_wall_ns > CHECK_VALID_S * NS_PER_S:
        found.append("the last check is older than a day")
    elif report.build != build:
        found.append("the last check was made by another build")
    red = [f"{f['venue']} {f['item']}" for f in report.findings if f["light"] == Light.RED]
    if red:
        found.append(f"red in the last check: {', '.join(red)}")
    if not report.probed_wall_ns:
        found.append("`twinleg venues probe --venues live --orders` has not been run")
    found += _unanswered(report.answers)
    if environment.get(CONFIRMED_NAME, "") != CONFIRMATION:
        found.append(f"{CONFIRMED_NAME} does not say '{CONFIRMATION}'")
    return found


def _unanswered(answers: Iterable[Mapping[str, Any]]) -> list[str]:
    open_ones = [
        f"{a['venue']}: {a['question']}" for a in answers if a["gates_live"] and not a["answer"]
    ]
    return [f"unanswered: {', '.join(open_ones)}"] if open_ones else []
