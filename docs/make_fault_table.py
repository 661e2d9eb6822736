"""Writes the proof columns of docs/faults.md from the tests and the simulator, so they stay true.

A test proves a number when its name holds it (``test_f035_...``); the simulation strikes a
number when one of its modules draws a key of that number. ``make diagrams`` runs this;
``--check`` fails when the committed table differs.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from shared.drivers.sim_faults import NOT_INJECTED
from shared.exchange.fault_plan import INJECTION_OF

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "faults.md"
ROW = re.compile(r"^\| (F-\d{3}) \| (.*?) \| (.*) \| (.*?) \|$")
DRIVER_KEYS = {"crash.": "F-071", "pause.ticket": "F-068", '"config"': "F-091"}
"""Keys that belong to the simulation's driver alone, and the number they strike."""
DISTURBED = "F-089"
"""Stops by a person are drawn as halts, not as a key of the venues."""
NO_TEST = {
    "F-037": "a part is the whole answer of a fill-and-kill order: the simulation judges it",
}
"""Numbers without a test of their own, and why."""


def proofs() -> dict[str, list[str]]:
    """Return number to the tests whose names hold it, as paths below tests/."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE):
            for number in sorted(set(re.findall(r"(?<![a-z0-9])f(\d{3})(?!\d)", name))):
                where = f"`{path.relative_to(ROOT / 'tests')}::{name}`"
                found.setdefault(f"F-{number}", []).append(where)
    return found


def strikes() -> dict[str, list[str]]:
    """Return number to the keys that the simulation draws for it."""
    text = "".join(p.read_text() for p in sorted((ROOT / "shared/drivers").glob("sim_*.py")))
    found: dict[str, set[str]] = {}
    for key, injection in INJECTION_OF.items():
        letters = f'"{key}"' in text or (
            key[:2] in ("k.", "p.") and re.search(rf'letter\}}\.{re.escape(key[2:])}"', text)
        )
        if letters:
            found.setdefault(injection.number, set()).add(key)
    for key, number in DRIVER_KEYS.items():
        if key in text:
            found.setdefault(number, set()).add(key.strip('".') or key)
    if "HaltTaken" in text:
        found.setdefault(DISTURBED, set()).add("halt")
    return {number: sorted(keys) for number, keys in found.items()}


def render(old: str) -> str:
    """Return the page with both proof columns and the closing counts written anew."""
    tests, keys = proofs(), strikes()
    lines, proven, rows = [], 0, 0
    for line in old.splitlines():
        match = ROW.match(line)
        if match is None:
            lines.append(line)
            continue
        number, fault = match.group(1), match.group(2)
        rows += 1
        by_test = "; ".join(tests.get(number, ()))
        by_key = ", ".join(f"`{key}`" for key in keys.get(number, ()))
        proven += bool(by_test or by_key)
        missing = "–" if by_key else "**not proven yet**"
        proof = by_test or NO_TEST.get(number) or missing
        lines.append(f"| {number} | {fault} | {proof} | {by_key or '–'} |")
    assert rows == 104, rows
    text = "\n".join(lines)
    text = re.sub(
        r"^\d+ of 104 have .*$",
        f"{proven} of 104 have a proof by name or by injection; {104 - proven} have none yet.",
        text,
        flags=re.MULTILINE,
    )
    outside = "; ".join(f"`{kind.value}` ({why})" for kind, why in NOT_INJECTED.items()) or "none"
    return (
        re.sub(
            r"^Kinds that the simulation does not inject: .*$",
            f"Kinds that the simulation does not inject: {outside}.",
            text,
            flags=re.MULTILINE,
        ).rstrip("\n")
        + "\n"
    )


def main(argv: list[str]) -> int:
    old = TABLE.read_text()
    new = render(old)
    if "--check" in argv:
        if old != new:
            print(f"{TABLE.name} is not current: run make diagrams", file=sys.stderr)
        return int(old != new)
    TABLE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
