"""``fees quote``, ``edge quote``, ``orders encode``: JSON lines in, JSON lines out."""

from __future__ import annotations

from typing import Annotated

import typer

from shared.services.quotes import edge_quote, fees_quote
from trader_task.commands.answers import answer_rows

fees_app = typer.Typer(no_args_is_help=True, help="What the venues charge.")
edge_app = typer.Typer(no_args_is_help=True, help="What both packages of a pair would earn.")
orders_app = typer.Typer(no_args_is_help=True, help="Order bytes and signatures.")

Source = Annotated[str, typer.Option("--in", help="JSON lines; - is standard input")]


@fees_app.callback()
@edge_app.callback()
@orders_app.callback()
def _group() -> None:
    """Keep the verb even while a group has only one."""


@fees_app.command("quote")
def quote_fees(source: Source) -> None:
    """Answer the fee of each fill: {"fee","fee_max","model"}."""
    answer_rows(source, fees_quote)


@edge_app.command("quote")
def quote_edge(source: Source) -> None:
    """Answer both packages of each pair of books, walked for their quantity."""
    answer_rows(source, edge_quote)


@orders_app.command("encode")
def encode_orders(source: Source) -> None:
    """Encode and sign each order: {"orderID","makerAmount","takerAmount","signature"}."""
    from trader_task.bootstrap_commands import order_encoder
    from trader_task.commands.running import environment

    answer_rows(source, order_encoder(environment()))
