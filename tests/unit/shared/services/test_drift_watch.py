"""Published documents that change, lose what we rely on, or fall silent; all faked here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from shared.adapters.venues.documents import DocumentFolder, HttpDocuments
from shared.adapters.venues.kalshi import published as kalshi
from shared.adapters.venues.polymarket import published as polymarket
from shared.adapters.venues.polymarket_us import published as polymarket_us
from shared.domain.enums import Venue
from shared.domain.errors import StoreError
from shared.ports.documents import SeenDocument, WatchedDocument
from shared.services.drift_watch import EVERY_S, Drift, DriftWatch, summarise
from tests.support.virtual_clock import VirtualClock

SCHEMA = WatchedDocument(Venue.KALSHI, "openapi", "u1", ("/orders", "exchange_index"))
NEWS = WatchedDocument(Venue.KALSHI, "changelog", "u2")
TEXT = "paths:\n  /orders: post\n  exchange_index: integer\nversion: 3.34.0\n"


class Web:
    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.asked: list[str] = []

    async def fetch(self, url: str) -> str:
        self.asked.append(url)
        if url not in self.texts:
            raise StoreError(f"GET {url}: HTTP 404")
        return self.texts[url]


async def until(fact: Callable[[], bool]) -> None:
    """Wait for the thread that reads and writes files."""
    for _ in range(1_000):
        if fact():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen within 10 s")


class Bench:
    def __init__(self, folder: Path, *documents: WatchedDocument, **texts: str) -> None:
        self.web, self.clock = Web(**texts), VirtualClock()
        self.memory = DocumentFolder(folder)
        self.watch = self.start(documents)

    def start(self, documents: tuple[WatchedDocument, ...]) -> DriftWatch:
        return DriftWatch(documents, self.web, self.memory, self.clock)


async def test_the_first_reading_is_the_baseline_and_the_same_again_is_silent(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, SCHEMA, NEWS, u1=TEXT, u2="# news")
    assert await bench.watch.look() == []
    assert await bench.watch.look() == []
    # Another process, the same memory.
    assert await bench.start((SCHEMA, NEWS)).look() == []


async def test_a_change_is_told_once_with_its_lines(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SCHEMA, u1=TEXT)
    await bench.watch.look()
    bench.web.texts["u1"] = TEXT.replace("3.34.0", "3.35.0")
    [drift] = await bench.watch.look()
    assert drift == Drift(
        "kalshi/openapi",
        "p3",
        "changed: 1 line came (version: 3.35.0), 1 line went (version: 3.34.0)",
    )
    assert await bench.watch.look() == []


async def test_a_word_that_we_rely_on_and_that_is_gone_is_louder(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SCHEMA, u1=TEXT)
    await bench.watch.look()
    bench.web.texts["u1"] = TEXT.replace("exchange_index", "shard")
    drifts = await bench.watch.look()
    assert [d.severity for d in drifts] == ["p2", "p3"]
    assert "exchange_index" in drifts[0].text and "/orders" not in drifts[0].text


async def test_a_word_missing_from_the_start_is_told_at_the_first_reading(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SCHEMA, u1="nothing of it")
    [drift] = await bench.watch.look()
    assert drift.severity == "p2" and "/orders, exchange_index" in drift.text


async def test_one_unreadable_document_does_not_hide_another(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SCHEMA, NEWS, u2="a")
    await bench.watch.look()
    bench.web.texts["u2"] = "b"
    assert [d.document for d in await bench.watch.look()] == ["kalshi/changelog"]


async def test_silence_of_a_week_is_told_once_and_again_after_it_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, NEWS)
    assert await bench.watch.look() == []
    bench.clock.move(7 * 86_400)
    [drift] = await bench.watch.look()
    assert drift.severity == "p3" and "week" in drift.text
    assert await bench.watch.look() == []
    bench.web.texts["u2"] = "back"
    assert await bench.watch.look() == []
    del bench.web.texts["u2"]
    bench.clock.move(7 * 86_400)
    assert len(await bench.watch.look()) == 1


async def test_it_runs_every_six_hours(tmp_path: Path) -> None:
    bench = Bench(tmp_path, NEWS, u2="a")
    heard: list[Drift] = []
    task = asyncio.create_task(bench.watch.run(heard.append))
    await until(lambda: bench.memory.load(NEWS.key) is not None)
    await bench.clock.advance(1)
    bench.web.texts["u2"] = "b"
    await bench.clock.advance(EVERY_S - 2)
    assert not heard and len(bench.web.asked) == 1
    await bench.clock.advance(2)
    await until(lambda: bool(heard))
    task.cancel()
    assert len(heard) == 1 and len(bench.web.asked) == 2


def test_foreign_text_is_shown_bounded_and_printable() -> None:
    nasty = "\x1b[31m" + "x" * 5_000 + "\n" + "\u202e evil\n" * 9
    text = summarise("", nasty)
    assert len(text) < 500 and text.isprintable()


@pytest.mark.parametrize("content", ["", "{", '{"sha256": 1}', "[]"])
def test_a_broken_memory_is_no_memory(tmp_path: Path, content: str) -> None:
    folder = DocumentFolder(tmp_path)
    folder.save("k/n", SeenDocument("a", "t", 1))
    assert folder.load("k/n") == SeenDocument("a", "t", 1)
    next(tmp_path.glob("*.json")).write_text(content)
    assert folder.load("k/n") is None


@pytest.mark.parametrize("path", ["/good", "/missing", "/empty", "/big"])
async def test_documents_over_http_are_whole_or_an_error(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.adapters.venues.documents.BYTES_MAX", 100)
    texts = {"/good": "fine", "/empty": "", "/big": "x" * 101}

    async def handle(request: web.Request) -> web.Response:
        if request.path not in texts:
            return web.Response(status=404)
        return web.Response(text=texts[request.path])

    app = web.Application()
    app.router.add_get("/{name}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
        if path == "/good":
            assert await HttpDocuments().fetch(url) == "fine"
        else:
            with pytest.raises(StoreError):
                await HttpDocuments().fetch(url)
    finally:
        await runner.cleanup()


def test_every_watched_document_is_encrypted_and_listed_once() -> None:
    documents = (*kalshi.DOCUMENTS, *polymarket.DOCUMENTS, *polymarket_us.DOCUMENTS)
    assert all(d.url.startswith("https://") for d in documents)
    assert len({d.url for d in documents}) == len(documents) == 7
