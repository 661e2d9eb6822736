"""Digests, archives and the record of what was deployed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from cdk.local import deploy, login
from cdk.local.edition import STOP_LAST_FIRST
from cdk.local.layout import Layout
from cdk.local.parts import cloud_environment
from cdk.stacks.parameters import LOCAL_PARAMETERS
from lambdas.dashboard_api.login import log_in
from shared.contracts import names
from tests.unit.lambdas.conftest import FakeSessions


def test_equal_sources_make_equal_archives(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "b").mkdir(parents=True)
    (source / "b" / "two.py").write_text("2")
    (source / "one.py").write_text("1")
    first = deploy._pack(source, tmp_path / "first.zip").read_bytes()
    (source / "one.py").touch()
    assert deploy._pack(source, tmp_path / "second.zip").read_bytes() == first
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert archive.namelist() == ["b/two.py", "one.py"]


def test_digest_covers_code_and_is_stable() -> None:
    assert deploy.sources_digest() == deploy.sources_digest()
    sources = {path.relative_to(deploy.ROOT).as_posix() for path in deploy._sources()}
    assert {"cdk.json", "cdk/stages.py", "lambdas/bootstrap.py"} <= sources
    assert "shared/contracts/names.py" in sources


def test_unreadable_record_means_deploy_again(tmp_path: Path) -> None:
    assert deploy._read_record(tmp_path) == {}
    (tmp_path / "deployed.json").write_text("{")
    assert deploy._read_record(tmp_path) == {}
    deploy._write_record(tmp_path, {"sources": "x"})
    assert deploy._read_record(tmp_path) == {"sources": "x"}


def test_embedded_cloud_stays_on_loopback(tmp_path: Path) -> None:
    told = cloud_environment(Layout(tmp_path), 8701)
    assert told["BIND_HOST"] == "127.0.0.1"
    assert told["IOT_MTLS_ENABLED"] == told["SFTP_ENABLED"] == "0"
    assert deploy.aws_environment("http://127.0.0.1:1")["AWS_ACCESS_KEY_ID"] == "local"


def test_trader_stops_before_what_it_needs() -> None:
    rank = {name: place for place, name in enumerate(STOP_LAST_FIRST)}
    assert rank["trader"] > rank["aws"] > rank["postgres"]
    assert rank["trader"] > rank["simulators"]


def test_every_local_parameter_names_one_variable() -> None:
    assert len(set(LOCAL_PARAMETERS.values())) == len(LOCAL_PARAMETERS)
    assert all(name.startswith("TWINLEG_") for name in LOCAL_PARAMETERS.values())


class FakeManager:
    """Secrets Manager with one secret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        assert SecretId == names.secret("local", "session")
        return {"SecretString": self.text}

    def put_secret_value(self, SecretId: str, SecretString: str) -> None:
        self.text = SecretString


def test_printed_code_is_the_one_that_logs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = FakeManager('{"password_hash": "kept"}')
    monkeypatch.setattr(login, "client", lambda _service, _endpoint: manager)
    code = login.new_code()
    assert len(code) == 9 and code[4] == "-"
    login.store_code("http://nowhere", code)
    stored = json.loads(manager.text)
    assert stored["password_hash"] == "kept"
    assert code.replace("-", "") not in manager.text
    assert all(isinstance(value, str) for value in stored.values())
    assert log_in(code.lower(), stored, FakeSessions()).actor == "operator"


def test_codes_differ_and_avoid_confusing_letters() -> None:
    codes = {login.new_code() for _ in range(200)}
    assert len(codes) == 200
    assert not set("01OI") & set("".join(codes))
