"""Fixture: an embedded AWS on a free port with the core stacks really deployed.

Use it by ``from tests.support.embedded_aws import *`` in a conftest.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cdk.local import processes
from cdk.local.deploy import Deployment, aws_environment, deploy_core
from cdk.local.layout import Layout, Ports, choose_ports
from cdk.local.parts import cloud_environment

__all__ = ["EmbeddedAws", "embedded_aws"]


@dataclass
class EmbeddedAws:
    """A running embedded AWS below its own state folder."""

    layout: Layout
    port: int
    api_id: str = ""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {**processes.clean_environment(), **aws_environment(self.endpoint)}
        environment.update(cloud_environment(self.layout, self.port))
        self.layout.aws_scratch.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "ministack"]
        entry = processes.start(self.layout, "aws", self.port, argv, environment)
        health = f"{self.endpoint}/_ministack/health"
        processes.wait_for_http(self.layout, entry, health, 60)

    def stop(self) -> None:
        entries = processes.read_run_file(self.layout)
        assert processes.stop(self.layout, entries, lambda _text: None) == []

    def deploy(self, **parameters: str) -> Deployment:
        """Deploy the core stacks; unnamed parameters of the functions are empty."""
        known = {"Dsn": "postgresql://nowhere/none", "Mode": "paper_sim", **parameters}
        deployment = deploy_core(self.layout.state, self.endpoint, known, lambda _text: None)
        self.api_id = deployment.api_id
        return deployment


@pytest.fixture(scope="session")
def embedded_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    layout = Layout(tmp_path_factory.mktemp("embedded-aws"))
    made = EmbeddedAws(layout, choose_ports(Ports(aws=18_750), {}).aws)
    made.start()
    try:
        made.deploy()
        yield made
    finally:
        made.stop()
