"""The order path's connection against a hand-written peer on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from shared.adapters.venues import order_connection
from shared.adapters.venues.order_connection import (
    NoAnswerError,
    NotConnectedError,
    OrderConnection,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Peer:
    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.base = ""
        self.ended = asyncio.Event()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


@asynccontextmanager
async def peer(answer: Answer) -> AsyncIterator[Peer]:
    seen = Peer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        try:
            while True:
                seen.requests.append(await read_request(reader))
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError, RuntimeError):
            # uvloop says RuntimeError for a write to what is closed already.
            seen.ended.set()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()


async def say_ok(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


def yes() -> None:
    return None


async def test_one_connection_serves_many_orders() -> None:
    async with peer(say_ok) as seen:
        line = OrderConnection(seen.base)
        for _ in range(3):
            assert await line.send("POST", "/order", {"A": "b"}, b"{}", yes) == (200, b"hi")
        await line.aclose()
    assert seen.connections == 1 and len(seen.requests) == 3
    assert seen.requests[0].startswith(b"POST /order HTTP/1.1\r\n")
    assert seen.requests[0].endswith(b"\r\n\r\n{}") and b"\r\nA: b\r\n" in seen.requests[0]


async def test_permission_is_asked_with_the_connection_open_and_nothing_leaves_without_it() -> None:
    async with peer(say_ok) as seen:
        line = OrderConnection(seen.base)
        connected: list[int] = []

        def ask() -> str:
            connected.append(1)
            return "lease is short"

        assert await line.send("POST", "/order", {}, b"{}", ask) is None
        await asyncio.sleep(0.05)
        assert connected == [1] and seen.connections == 1 and seen.requests == []
        assert await line.send("POST", "/order", {}, b"{}", yes) == (200, b"hi")
        await line.aclose()


async def test_no_connection_means_permission_is_never_asked() -> None:
    async with peer(say_ok) as seen:
        base = seen.base
    asked: list[int] = []
    with pytest.raises(NotConnectedError):
        await OrderConnection(base).send("POST", "/", {}, b"", lambda: asked.append(1))  # type: ignore[func-returns-value]
    assert asked == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 2_000_000,
    ],
)
async def test_f019_f082_cut_or_wrong_answers_are_no_answer(answer: bytes) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.transport.close()

    async with peer(cut) as seen:
        line = OrderConnection(seen.base)
        with pytest.raises(NoAnswerError):
            await line.send("POST", "/order", {}, b"{}", yes)
        await line.aclose()


async def test_f017_a_slow_answer_aborts_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_connection, "ANSWER_TIMEOUT_S", 0.05)

    async def never(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(OK)

    async with peer(never) as seen:
        line = OrderConnection(seen.base)
        with pytest.raises(NoAnswerError, match="TimeoutError"):
            await line.send("POST", "/order", {}, b"{}", yes)
        async with asyncio.timeout(2):
            await seen.ended.wait()
        await line.aclose()


async def test_a_closed_spare_is_replaced_before_permission_is_asked() -> None:
    async def once(writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        writer.close()

    async with peer(once) as seen:
        line = OrderConnection(seen.base)
        assert await line.send("POST", "/order", {}, b"{}", yes) == (200, b"hi")
        await asyncio.sleep(0.05)
        assert await line.send("POST", "/order", {}, b"{}", yes) == (200, b"hi")
        assert seen.connections == 2
        await line.aclose()


@pytest.mark.parametrize("is_late", [False, True])
async def test_f085_an_answer_that_nobody_asked_for_never_meets_the_next_order(
    is_late: bool,
) -> None:
    strange = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nstrange"

    async def twice(writer: asyncio.StreamWriter) -> None:
        writer.write(OK if is_late else OK + strange)
        await writer.drain()
        if is_late:
            await asyncio.sleep(0.02)
            writer.write(strange)

    async with peer(twice) as seen:
        line = OrderConnection(seen.base)
        for n in range(3):
            assert await line.send("POST", "/order", {}, b"{}", yes) == (200, b"hi")
            await asyncio.sleep(0.06)
            assert seen.connections == n + 1, "that connection is not trusted again"
        await line.aclose()


async def test_an_answer_that_ends_with_the_connection_is_whole() -> None:
    async def until_close(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi ")
        await writer.drain()
        writer.write(b"there")
        writer.close()

    async with peer(until_close) as seen:
        line = OrderConnection(seen.base)
        assert await line.send("POST", "/order", {}, b"{}", yes) == (200, b"hi there")
        assert await line.send("POST", "/order", {}, b"{}", yes) == (200, b"hi there")
        assert seen.connections == 2
        await line.aclose()


async def test_a_cancelled_order_leaves_no_connection_behind() -> None:
    async def never(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async with peer(never) as seen:
        line = OrderConnection(seen.base)
        task = asyncio.create_task(line.send("POST", "/order", {}, b"{}", yes))
        for _ in range(200):
            if seen.requests:
                break
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert line._idle == []
        await line.aclose()


async def test_hints_before_the_answer_are_passed_over() -> None:
    async def hint(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        for byte in OK:
            writer.write(bytes([byte]))
            await writer.drain()

    async with peer(hint) as seen:
        line = OrderConnection(seen.base)
        assert await line.send("POST", "/order", {}, b"{}", yes) == (200, b"hi")
        await line.aclose()


def test_it_works_on_the_loop_of_the_trader() -> None:
    """The tests around run on asyncio's own loop; the trader runs on uvloop."""

    async def three_orders() -> tuple[int, list[tuple[int, bytes] | None]]:
        async with peer(say_ok) as seen:
            line = OrderConnection(seen.base)
            answers = [await line.send("POST", "/order", {}, b"{}", yes) for _ in range(3)]
            assert await line.send("POST", "/order", {}, b"{}", lambda: "halted") is None
            await line.aclose()
            return seen.connections, answers

    assert uvloop.run(three_orders()) == (1, [(200, b"hi")] * 3)


def test_a_cut_connection_is_no_answer_on_the_loop_of_the_trader() -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def one() -> None:
        async with peer(cut) as seen:
            line = OrderConnection(seen.base)
            with pytest.raises(NoAnswerError):
                await line.send("POST", "/order", {}, b"{}", yes)
            await line.aclose()

    uvloop.run(one())
