"""``python -m shared.simulators``: both simulated venues in one process, on loopback only.

Prints one JSON line with both base addresses when ready; progress and assumptions go to
stderr. SIGTERM and SIGINT stop gracefully; kill -9 loses nothing that was answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import uvloop
from aiohttp import web

from shared.domain.enums import Venue
from shared.exchange.matching_core import Exchange
from shared.exchange.records import restore
from shared.exchange.venue_rules import rules_of
from shared.simulators import kalshi_server, polymarket_server, polymarket_us_server
from shared.simulators.account_store import AccountStore
from shared.simulators.keys import ACCOUNTS_FILE, AccountDirectory, ensure_files
from shared.simulators.market_dynamics import MarketDynamics
from shared.simulators.recordings import Recordings, open_recordings
from shared.simulators.world import LifeSource, World

HOST: Final = "127.0.0.1"
SERVERS: Final[dict[Venue, Callable[[World, Exchange, AccountDirectory], web.Application]]] = {
    Venue.KALSHI: kalshi_server.create_app,
    Venue.POLYMARKET: polymarket_server.create_app,
    Venue.POLYMARKET_US: polymarket_us_server.create_app,
}
SHUTDOWN_S: Final = 2.0
FAILED_PPM: Final = 15_000
"""Trades that end FAILED unless asked otherwise: 1 to 2 % on an ordinary day."""


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m shared.simulators", description=__doc__)
    parser.add_argument("--kalshi-port", type=int, default=8702, help="0 = any free port")
    parser.add_argument("--polymarket-port", type=int, default=8703, help="0 = any free port")
    parser.add_argument(
        "--second-venue",
        choices=[venue.value for venue in SERVERS if venue is not Venue.KALSHI],
        default=Venue.POLYMARKET.value,
        help="the venue beside Kalshi: an operator in the US has Polymarket US (same port)",
    )
    parser.add_argument("--state", type=Path, required=True, help="folder of accounts and keys")
    parser.add_argument("--source", choices=("dynamics", "recordings"), default="dynamics")
    parser.add_argument("--recordings", type=Path, help="folder of recorded market data")
    parser.add_argument("--speed", type=float, default=1.0, help="recordings: times real time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kalshi-delay-ms", type=int, default=10, help="one-way order delay")
    parser.add_argument("--polymarket-delay-ms", type=int, default=10, help="one-way order delay")
    parser.add_argument("--failed-ppm", type=int, default=FAILED_PPM, help="trades that FAIL")
    parser.add_argument("--retry-ppm", type=int, default=10_000, help="trades that are retried")
    parser.add_argument(
        "--taker-delays",
        action="store_true",
        help="hold takers 1-3 s in sports and 50-250 ms in crypto, as the venue does",
    )
    parser.add_argument(
        "--kalshi-ids",
        choices=("ever", "open"),
        default="ever",
        help="a client id is unique for ever, or among open orders only",
    )
    options = parser.parse_args(argv)
    if not (0 <= options.failed_ppm <= 1_000_000 and 0 <= options.retry_ppm <= 1_000_000):
        parser.error("--failed-ppm and --retry-ppm are 0 to 1000000")
    if options.source == "recordings" and options.recordings is None:
        parser.error("--source recordings needs --recordings DIR")
    if options.source == "recordings" and options.second_venue != Venue.POLYMARKET.value:
        parser.error("--second-venue polymarket_us: no recordings of that venue are held")
    if not 0 < options.speed <= 100_000:
        parser.error("--speed must be above 0 and at most 100000")
    return options


def make_source(options: argparse.Namespace) -> LifeSource:
    if options.source == "dynamics":
        second = Venue(options.second_venue)
        return MarketDynamics(options.seed, second, has_holds=options.taker_delays)
    recordings: Recordings = open_recordings(
        options.recordings, options.speed, anchor_file=options.state / "recordings_anchor.json"
    )
    return recordings


def make_exchanges(options: argparse.Namespace) -> dict[Venue, Exchange]:
    """Return both exchanges with the rules that the options ask for."""
    kalshi, second = rules_of(Venue.KALSHI), rules_of(Venue(options.second_venue))
    if second.finality is not None:
        finality = replace(
            second.finality, failed_ppm=options.failed_ppm, retry_ppm=options.retry_ppm
        )
        second = replace(second, finality=finality)
    is_open_only = options.kalshi_ids == "open"
    rules = (replace(kalshi, client_ids_unique_while_open=is_open_only), second)
    return {each.venue: Exchange(each, options.seed) for each in rules}


def load_accounts(world: World, store: AccountStore, directory: AccountDirectory) -> None:
    """Put stored accounts back and fund the ones that are new; then keep them durable."""
    for venue, exchange in world.exchanges.items():
        records = store.load(venue.value)
        known = {r.key: list(r.document["positions"]) for r in records if r.table == "accounts"}
        wanted = sorted({market for markets in known.values() for market in markets})
        world.source_of_life.recall(wanted)
        restore(exchange, records)
        if venue is Venue.KALSHI:
            for member in directory.kalshi:
                if member.name not in known:
                    for shard, usd in member.cash_by_shard:
                        exchange.deposit(member.name, usd, shard)
        else:
            is_us = venue is Venue.POLYMARKET_US
            for trader in directory.polymarket_us if is_us else directory.polymarket:
                if trader.name not in known:
                    exchange.deposit(trader.name, trader.cash)
        exchange.on_commit = partial(store.commit, exchange)
        store.commit(exchange)


async def serve(app: web.Application, port: int) -> tuple[web.AppRunner, str]:
    """Listen on loopback; returns the runner and the base address. Raises OSError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    actual = runner.addresses[0][1]
    return runner, f"http://{HOST}:{actual}"


async def run(options: argparse.Namespace) -> int:
    ensure_files(options.state)
    directory = AccountDirectory.load(options.state / ACCOUNTS_FILE)
    second = Venue(options.second_venue)
    delays = {Venue.KALSHI: options.kalshi_delay_ms, second: options.polymarket_delay_ms}
    world = World(
        make_source(options),
        seed=options.seed,
        wire_delay_ms=delays,
        exchanges=make_exchanges(options),
    )
    world.start()
    # One file a world: accounts of another catalogue would hold markets that do not exist.
    store = AccountStore(options.state / f"accounts-{options.source}-{options.seed}.sqlite3")
    load_accounts(world, store, directory)
    for line in world.assumptions:
        print(f"assumption: {line}", file=sys.stderr)
    runners: list[web.AppRunner] = []
    life = asyncio.create_task(world.run(), name="world")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        bases: dict[str, str] = {}
        for venue, port in (
            (Venue.KALSHI, options.kalshi_port),
            (second, options.polymarket_port),
        ):
            app = SERVERS[venue](world, world.exchanges[venue], directory)
            try:
                runner, bases[venue.value] = await serve(app, port)
            except OSError as error:
                print(f"cannot listen on port {port}: {error.strerror}", file=sys.stderr)
                return 1
            runners.append(runner)
        print(json.dumps(bases), flush=True)
        waiter = asyncio.create_task(stop.wait())
        await asyncio.wait({waiter, life}, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if life.done():
            # A world that stopped moving is not a venue: say why and let it be restarted.
            print(f"the world stopped: {life.exception()!r}", file=sys.stderr)
            return 1
        return 0
    finally:
        life.cancel()
        for runner in runners:
            await runner.cleanup()
        for exchange in world.exchanges.values():
            store.commit(exchange)
        store.close()


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    try:
        return uvloop.run(run(options))
    except (OSError, ValueError) as error:
        print(f"the simulators could not start: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
