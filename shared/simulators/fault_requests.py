"""What happens to a request on its way in and to its answer on the way out.

The outermost middleware of every server: nothing is charged, authenticated or executed
that a fault keeps from arriving. The venues' own words for refusals and spoilt bodies
come from their ``VenueShape``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from shared.domain.enums import Venue
from shared.domain.units import NS_PER_S
from shared.exchange.fault_plan import FaultWindow
from shared.exchange.seeded import draw_between, stream_key
from shared.simulators.fault_bodies import change_schema, cut_rows, is_listing
from shared.simulators.world import World

JSON: Final = "application/json"
LETTERS: Final = {Venue.KALSHI: "k", Venue.POLYMARKET: "p", Venue.POLYMARKET_US: "u"}
"""First part of the keys that are one venue's own."""
STEP_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class VenueShape:
    """What a venue's requests look like and how it says no."""

    venue: Venue
    is_order: Callable[[web.Request], bool]
    is_private_list: Callable[[web.Request], bool]
    refuse: Callable[[World, web.Request, bytes], web.Response | None]
    """The answer of a fault that refuses in the venue's own words, or None."""
    spoil: Callable[[FaultWindow, dict[str, Any]], bytes]
    """An order's answer body as ``k.body``, ``p.body``, ``u.body`` or ``k.bad_counts`` makes it."""
    no_order_field: bytes
    """The refusal of an order that lacks a field which the venue now wants (F-099)."""
    server_error: bytes
    """Body of an order that ended in a 5xx."""

    @property
    def letter(self) -> str:
        return LETTERS[self.venue]


@dataclass(slots=True)
class RequestFaults:
    """The faults of one server; ``middleware`` goes first into its application."""

    world: World
    shape: VenueShape
    _late: set[asyncio.Task[None]] = field(default_factory=set)
    _last_answer: bytes = b""
    _halves: int = 0
    _draws: int = 0

    def add_to(self, app: web.Application) -> None:
        app.middlewares.insert(0, self.middleware())
        app.on_cleanup.append(self._cancel_late)

    def middleware(self) -> Middleware:
        @web.middleware
        async def strike(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self.world.faults.is_on or request.path.startswith("/__sim__"):
                return await handler(request)
            return await self._strike(request, handler)

        return strike

    async def _cancel_late(self, _app: web.Application) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    # --- the way in ------------------------------------------------------------------------

    async def _strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults, shape = self.world.faults, self.shape
        now_ns = self.world.now_ns()
        parted = faults.open_window("partition", now_ns)
        if parted is not None and faults.fires("partition", now_ns, shape.venue.value):
            if parted.shape == "in" and not _is_socket(request):
                await _answered(handler, request)
            return await self._silence(request, lambda: self._is_open(parted))
        if window := faults.hit("lat", now_ns, shape.venue.value):
            self._draws += 1
            key = stream_key(self.world.seed, f"lat/{shape.letter}")
            low, high = window.size // 2, window.size * 3 // 2
            await asyncio.sleep(draw_between(key, self._draws, low, high) / 1_000)
        if _is_socket(request):
            return await handler(request)
        body = await request.read()
        refusal = shape.refuse(self.world, request, body)
        if refusal is not None:
            return refusal
        if shape.is_order(request):
            return await self._order(request, handler, names_in(body))
        return await self._read(request, handler)

    def _is_open(self, window: FaultWindow) -> bool:
        return self.world.faults.open_window(window.key, self.world.now_ns()) is window

    async def _silence(self, request: web.Request, lasts: Callable[[], bool]) -> web.StreamResponse:
        """Answer nothing for as long as it lasts, then cut the connection."""
        # Looked at again and again: the fault may be switched off, the client may go.
        while lasts() and not _is_gone(request):  # noqa: ASYNC110
            await asyncio.sleep(STEP_S)
        return _cut(request)

    # --- orders ----------------------------------------------------------------------------

    async def _order(
        self, request: web.Request, handler: Handler, names: tuple[str, ...]
    ) -> web.StreamResponse:
        faults, now_ns, letter = self.world.faults, self.world.now_ns(), self.shape.letter
        if faults.fires(f"{letter}.req_lost", now_ns, *names):
            return _cut(request)
        if window := faults.hit(f"{letter}.req_late", now_ns, *names):
            self._run_late(request, handler, window.size / 1_000)
            return _cut(request)
        error_key = "p.500" if letter == "p" else f"{letter}.5xx"
        if window := faults.hit(error_key, now_ns, *names):
            return await self._server_error(request, handler, window)
        schema = faults.open_window("schema", now_ns)
        is_required = schema is not None and schema.shape == "required"
        if is_required and faults.fires("schema", now_ns, *names):
            return web.Response(body=self.shape.no_order_field, status=400, content_type=JSON)
        if window := faults.hit("tcp", now_ns, *names):
            return await self._bad_wire(request, handler, window)
        answer = await _answered(handler, request)
        if answer.status not in (200, 201):
            return answer
        if faults.fires(f"{letter}.ack_lost", now_ns, *names):
            return _cut(request)
        body = bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b""
        before, self._last_answer = self._last_answer, body
        if before and faults.fires("http.swap", now_ns, *names):
            return _with_body(answer, before)
        for key in (f"{letter}.body", "k.bad_counts"):
            if key == "k.bad_counts" and letter != "k":
                continue
            if window := faults.hit(key, now_ns, *names):
                return _spoilt(answer, window, self.shape, body)
        return answer

    def _run_late(self, request: web.Request, handler: Handler, delay_s: float) -> None:
        """Let the order land later although its sender gave up (F-017)."""

        async def land() -> None:
            await asyncio.sleep(delay_s)
            await _answered(handler, request)

        task = asyncio.create_task(land())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _server_error(
        self, request: web.Request, handler: Handler, window: FaultWindow
    ) -> web.StreamResponse:
        self._halves += 1
        is_landed = window.shape == "landed" or (window.shape == "half" and self._halves % 2 == 0)
        if is_landed:
            await _answered(handler, request)
        body = self.shape.server_error
        return web.Response(body=body, status=window.size, content_type=JSON)

    async def _bad_wire(
        self, request: web.Request, handler: Handler, window: FaultWindow
    ) -> web.StreamResponse:
        until_ns = self.world.now_ns() + window.size * 1_000_000
        if window.shape == "half_open":
            return await self._silence(request, lambda: self.world.now_ns() < until_ns)
        answer = await _answered(handler, request)
        if window.shape == "slow":
            await asyncio.sleep(window.size / 1_000)
            return answer
        body = bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b""
        stream = web.StreamResponse(
            status=answer.status, headers={"Content-Length": str(len(body))}
        )
        await stream.prepare(request)
        await stream.write(body[: len(body) // 2])
        return _cut(request)

    # --- reads -----------------------------------------------------------------------------

    async def _read(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults, now_ns, shape = self.world.faults, self.world.now_ns(), self.shape
        names = (request.path, shape.venue.value)
        schema = faults.open_window("schema", now_ns)
        if schema is not None and schema.shape != "required" and request.method == "GET":
            schema = faults.hit("schema", now_ns, *names)
            if schema is not None and schema.shape == "410":
                gone = {"error": {"code": "gone", "message": "this endpoint is gone"}}
                return web.json_response(gone, status=410)
        else:
            schema = None
        paged = None
        if shape.is_private_list(request):
            paged = faults.hit("rest.cut_page", now_ns, *names)
            if paged is not None and paged.shape == "error":
                return web.json_response({"error": "upstream"}, status=502)
        answer = await _answered(handler, request)
        body = bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b""
        if answer.status != 200 or not is_listing(body):
            return answer
        if paged is not None:
            if paged.shape == "cut":
                return _with_body(answer, body[: len(body) * 2 // 3])
            edge_s = (now_ns - paged.size * 1_000_000) / NS_PER_S
            body = cut_rows(body, edge_s, is_stale=paged.shape == "stale")
            answer = _with_body(answer, body)
        if schema is not None:
            return _with_body(answer, change_schema(body, schema.shape))
        return answer


def names_in(body: bytes) -> tuple[str, ...]:
    """Return the texts of a body that a window may name: ids, tickers, tokens."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
    rows = [fields, fields.get("order")] if isinstance(fields, dict) else []
    return tuple(v for row in rows if isinstance(row, dict) for v in row.values() if type(v) is str)


async def _answered(handler: Handler, request: web.Request) -> web.Response:
    """Return what a handler answers, also when it does so by raising."""
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        answer = web.Response(body=error.body, status=error.status, content_type=JSON)
    assert isinstance(answer, web.Response), answer
    return answer


def _spoilt(
    answer: web.Response, window: FaultWindow, shape: VenueShape, body: bytes
) -> web.Response:
    if window.shape == "html":
        return web.Response(
            body=b"<html><body>Bad gateway</body></html>",
            status=answer.status,
            content_type="text/html",
        )
    if window.shape == "empty":
        return _with_body(answer, b"")
    if window.shape == "cut":
        return _with_body(answer, body[: len(body) // 2])
    return _with_body(answer, shape.spoil(window, msgspec.json.decode(body)))


def _with_body(answer: web.Response, body: bytes) -> web.Response:
    return web.Response(body=body, status=answer.status, content_type=JSON)


def _is_socket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _cut(request: web.Request) -> web.Response:
    """Abort the connection; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
