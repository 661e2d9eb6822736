"""Order ids survive kill -9 and a torn tail; what is damaged costs only itself."""

from __future__ import annotations

from pathlib import Path

from trader_task.order_ids import FILE, OrderIds, is_us_order


async def test_ids_are_read_back_and_the_last_word_stands(tmp_path: Path) -> None:
    ids = OrderIds(tmp_path / "us")
    assert ids.read() == {}
    for attempt, order in (("a", "o1"), ("b", "o2"), ("a", "o3")):
        await ids.keep(attempt, order)  # type: ignore[arg-type]
    assert OrderIds(tmp_path / "us").read() == {"a": "o3", "b": "o2"}


async def test_a_torn_tail_is_put_aside_and_later_ids_are_not_lost_behind_it(
    tmp_path: Path,
) -> None:
    ids = OrderIds(tmp_path)
    await ids.keep("a", "o1")  # type: ignore[arg-type]
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes() + b"deadbeef {half")
    assert ids.read() == {"a": "o1"}
    await ids.keep("b", "o2")  # type: ignore[arg-type]
    assert OrderIds(tmp_path).read() == {"a": "o1", "b": "o2"}
    assert (tmp_path / f"{FILE}.damaged").exists()


async def test_a_disk_that_refuses_does_not_hide_the_answer(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    await OrderIds(blocked).keep("a", "o1")  # type: ignore[arg-type]


def test_rows_of_the_record_that_are_orders_of_this_venue() -> None:
    assert is_us_order({"venue": "polymarket_us", "order_id": "o"})
    assert not is_us_order({"venue": "polymarket_us", "order_id": None})
    assert not is_us_order({"venue": "polymarket", "order_id": "o"})
