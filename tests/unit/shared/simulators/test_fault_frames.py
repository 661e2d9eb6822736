"""What a connection gets under each fault of its frames; nothing of another venue's."""

from __future__ import annotations

import pytest

from shared.domain.enums import Venue
from shared.exchange.fault_plan import FaultWindow
from shared.simulators.fault_frames import GARBAGE, FramePipe, Generations
from shared.simulators.world import World
from tests.support.kalshi_world import StillLife


class Wire:
    """A pipe, what came out of it, and whether it was cut."""

    def __init__(self, venue: Venue = Venue.KALSHI) -> None:
        self.now = 10
        self.world = World(StillLife(), clock=lambda: self.now)
        self.out: list[bytes] = []
        self.cuts = 0
        self.generations = Generations()
        self.venue = venue
        self.pipe = self.connect()

    def connect(self) -> FramePipe:
        return FramePipe(self.world, self.venue, self.generations, self.out.append, self.cut)

    def cut(self) -> None:
        self.cuts += 1

    def on(self, key: str, **more: object) -> None:
        self.world.faults.switch_on(FaultWindow(key, 0, 100, **more))  # type: ignore[arg-type]

    def send(self, *frames: bytes) -> list[bytes]:
        for frame in frames:
            self.pipe.data(frame, ("T",))
        return self.out


A, B, C = b"a", b"b", b"c"


def test_without_faults_everything_passes_in_order() -> None:
    wire = Wire()
    wire.pipe.control(b"ok")
    assert wire.send(A, B) == [b"ok", A, B]


@pytest.mark.parametrize(
    ("key", "more", "got"),
    [
        ("k.ws.drop", {"most": 1}, [B, C]),
        ("k.ws.drop", {"most": 1, "amount": 2}, [C]),
        ("k.ws.freeze", {}, []),
        ("ws.dup", {"most": 1}, [A, A, B, C]),
        ("ws.reorder", {"most": 1}, [B, A, C]),
        ("ws.garbage", {"most": 1, "form": "nan"}, [GARBAGE["nan"], A, B, C]),
        ("ws.dup", {"only": "T", "most": 1}, [A, A, B, C]),
        ("ws.dup", {"only": "another market"}, [A, B, C]),
        ("ws.dup", {"only": "polymarket"}, [A, B, C]),
        ("p.ws.drop", {}, [A, B, C]),
        ("partition", {"only": "polymarket"}, [A, B, C]),
        ("partition", {"form": "out"}, [A, B, C]),
        ("partition", {"form": "in"}, []),
    ],
)
def test_each_fault_of_a_frame(key: str, more: dict[str, object], got: list[bytes]) -> None:
    wire = Wire()
    wire.on(key, **more)
    assert wire.send(A, B, C) == got


def test_private_frames_have_faults_of_their_own() -> None:
    wire = Wire()
    wire.on("k.user.drop")
    wire.pipe.data(A, (), is_private=True)
    assert wire.send(B) == [B]
    wire.world.faults.switch_off("k.user.drop")
    wire.on("k.user.dup")
    wire.pipe.data(C, (), is_private=True)
    assert wire.out == [B, C, C]


def test_a_partition_silences_and_then_ends_the_connection() -> None:
    wire = Wire()
    wire.on("partition")
    assert wire.pipe.is_deaf() and wire.send(A) == [] and not wire.cuts
    wire.pipe.control(b"PONG")
    assert wire.out == []
    wire.now = 100
    assert not wire.pipe.is_deaf()
    wire.world.faults.switch_on(FaultWindow("ws.dup", 0, 1))
    assert wire.send(B) == [] and wire.cuts == 1


def test_a_new_connection_first_gets_frames_of_the_old_one() -> None:
    wire = Wire()
    wire.on("ws.replay_old_generation", amount=2)
    wire.send(A, B, C)
    wire.out.clear()
    wire.pipe = wire.connect()
    wire.pipe.control(b"subscribed")
    assert wire.send(b"snapshot") == [B, C, b"subscribed", b"snapshot"]
