"""The CDK application: ``python -m cdk.app`` writes the cloud assembly of the stages.

Without context every stage is synthesised; ``-c stage=NAME`` picks one. No account and no
network are needed, but for the third-party layers of the stages that have them.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as core

from cdk.bundling import ROOT
from cdk.stacks.api import ApiStack
from cdk.stacks.functions import FunctionsStack
from cdk.stacks.messaging import MessagingStack
from cdk.stacks.state import StateStack
from cdk.stacks.workflows import WorkflowsStack
from cdk.stages import STAGES, Stage, find_stage
from shared.contracts import names


@dataclass(frozen=True, slots=True)
class CoreStacks:
    """The stacks of a stage that are also deployed into the embedded AWS."""

    state: StateStack
    messaging: MessagingStack
    functions: FunctionsStack
    api: ApiStack
    workflows: WorkflowsStack

    def in_order(self) -> tuple[core.Stack, ...]:
        return (self.state, self.messaging, self.functions, self.api, self.workflows)


def add_core_stacks(app: core.App, stage: Stage, staging: Path) -> CoreStacks:
    """Add the core stacks of a stage; ``staging`` is a folder for assets being made."""
    settings: dict[str, Any] = {
        "env": core.Environment(account=stage.account, region=stage.region),
        "synthesizer": core.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        "termination_protection": stage.keeps_data,
        "tags": {"app": names.APP, "stage": stage.name},
    }
    state = StateStack(app, stage, **settings)
    messaging = MessagingStack(app, stage, state.key, **settings)
    functions = FunctionsStack(app, stage, state, messaging, staging, **settings)
    api = ApiStack(app, stage, functions, **settings)
    workflows = WorkflowsStack(app, stage, functions, state.key, **settings)
    return CoreStacks(state, messaging, functions, api, workflows)


def build(
    outdir: str | None,
    staging: Path,
    stages: tuple[Stage, ...],
    context: Mapping[str, Any] | None = None,
) -> core.App:
    """Build the application of the given stages without writing it.

    ``context`` is added to that of ``cdk.json``, which the CDK command line passes by itself.
    """
    settled = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = core.App(outdir=outdir, context={**settled, **(context or {})}, analytics_reporting=False)
    wanted = app.node.try_get_context("stage")
    for stage in (find_stage(wanted),) if wanted else stages:
        add_core_stacks(app, stage, staging)
    return app


def main() -> None:
    """Synthesise for the CDK command line (which sets CDK_OUTDIR) or into ``cdk.out``."""
    with tempfile.TemporaryDirectory() as staging:
        outdir = os.environ.get("CDK_OUTDIR", "cdk.out")
        build(outdir, Path(staging), tuple(STAGES.values())).synth()


if __name__ == "__main__":
    main()
