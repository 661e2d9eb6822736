"""One synthesis of every stage for the whole run; no account, no network."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cdk.stages import STAGES
from shared.contracts import names

Template = Mapping[str, Any]
SHORT_NAMES = ("state", "messaging", "functions", "api", "workflows")


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cloud assembly of all stages."""
    node = Path(sys.executable).parent / "node"
    if node.exists():
        os.environ.setdefault("JSII_NODE", str(node))
    from cdk.app import build

    folder = tmp_path_factory.mktemp("synth")
    context = {"aws:cdk:bundling-stacks": []}
    build(str(folder / "cdk.out"), folder, tuple(STAGES.values()), context).synth()
    return folder / "cdk.out"


@pytest.fixture(scope="session")
def templates(assembly: Path) -> dict[tuple[str, str], Template]:
    """Return (stage, stack) -> template."""
    return {
        (stage, short): json.loads(
            (assembly / f"{names.stack(stage, short)}.template.json").read_text()
        )
        for stage in STAGES
        for short in SHORT_NAMES
    }


def resources_of(template: Template, kind: str) -> dict[str, Mapping[str, Any]]:
    """Return logical id -> resource of one type."""
    found = template["Resources"].items()
    return {name: resource for name, resource in found if resource["Type"] == kind}
