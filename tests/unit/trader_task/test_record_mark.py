"""F-080: the mark follows what is committed, and never leads it."""

from __future__ import annotations

import pytest

from shared.domain.enums import RunMode
from tests.support.trader_fakes import MemoryFlags, package_row
from trader_task.envelopes import Envelopes
from trader_task.record_mark import RecordMark

pytestmark = pytest.mark.usefixtures("inline_threads")


async def test_the_mark_moves_with_committed_packages_only() -> None:
    flags, envelopes = MemoryFlags(), Envelopes(RunMode.PAPER_SIM)
    mark = RecordMark(flags, lambda: envelopes.highest)
    assert await mark.compare({}) == (0, "")
    await mark.follow()
    assert flags.pointers == {}, "nothing was committed"
    envelopes.add(package_row(number=3), [])
    envelopes.add(package_row(number=2), [])
    await mark.follow()
    assert flags.pointers == {"record": 3}


async def test_a_store_that_is_away_is_tried_again() -> None:
    class Away(MemoryFlags):
        calls = 0

        def put_pointer(self, name: str, version: int) -> None:
            self.calls += 1
            if self.calls == 1:
                raise OSError("away")
            super().put_pointer(name, version)

    flags = Away()
    mark = RecordMark(flags, lambda: 5)
    await mark.follow()
    assert flags.pointers == {}
    await mark.follow()
    await mark.follow()
    assert flags.pointers == {"record": 5} and flags.calls == 2, "written once it moved, not again"
