"""The steps of ``matching`` over memory stores: what is asked, kept, told, and refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas import bootstrap
from lambdas.confirm_pairs import handler as confirm_pairs
from lambdas.find_candidates import handler as find_candidates
from lambdas.rank_candidate import handler as rank_candidate
from lambdas.sync_catalog import handler as sync_catalog
from lambdas.workflow_models import chunk_name, judged_name, pack, unpack
from shared.adapters.stores.memory import MemoryCatalogue, MemoryConfig, MemoryFlags
from shared.contracts import config_v1
from shared.domain.enums import Venue
from shared.domain.errors import ConfigError, DomainError
from shared.ports.event_log import StoredObject
from tests.support.matching_texts import NOON_NS, entries


class Objects:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, name: str, blob: bytes) -> None:
        assert name not in self.kept
        self.kept[name] = blob

    def get(self, name: str) -> bytes:
        return self.kept[name]

    def list_objects(self, prefix: str = "") -> Sequence[StoredObject]:
        return [
            StoredObject(n, len(b)) for n, b in sorted(self.kept.items()) if n.startswith(prefix)
        ]


class Cloud:
    """The record, the flags and the queue; ``told`` is their order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.catalogue = MemoryCatalogue()
        for listed in entries():
            self.catalogue.upsert_markets(listed, NOON_NS)
        self.record, self.objects = self.catalogue.matching, Objects()
        self.flags, self.configs = MemoryFlags(), MemoryConfig()
        self.told: list[str] = []
        self.commands = SimpleNamespace(send=lambda command: self.told.append(command.kind))
        settings = SimpleNamespace(
            stage="local", second_venue=Venue.POLYMARKET, needs_opinion=False
        )
        monkeypatch.setattr(bootstrap, "settings", lambda: settings)
        monkeypatch.setattr(bootstrap, "crawling", lambda: self)
        monkeypatch.setattr(bootstrap, "matching", lambda: self)
        monkeypatch.setattr(bootstrap, "embedder", lambda: None)
        monkeypatch.setattr(bootstrap, "ranker", lambda: None)
        for module in (find_candidates, rank_candidate, confirm_pairs):
            monkeypatch.setattr(module, "once", self.once)
            monkeypatch.setattr(module.time, "time_ns", lambda: NOON_NS)

    def once(self, step: str, key: str, _context: Any, work: Callable[[], Any]) -> Any:
        self.told.append(f"{step} {key}")
        return work()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return Cloud(monkeypatch)


CONTEXT: Any = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=128,
    invoked_function_arn="arn",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 1_000,
)


def ranked(run_id: str) -> list[dict[str, Any]]:
    """Run the first two steps; returns what the machine hands to the last."""
    found = find_candidates.handle({"run_id": run_id}, CONTEXT)
    for chunk in found["chunks"]:
        rank_candidate.handle({"run_id": run_id, "key": chunk["key"]}, CONTEXT)
    return [{"state": "ranked"} for _ in found["chunks"]]


def test_the_steps_confirm_and_the_pointer_goes_before_the_command(cloud: Cloud) -> None:
    answer = confirm_pairs.handle({"run_id": "r1", "ranked": ranked("r1")}, CONTEXT)
    judged = [r for n, b in cloud.objects.kept.items() if "judged" in n for r in unpack(b)]
    assert {row["verdict"] for row in judged} <= {"confirmed", "review"}, "no useless rows"
    assert answer["is_new"] and answer["report"]["confirmed"] >= 15
    assert cloud.flags.get_pointer("pairs") == answer["version"]
    assert cloud.told[0] == "find r1" and cloud.told[-1] == "pairs_changed"
    again = confirm_pairs.handle({"run_id": "r2", "ranked": ranked("r2")}, CONTEXT)
    assert not again["is_new"] and cloud.told.count("pairs_changed") == 1


def test_the_configured_score_decides(cloud: Cloud) -> None:
    base, document = cloud.configs.load_active()
    strict = {**document, "llm_accept_score": config_v1.parse_change("llm_accept_score", "0.999")}
    cloud.configs.save(strict, actor="t", reason="t", base=base)
    answer = confirm_pairs.handle({"run_id": "r1", "ranked": ranked("r1")}, CONTEXT)
    assert "confirmed" not in answer["report"]


def test_an_unreadable_configuration_judges_nothing(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {**config_v1.default_document(), "llm_accept_score": "none"}
    monkeypatch.setattr(cloud.configs, "load_active", lambda: (1, document))
    with pytest.raises(ConfigError):
        ranked("r1")
    assert not [name for name in cloud.objects.kept if "judged" in name]


def test_a_chunk_that_was_not_judged_changes_nothing(cloud: Cloud) -> None:
    confirm_pairs.handle({"run_id": "r1", "ranked": ranked("r1")}, CONTEXT)
    before = cloud.catalogue.load_pair_set()
    found = find_candidates.handle({"run_id": "r2"}, CONTEXT)
    failed = [{"state": "failed", "error": "States.Timeout", **c} for c in found["chunks"]]
    assert confirm_pairs.handle({"run_id": "r2", "ranked": failed}, CONTEXT)["is_new"] is False
    assert cloud.catalogue.load_pair_set() == before


@pytest.mark.parametrize(
    ("handle", "event"),
    [
        (find_candidates.handle, {}),
        (find_candidates.handle, {"run_id": "../other"}),
        (rank_candidate.handle, {"run_id": "r1", "key": "matching/r1/judged-00000.json.zst"}),
        (rank_candidate.handle, {"run_id": "r1", "key": "events/r1/candidates-00000.json.zst"}),
        (confirm_pairs.handle, {"run_id": "r1", "ranked": [{"state": "maybe"}]}),
        (confirm_pairs.handle, {"run_id": "r1", "more": 1}),
        (sync_catalog.handle, {"run_id": "r1", "venue": "elsewhere"}),
    ],
)
def test_a_malformed_step_is_refused_by_its_fields(
    cloud: Cloud, handle: Callable[..., Any], event: dict[str, Any]
) -> None:
    with pytest.raises(DomainError, match="wrong"):
        handle(event, CONTEXT)
    assert cloud.told == []


def test_without_a_venue_the_operators_venues_are_named(cloud: Cloud) -> None:
    answer = sync_catalog.handle({"run_id": "r1"}, CONTEXT)
    assert answer == {"venues": ["kalshi", "polymarket"], "is_busy": False}
    assert sync_catalog.handle({"run_id": "r2"}, CONTEXT)["is_busy"] is True
    assert sync_catalog.handle({"run_id": "r1"}, CONTEXT)["is_busy"] is False, "a retry is no other"
    confirm_pairs.handle({"run_id": "r1"}, CONTEXT)
    assert sync_catalog.handle({"run_id": "r2"}, CONTEXT)["is_busy"] is False


def test_names_of_chunks() -> None:
    assert judged_name(chunk_name("r1", 7)) == "matching/r1/judged-00007.json.zst"
    assert unpack(pack([["a", "b"]])) == [["a", "b"]]
