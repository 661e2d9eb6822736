"""What a deployed process imports is in the lock that it is built from."""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRST_PARTY = ("shared", "lambdas", "trader_task")
IN_RUNTIME = frozenset({"boto3", "botocore"})
"""The Lambda runtime brings these; they are in the lock as well, for other hosts."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: str) -> set[str]:
    text = (ROOT / "requirements" / lock).read_text()
    return {normal(name) for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)==", text)}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*FIRST_PARTY, include_external_packages=True)


@pytest.mark.parametrize(
    ("package", "lock"), [("lambdas", "lambdas.lock"), ("trader_task", "trader.lock")]
)
def test_lock_holds_every_import(graph: grimp.ImportGraph, package: str, lock: str) -> None:
    roots = {package} | graph.find_descendants(package)
    reached = set(roots)
    for module in roots:
        reached |= graph.find_upstream_modules(module)
    outside = {name.split(".")[0] for name in reached} - set(FIRST_PARTY)
    distributions = packages_distributions()
    missing = sorted(
        name
        for name in outside - sys.stdlib_module_names - IN_RUNTIME
        if not {normal(d) for d in distributions.get(name, ["?"])} & locked(lock)
    )
    assert missing == [], f"{package} imports {missing}, which {lock} does not hold"


def test_all_lock_agrees_with_what_is_deployed() -> None:
    """The tests run on ``all.lock``: money paths must not run on other versions elsewhere."""
    versions = {
        lock: dict(
            re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / lock).read_text())
        )
        for lock in ("all.lock", "lambdas.lock", "trader.lock")
    }
    for lock in ("lambdas.lock", "trader.lock"):
        differing = {
            name: (version, versions["all.lock"][name])
            for name, version in versions[lock].items()
            if name in versions["all.lock"] and versions["all.lock"][name] != version
        }
        assert differing.keys() <= {"boto3", "botocore", "s3transfer", "urllib3"}, differing
