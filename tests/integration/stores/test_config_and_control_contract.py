"""What every ConfigStore and ControlLog does, run against Postgres and memory alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from shared.adapters.stores.memory import MemoryConfig, MemoryControl
from shared.adapters.stores.postgres_config import PostgresConfig
from shared.adapters.stores.postgres_control import PostgresControl
from shared.contracts.config_v1 import default_document
from shared.contracts.events_v1 import ControlCommand
from shared.domain.enums import HaltReason
from shared.domain.errors import StoreError
from shared.domain.events import Halt

pytestmark = pytest.mark.postgres

Configs = PostgresConfig | MemoryConfig
Control = PostgresControl | MemoryControl


@pytest.fixture(params=["memory", "postgres"])
def configs(request: pytest.FixtureRequest) -> Iterator[Configs]:
    if request.param == "memory":
        yield MemoryConfig()
        return
    made = PostgresConfig(request.getfixturevalue("postgres_dsn"))
    yield made
    made.close()


@pytest.fixture(params=["memory", "postgres"])
def control(request: pytest.FixtureRequest) -> Iterator[Control]:
    if request.param == "memory":
        yield MemoryControl()
        return
    made = PostgresControl(request.getfixturevalue("postgres_dsn"))
    yield made
    made.close()


def test_an_empty_store_begins_with_the_defaults(configs: Configs) -> None:
    assert configs.load_active() == (1, default_document())
    assert configs.load_active()[0] == 1
    assert [(r["version"], r["actor"]) for r in configs.history()] == [(1, "build")]


def test_versions_rise_and_stay_readable(configs: Configs) -> None:
    document = default_document() | {"pairs_max": 5}
    assert configs.save(document, actor="me", reason="fewer", base=1) == 2
    assert configs.save(default_document(), actor="me", reason="back", base=2) == 3
    assert configs.load_active() == (3, default_document())
    assert configs.load_version(2) == document
    newest = configs.history(2)
    assert [(r["version"], r["base_version"], r["reason"]) for r in newest] == [
        (3, 2, "back"),
        (2, 1, "fewer"),
    ]


def test_a_base_that_is_not_active_stores_nothing(configs: Configs) -> None:
    configs.load_active()
    configs.save(default_document(), actor="me", reason="one", base=1)
    with pytest.raises(StoreError, match="2 is active, not 1"):
        configs.save({}, actor="me", reason="stale", base=1)
    assert configs.load_active()[0] == 2


def test_unknown_version_is_an_error(configs: Configs) -> None:
    with pytest.raises(StoreError, match="no configuration version 9"):
        configs.load_version(9)


def test_of_two_writers_at_once_one_wins(postgres_dsn: str) -> None:
    PostgresConfig(postgres_dsn).load_active()
    results: list[int | str] = []

    def write(name: str) -> None:
        store = PostgresConfig(postgres_dsn)
        try:
            results.append(store.save({"pairs_max": 4}, actor=name, reason="race", base=1))
        except StoreError as error:
            results.append(str(error))
        store.close()

    threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(2) == 1
    assert all("nothing was stored" in r for r in results if isinstance(r, str))


def halt(**changes: object) -> Halt:
    fields: dict[str, object] = {
        "scope": "venue:kalshi",
        "reason": HaltReason.FEED_STALE,
        "actor": "trader",
        "since_wall_ns": 100,
    }
    return Halt(**(fields | changes))  # type: ignore[arg-type]


def test_halts_are_in_force_until_lifted(control: Control) -> None:
    one, two = halt(), halt(scope="global", reason=HaltReason.OPERATOR, since_wall_ns=50, note="n")
    control.put_halt(one)
    control.put_halt(two)
    assert list(control.read_halts()) == [two, one]
    control.lift_halt("venue:kalshi", "feed_stale", "trader", "fresh again", 200)
    control.lift_halt("venue:kalshi", "feed_stale", "trader", "twice", 300)
    assert list(control.read_halts()) == [two]
    control.put_halt(halt(since_wall_ns=400))
    assert [h.since_wall_ns for h in control.read_halts()] == [50, 400]


def test_a_halt_put_twice_keeps_its_beginning_and_only_gets_stricter(control: Control) -> None:
    control.put_halt(halt())
    control.put_halt(halt(since_wall_ns=900, is_freeze=True, actor="operator"))
    control.put_halt(halt(since_wall_ns=950))
    assert list(control.read_halts()) == [halt(is_freeze=True)]


def test_commands_are_logged_once(control: Control) -> None:
    command = ControlCommand(
        command_id="c1", kind="halt", scope="global", reason="why", actor="me", issued_at=5
    )
    control.record(command.model_dump())
    control.record(command.model_dump())
    control.record({"kind": "login", "actor": "me", "note": "from the dashboard"})
    control.record({"kind": "login", "actor": "me"})
    with pytest.raises(StoreError, match="refused"):
        control.record({"kind": "login"})
    if isinstance(control, PostgresControl):
        rows = control.read_log()
        assert [(r["kind"], r["command_id"]) for r in rows] == [
            ("login", None),
            ("login", None),
            ("halt", "c1"),
        ]
        assert rows[-1]["issued_at_ns"] == 5
    else:
        assert len(control.log) == 3


def test_a_lifted_halt_keeps_who_when_and_why(postgres_dsn: str) -> None:
    control = PostgresControl(postgres_dsn)
    control.put_halt(halt())
    control.lift_halt("venue:kalshi", "feed_stale", "me", "looked at it", 200)
    with psycopg.connect(postgres_dsn) as connection:
        kept = connection.execute(
            "SELECT lifted_wall_ns, lifted_by, lift_note FROM halts"
        ).fetchall()
    assert kept == [(200, "me", "looked at it")]
    assert control.read_log()[0]["kind"] == "lift"
    control.close()


def test_unknown_key_in_the_log_is_refused(postgres_dsn: str) -> None:
    control = PostgresControl(postgres_dsn)
    with pytest.raises(StoreError, match="password"):
        control.record({"kind": "login", "actor": "me", "password": "x"})
    control.close()


def test_a_database_that_does_not_answer_is_one_line() -> None:
    store = PostgresConfig("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreError) as said:
        store.load_active()
    assert str(said.value).startswith("database: ")
    assert len(str(said.value).splitlines()) == 1
