"""Changing the configuration: order of the steps, base check, dry run, roll back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.adapters.stores.memory import MemoryConfig, MemoryFlags
from shared.contracts.events_v1 import ControlCommand
from shared.contracts.names import CONFIG_POINTER_PK
from shared.domain.config import DEFAULT_CONFIG
from shared.domain.errors import ConfigError, StoreError
from shared.ports.messaging import Received
from shared.services import configuration


class Queue:
    def __init__(self, is_down: bool = False) -> None:
        self.sent: list[ControlCommand] = []
        self.is_down = is_down

    def send(self, command: ControlCommand) -> None:
        if self.is_down:
            raise StoreError("queue away")
        self.sent.append(command)

    def receive(self, max_n: int = 10, wait_s: int = 1) -> Sequence[Received]:
        raise AssertionError((max_n, wait_s))

    def acknowledge(self, receipt: str) -> None:
        raise AssertionError(receipt)


def change(
    store: MemoryConfig,
    values: dict[str, str],
    *,
    flags: MemoryFlags | None = None,
    queue: Queue | None = None,
    base: int | None = None,
    dry_run: bool = False,
    reason: str = "because",
) -> configuration.Changed:
    return configuration.set_values(
        store,
        flags or MemoryFlags(),
        queue or Queue(),
        values,
        actor="me",
        reason=reason,
        now_ns=77,
        base=base,
        dry_run=dry_run,
    )


def test_a_change_is_stored_pointed_at_and_sent_in_full() -> None:
    store, flags, queue = MemoryConfig(), MemoryFlags(), Queue()
    done = change(store, {"pairs_max": "5"}, flags=flags, queue=queue)
    assert (done.base, done.version, done.warning) == (1, 2, "")
    assert [(c.key, c.before, c.after) for c in done.changes] == [("pairs_max", 8, 5)]
    assert flags.get_pointer(CONFIG_POINTER_PK) == 2
    (command,) = queue.sent
    assert (command.kind, command.actor, command.issued_at) == ("config_changed", "me", 77)
    assert command.payload["version"] == 2
    assert command.payload["document"] == store.load_active()[1]
    assert configuration.load(store).pairs_max == 5


def test_dry_run_and_no_difference_change_nothing() -> None:
    store, queue = MemoryConfig(), Queue()
    dry = change(store, {"pairs_max": "5"}, queue=queue, dry_run=True)
    assert (dry.version, dry.is_dry_run, len(dry.changes)) == (1, True, 1)
    same = change(store, {"pairs_max": "8"}, queue=queue)
    assert (same.version, same.changes) == (1, ())
    assert queue.sent == []
    assert configuration.load(store) == DEFAULT_CONFIG


def test_all_bad_values_are_named_and_nothing_is_stored() -> None:
    store = MemoryConfig()
    with pytest.raises(ConfigError) as said:
        change(store, {"pairs_max": "800", "nope": "1", "retries": "2"})
    assert len(str(said.value).splitlines()) == 2
    with pytest.raises(ConfigError, match="stops must rise"):
        change(store, {"stop_day_pct": "4"})
    with pytest.raises(ConfigError, match="actor and a reason"):
        change(store, {"pairs_max": "5"}, reason=" ")
    assert store.load_active()[0] == 1


def test_an_old_view_is_a_conflict() -> None:
    store = MemoryConfig()
    change(store, {"pairs_max": "5"}, base=1)
    with pytest.raises(StoreError, match="version 2 became active since version 1"):
        change(store, {"retries": "2"}, base=1)
    assert store.load_active()[0] == 2


def test_stored_but_not_announced_is_said() -> None:
    store = MemoryConfig()
    done = change(store, {"pairs_max": "5"}, queue=Queue(is_down=True))
    assert done.version == 2
    assert "version 2 is stored but not fully announced (command: queue away)" in done.warning


def test_rollback_makes_old_values_a_new_version() -> None:
    store, flags, queue = MemoryConfig(), MemoryFlags(), Queue()
    change(store, {"pairs_max": "5"})
    done = configuration.rollback(store, flags, queue, 1, actor="me", reason="no", now_ns=9)
    assert (done.version, [c.after for c in done.changes]) == (3, [8])
    assert configuration.load(store).pairs_max == 8
    assert configuration.load(store).version == 3
    with pytest.raises(StoreError, match="no configuration version 99"):
        configuration.rollback(store, flags, queue, 99, actor="me", reason="no", now_ns=9)


def test_show_and_diff() -> None:
    store = MemoryConfig()
    change(store, {"min_net_edge_cents": "3"})
    version, entries = configuration.show(store)
    by_key = {e.key: e for e in entries}
    assert version == 2
    assert (by_key["min_net_edge_cents"].value, by_key["min_net_edge_cents"].default) == (
        "3",
        "2.5",
    )
    assert by_key["min_net_edge_cents"].unit == "cents"
    assert configuration.show(store, 1)[1][0].value == "2.5"
    (difference,) = configuration.diff(store, 1)
    assert (difference.key, difference.before, difference.after) == (
        "min_net_edge_cents",
        "2.5",
        "3",
    )
    assert configuration.diff(store, 2, 2) == ()


def test_an_unreadable_stored_document_is_an_error_not_a_guess() -> None:
    store = MemoryConfig()
    store.save({"pairs_max": 8, "from_the_future": 1}, actor="x", reason="y", base=1)
    with pytest.raises(ConfigError, match="from_the_future: unknown key"):
        configuration.load(store)


def test_real_money_needs_the_typed_word_to_be_switched_on_only() -> None:
    store, flags, queue = MemoryConfig(), MemoryFlags(), Queue()

    def switch(text: str, word: str = "", *, dry_run: bool = False) -> configuration.Changed:
        return configuration.set_values(
            store,
            flags,
            queue,
            {"flag_live": text},
            actor="me",
            reason="go",
            now_ns=1,
            dry_run=dry_run,
            typed_word=word,
        )

    assert len(switch("on", dry_run=True).changes) == 1
    for word in ("", "live", "YES"):
        with pytest.raises(ConfigError, match="flag_live: needs the word LIVE typed"):
            switch("on", word)
    assert switch("on", "LIVE").version == 2
    assert switch("off").version == 3
    with pytest.raises(ConfigError, match="needs the word LIVE"):
        configuration.rollback(store, flags, queue, 2, actor="me", reason="no", now_ns=9)
