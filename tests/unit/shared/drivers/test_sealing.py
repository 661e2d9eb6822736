"""Raw files become segments that replay alone; damage costs what it hit and is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.drivers.event_codec import LogError, digest_state
from shared.drivers.replay import replay
from shared.drivers.sealing import seal_run
from shared.drivers.segment import RAW_SUFFIX, SUFFIX, Segment, segments_of
from tests.support.recorded_desk import recorded_desk, write_raw

DESK, STEPS = recorded_desk()
CUTS = (8, 14)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write_raw(tmp_path, STEPS, CUTS)
    return tmp_path


def sealed(log: Path) -> list[Path]:
    for _ in seal_run(log / "r-1"):
        pass
    return segments_of(log)


def test_a_sealed_run_replays_to_the_same_commands_and_state(log: Path) -> None:
    paths = sealed(log)
    assert len(paths) == 3 and not list(log.rglob(f"*{RAW_SUFFIX}"))
    found = replay(paths)
    assert found.is_sound, (found.divergence, found.gaps, found.damages)
    assert found.events == len(STEPS)
    assert found.commands == sum(len(commands) for _, commands in STEPS)
    last = Segment(paths[-1])
    assert len(list(last.events())) == len(STEPS) - CUTS[-1]
    assert last.end is not None and last.end.state == digest_state(DESK.kernel.state)


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_each_segment_replays_alone(log: Path, chosen: int) -> None:
    path = sealed(log)[chosen]
    found = replay([path])
    assert found.is_sound and found.events > 0


def test_the_file_that_is_being_written_is_left_alone(log: Path) -> None:
    done = list(seal_run(log / "r-1", but=2))
    assert [s.path.name for s in done] == [f"00000{n}{SUFFIX}" for n in (0, 1)]
    assert [p.stem for p in log.rglob(f"*{RAW_SUFFIX}")] == ["000002"]
    assert [s.path.stem for s in seal_run(log / "r-1")] == ["000002"]
    assert replay(segments_of(log)).is_sound


def test_without_the_kept_checkpoint_the_segment_before_gives_it(log: Path) -> None:
    list(seal_run(log / "r-1", but=2))
    for kept in log.rglob("*.next"):
        kept.unlink()
    assert replay(sealed(log)).is_sound


def test_a_torn_tail_costs_the_block_that_was_being_written(log: Path) -> None:
    raw = log / "r-1" / f"000002{RAW_SUFFIX}"
    raw.write_bytes(raw.read_bytes() + b"\x03\x00\x00\x01\x00half a block")
    done = list(seal_run(log / "r-1"))
    assert [bool(s.damage) for s in done] == [False, False, True]
    assert "torn block" in done[-1].damage
    assert replay(segments_of(log)).is_sound, "what was flushed is whole"


def test_a_log_that_the_kernel_does_not_decide_alike_is_not_sealed(tmp_path: Path) -> None:
    event, commands = STEPS[5]
    altered = [*STEPS[:5], (event, commands[:-1] or [commands[0], commands[0]]), *STEPS[6:]]
    write_raw(tmp_path, altered, ())
    with pytest.raises(LogError, match=f"on replay event {event.stamp.seq} led to"):
        sealed(tmp_path)
    assert list(tmp_path.rglob(f"*{RAW_SUFFIX}")) and not segments_of(tmp_path)
    assert not list(tmp_path.rglob("*.half"))


def test_a_raw_file_whose_predecessor_is_gone_is_not_sealed(log: Path) -> None:
    (log / "r-1" / f"000000{RAW_SUFFIX}").unlink()
    with pytest.raises(LogError, match="the segment before it is missing"):
        sealed(log)


# --- damage of sealed segments -----------------------------------------------------------


def test_a_flipped_byte_is_named_with_its_place_and_the_rest_is_used(log: Path) -> None:
    paths = sealed(log)
    blob = bytearray(paths[1].read_bytes())
    blob[-40] ^= 0xFF
    paths[1].write_bytes(blob)
    found = replay(paths)
    assert not found.is_sound and found.divergence is None
    (damage,) = found.damages
    assert damage.path == paths[1].name and damage.offset > 0 and "checksum" in damage.reason
    assert found.segments == 3, "the next segment starts from its own checkpoint"


@pytest.mark.parametrize("keep", [0, 3, 7, 12, 100])
def test_a_cut_file_never_raises_anything_but_its_own_error(log: Path, keep: int) -> None:
    path = sealed(log)[0]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(LogError):
        replay([path])


def test_a_missing_segment_is_a_gap(log: Path) -> None:
    paths = sealed(log)
    found = replay([paths[0], paths[2]])
    assert found.gaps == [f"{paths[2].name}: 1 segments before it are missing"]


def test_reordered_segments_are_gaps(log: Path) -> None:
    paths = sealed(log)
    assert replay([paths[1], paths[0], paths[2]]).gaps


def test_a_divergence_names_the_first_event(tmp_path: Path) -> None:
    """A segment written by a kernel that decided otherwise (here: digests altered)."""
    write_raw(tmp_path, STEPS, ())
    (path,) = sealed(tmp_path)
    from shared.drivers import replay as module

    original = module.digest_of
    seen: list[int] = []

    def altered(commands: object) -> bytes:
        seen.append(1)
        return b"different" if len(seen) == 3 else original(commands)  # type: ignore[arg-type]

    module.digest_of = altered  # type: ignore[assignment]
    try:
        found = replay([path])
    finally:
        module.digest_of = original
    third = [event for event, commands in STEPS if commands][2]
    assert found.divergence is not None and found.divergence.seq == third.stamp.seq
    assert found.divergence.body == type(third.body).__name__
    assert str(third.stamp.seq) in str(found.divergence)


def test_a_later_schema_is_refused_by_its_number(log: Path) -> None:
    from dataclasses import replace

    from shared.drivers.segment import Header, SegmentWriter

    header = replace(Header("future", "r-9", "paper_sim", 0), schema=99)
    path = log / "r-9" / f"000000{SUFFIX}"
    SegmentWriter(path, header).close()
    with pytest.raises(LogError, match="schema 99, written by build future"):
        replay([path])
