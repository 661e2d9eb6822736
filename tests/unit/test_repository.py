"""Rules about the files of the repository itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Written in pieces so that this file does not break its own rule.
MACHINE_PATHS = re.compile(
    "|".join(("/" + "work/", "/" + "root/", "/" + r"home/[a-z]", "/" + "Users/"))
)
TEXT_MAX_BYTES = 2_000_000


def _tracked() -> list[Path]:
    """Return what git tracks or would add; without git, every file outside build folders."""
    answer = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if answer.returncode != 0:
        pytest.skip("not a git checkout: the list of files is unknown")
    names = answer.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def _text_of(path: Path) -> str:
    if path.stat().st_size > TEXT_MAX_BYTES:
        return ""
    return path.read_bytes().decode("utf-8", errors="ignore")


def test_lock_files_hold_no_address() -> None:
    locks = [p for p in _tracked() if p.suffix == ".lock" or p.name == "package-lock.json"]
    assert any(p.parent.name == "requirements" for p in locks)
    for path in locks:
        if path.suffix == ".lock":
            assert "://" not in path.read_text(), path
        else:
            assert '"resolved"' not in path.read_text(), path


def test_python_locks_are_hashed() -> None:
    for path in (ROOT / "requirements").glob("*.lock"):
        lines = path.read_text().splitlines()
        pins = [i for i, line in enumerate(lines) if re.match(r"^[a-z0-9]", line)]
        assert pins, path
        for i in pins:
            assert "==" in lines[i], (path, lines[i])
            assert "--hash=sha256:" in lines[i + 1], (path, lines[i])


def test_no_file_names_a_path_of_one_machine() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _tracked()
        for number, line in enumerate(_text_of(path).splitlines(), start=1)
        if MACHINE_PATHS.search(line)
    ]
    assert offenders == []


def test_no_module_with_a_name_that_says_nothing() -> None:
    banned = {"utils", "helpers", "common", "manager", "misc"}
    offenders = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if path.suffix == ".py" and (path.stem in banned or path.parent.name in banned)
    ]
    assert offenders == []


def test_nothing_waits_in_a_way_that_can_swallow_a_cancellation() -> None:
    """asyncio.wait_for loses a cancel that races with its result before Python 3.12.

    A trader that lost one never ended; ``async with asyncio.timeout(s)`` has no such race.
    """
    packages = ("shared", "trader_task", "lambdas", "cdk")
    sources = [path for name in packages for path in (ROOT / name).rglob("*.py")]
    assert len(sources) > 100
    assert [p.name for p in sources if "asyncio.wait_for(" in p.read_text()] == []
