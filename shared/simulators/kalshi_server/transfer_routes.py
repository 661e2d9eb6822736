"""Moving cash between shards: asynchronous, not atomic, in centi-cents (KALSHI 2.6)."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from shared.domain.units import NS_PER_S, UsdMicros
from shared.exchange.matching_core import Exchange
from shared.exchange.orders import Refused
from shared.simulators.kalshi_server.order_routes import AccountOf
from shared.simulators.kalshi_server.problems import Problem, answer, problem_of
from shared.simulators.kalshi_server.wire import time_text
from shared.simulators.world import World

MICROS_PER_CENTICENT: Final = 100
PATH: Final = "/portfolio/intra_exchange_instance_transfer"


class TransferRoutes:
    """Create and list transfers; every handler authenticates first."""

    def __init__(self, world: World, exchange: Exchange, account_of: AccountOf) -> None:
        self._world, self._exchange, self._account_of = world, exchange, account_of
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def add_to(self, app: web.Application, base: str) -> None:
        app.router.add_post(base + PATH, self.create)
        app.router.add_get(base + PATH + "s", self.list_transfers)
        app.router.add_get(base + PATH + "/{transfer_id}", self.get_transfer)

    async def create(self, request: web.Request) -> web.Response:
        """Take the money at once; it arrives at once too, unless ``k.transfer`` strikes."""
        account = self._account_of(request)
        source, target, amount, client_id = _read(await request.read())
        rows = self._rows.setdefault(account, [])
        known = next((r for r in rows if client_id and r["client_transfer_id"] == client_id), None)
        if known is not None:
            return answer({"transfer_id": known["transfer_id"]})
        now_ns = self._world.now_ns()
        window = self._world.faults.hit("k.transfer", now_ns, account)
        form = window.shape if window else ""
        moved = amount // 100 if form == "hundredth" else amount
        status = {"half": "pending", "lost": "failed"}.get(form, "complete")
        if form not in ("lost", "half"):
            usd = UsdMicros(moved * MICROS_PER_CENTICENT)
            done = self._exchange.transfer(account, source, target, usd, now_ns)
            if isinstance(done, Refused):
                raise problem_of(done)
        elif form == "half":
            # Taken from the source and not arrived: it is nobody's to spend meanwhile.
            usd = UsdMicros(amount * MICROS_PER_CENTICENT)
            done = self._exchange.hold_transfer(account, source, usd)
            if isinstance(done, Refused):
                raise problem_of(done)
        transfer_id = f"transfer-{account}-{len(rows) + 1}"
        rows.append(
            {
                "transfer_id": transfer_id,
                "client_transfer_id": client_id,
                "amount": moved,
                "source_exchange_shard": source,
                "destination_exchange_shard": target,
                "status": status,
                "created_ts": now_ns // NS_PER_S,
                "created_time": time_text(now_ns),
            }
        )
        return answer({"transfer_id": transfer_id})

    async def list_transfers(self, request: web.Request) -> web.Response:
        return answer({"transfers": self._rows.get(self._account_of(request), []), "cursor": ""})

    async def get_transfer(self, request: web.Request) -> web.Response:
        wanted = request.match_info["transfer_id"]
        for row in self._rows.get(self._account_of(request), []):
            if row["transfer_id"] == wanted:
                return answer({"transfer": row})
        raise Problem(404, "not_found", "no such transfer")


def _read(body: bytes) -> tuple[int, int, int, str]:
    """Return (source shard, target shard, centi-cents, client id). Raises Problem (400)."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "invalid_parameters", "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise Problem(400, "invalid_parameters", "the body is not an object")
    names = ("source_exchange_shard", "destination_exchange_shard", "amount")
    values = [fields.get(name) for name in names]
    if any(not isinstance(v, int) or isinstance(v, bool) or v < 0 for v in values):
        raise Problem(400, "invalid_parameters", "shards and amount are whole numbers")
    source, target, amount = (int(v) for v in values if v is not None)
    if amount == 0 or source == target:
        raise Problem(400, "invalid_parameters", "amount or shards")
    return source, target, amount, str(fields.get("client_transfer_id") or "")
