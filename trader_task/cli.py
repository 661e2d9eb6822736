"""``twinleg``: everything a person or a script does with Twinleg, from one command.

stdout carries the answer only; progress and reasons go to stderr. Exit codes: 0 done, 1 a
finding or failure, 2 wrong use (one line that says what).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import typer
from typer.main import get_command

from shared.domain.errors import ConfigError, TwinlegError
from trader_task.commands import (
    backtest,
    config,
    edition,
    export,
    later,
    live,
    match,
    packages,
    pairs,
    quotes,
    replay,
    simulate,
    stops,
    venues,
)
from trader_task.commands.answers import DONE, FAILED, WRONG_USE, WrongUse

app = typer.Typer(
    name="twinleg",
    help="Cross-venue prediction-market arbitrage: both legs or neither.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    """Cross-venue prediction-market arbitrage: both legs or neither."""


def _register() -> None:
    running: tuple[Callable[..., None], ...] = (edition.up, edition.down, edition.trade)
    looking: tuple[Callable[..., None], ...] = (live.status, live.edges, live.why)
    stopping: tuple[Callable[..., None], ...] = (stops.halt, stops.freeze, stops.resume)
    proving: tuple[Callable[..., None], ...] = (simulate.simulate, replay.replay)
    for command in running + looking + stopping + proving:
        app.command()(command)
    for name, group in (
        ("fees", quotes.fees_app),
        ("edge", quotes.edge_app),
        ("orders", quotes.orders_app),
        ("match", match.app),
        ("backtest", backtest.app),
        ("venues", venues.app),
        ("config", config.app),
        ("pairs", pairs.app),
        ("package", packages.app),
        ("position", packages.position_app),
        ("secrets", stops.secrets_app),
        ("export", export.app),
    ):
        app.add_typer(group, name=name)
    later.add_to(app, stops.secrets_app)


_register()


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code and never raises for a known failure."""
    command = get_command(app)
    try:
        code = command.main(list(arguments), prog_name="twinleg", standalone_mode=False)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except WrongUse as error:
        return _fail(str(error), WRONG_USE)
    except (ConfigError, TwinlegError) as error:
        return _fail(str(error) or type(error).__name__, FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
    except Exception as error:
        # The parser's own errors: an unknown command or option, a missing or bad argument.
        if getattr(error, "exit_code", None) == WRONG_USE and hasattr(error, "format_message"):
            return _fail(error.format_message() or "no command given; see --help", WRONG_USE)
        raise
    return code if isinstance(code, int) else DONE


def _fail(text: str, code: int) -> int:
    lines = [line for line in text.splitlines() if line.strip()] or ["failed"]
    shown = lines[0] if code == WRONG_USE else "\n".join(lines)
    print(f"twinleg: {shown}", file=sys.stderr)
    return code


def main() -> None:
    """Entry point of the installed command."""
    raise SystemExit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
