"""``pairs …``: what people decide about matched pairs, and the lists that outlive them.

A decision is stored, then the pointer that the trader polls moves, then a command makes it
look sooner. When the record is away, a pair can still be stopped: the halt of its scope is
written to the other store.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from shared.contracts.names import PAIRS_POINTER_PK
from shared.domain.divergence import prior_ppm
from shared.domain.enums import HaltReason, Verdict
from shared.domain.errors import StoreError
from shared.domain.events import Halt
from shared.ports.matching import RulingKind, RulingList
from shared.services import pair_decisions
from shared.services.pair_decisions import Person
from trader_task.command_stores import CommandStores
from trader_task.commands.answers import Failed, WrongUse, print_json, say
from trader_task.commands.running import open_stores
from trader_task.commands.sending import actor, make_command

app = typer.Typer(no_args_is_help=True, help="Matched pairs: look, decide, block, allowlist.")

Pair = Annotated[str, typer.Argument(metavar="PAIR", help="id of the pair")]
Why = Annotated[str, typer.Option("--reason", help="why; kept with the decision")]
AsJson = Annotated[bool, typer.Option("--json", help="machine-readable answer")]
Kind = Annotated[RulingKind, typer.Argument(help="pair | series | source")]
A = Annotated[str, typer.Argument(metavar="A", help="market id, venue:series, or source")]
B = Annotated[str, typer.Argument(metavar="B", help="the other one")]
_SHOWN = "id verdict polarity llm_score_ppm name actor reason updated_ns needs_person".split()


@app.command("list")
def list_pairs(
    verdict: Annotated[Verdict | None, typer.Option(help="only these")] = None,
    as_json: AsJson = False,
) -> None:
    """List pairs, newest first."""
    named = verdict.value if verdict is not None else None
    rows = [
        {k: row[k] for k in _SHOWN} for row in open_stores().catalogue.list_pairs(verdict=named)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        mark = "!" if row["needs_person"] else " "
        print(f"{row['id']} {row['verdict']:<11}{mark} {row['name']:<28} {row['reason']}")


@app.command("show")
def show(pair: Pair, as_json: AsJson = False) -> None:
    """Show a pair with the evidence of every rule."""
    row = pair_decisions.find_pair(open_stores().catalogue, pair)
    if as_json:
        print_json(dict(row))
        return
    print(f"{row['name']}  {row['verdict']} ({row['polarity']}) by {row['actor']}: {row['reason']}")
    print(f"  {row['market_a_id']} · {row['market_b_id']} · score {row['llm_score_ppm'] / 1e6:.3f}")
    for found in row["evidence"]:
        print(f"  {found['verdict']:<9} {found['code']:<12} {found['reason']}")
        for side in ("span_a", "span_b"):
            if found[side]:
                print(f"    {side[-1].upper()}: {found[side]}")


@app.command("confirm")
def confirm(pair: Pair, reason: Why, as_json: AsJson = False) -> None:
    """Confirm a pair on the texts of now; what the rules refuse stays refused."""
    stores, person = open_stores(), _person(reason)
    row = pair_decisions.confirm(stores.catalogue, stores.matching, pair, person)
    _tell(stores, person)
    _answer(row, as_json)


@app.command("review")
def review(pair: Pair, reason: Why, as_json: AsJson = False) -> None:
    """Take a pair back to review; it is not traded until a person confirms it."""
    _lower(pair, Verdict.REVIEW, reason, as_json)


@app.command("reject")
def reject(pair: Pair, reason: Why, as_json: AsJson = False) -> None:
    """Reject a pair; later runs keep it so."""
    _lower(pair, Verdict.REJECTED, reason, as_json)


@app.command("deactivate")
def deactivate(pair: Pair, reason: Why, as_json: AsJson = False) -> None:
    """Take a pair out of the active set."""
    _lower(pair, Verdict.DEACTIVATED, reason, as_json)


@app.command("block")
def block(kind: Kind, a: A, b: B, reason: Why, as_json: AsJson = False) -> None:
    """Block two markets or two series, now and whenever they are found again."""
    _rule(kind, a, b, reason, RulingList.BLOCK, as_json)


@app.command("unblock")
def unblock(kind: Kind, a: A, b: B, reason: Why, as_json: AsJson = False) -> None:
    """Take a block away; its pairs wait in review for a person."""
    _unrule(kind, a, b, reason, RulingList.BLOCK, as_json)


@app.command("allow")
def allow(kind: Kind, a: A, b: B, reason: Why, as_json: AsJson = False) -> None:
    """Allowlist two differing settlement sources, or the differing sources of one pair."""
    _rule(kind, a, b, reason, RulingList.ALLOW, as_json)


@app.command("disallow")
def disallow(kind: Kind, a: A, b: B, reason: Why, as_json: AsJson = False) -> None:
    """Take an allowance away; pairs that it had confirmed go to review."""
    _unrule(kind, a, b, reason, RulingList.ALLOW, as_json)


@app.command("rulings")
def rulings(as_json: AsJson = False) -> None:
    """List what is blocked and allowlisted, by whom and why."""
    found = open_stores().matching.list_rulings()
    if as_json:
        print_json(
            [
                {
                    "list": r.list.value,
                    "kind": r.kind.value,
                    "a": r.a,
                    "b": r.b,
                    "actor": r.actor,
                    "reason": r.reason,
                    "at_ns": r.at_ns,
                }
                for r in found
            ]
        )
        return
    for r in found:
        print(f"{r.list.value:<6} {r.kind.value:<7} {r.a} · {r.b}  by {r.actor}: {r.reason}")


@app.command("crawls")
def crawls(as_json: AsJson = False) -> None:
    """Show how far the reading of each venue's listing is."""
    found = open_stores().matching.list_crawls()
    if as_json:
        print_json([{k: getattr(c, k) for k in c.__slots__ if k != "run_id"} for c in found])
        return
    for crawl in found:
        state = "done" if crawl.finished_ns else "under way"
        seconds = max(1, (crawl.updated_ns - crawl.started_ns) // 10**9)
        rate = crawl.listed // seconds
        print(
            f"{crawl.venue:<14} {state:<9} {crawl.listed:>9,} read {crawl.changed:>9,} changed"
            f" {seconds:>6} s {rate:>7,} a second"
        )


@app.command("settled")
def settled(as_json: AsJson = False) -> None:
    """Show by series how pairs settled, and what that is charged per contract."""
    stores = open_stores()
    record = stores.matching.series_record()
    rows = [
        {"series": series, "settled": n, "diverged": d, "charge_ppm": prior_ppm(n, d)}
        for series, (n, d) in sorted(record.items())
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        print(
            f"{row['series']:<32} {row['settled']:>6} settled {row['diverged']:>4} diverged"
            f"  {row['charge_ppm'] / 10_000:.2f} cents a contract"
        )


# --- inside -------------------------------------------------------------------------------


def _person(reason: str) -> Person:
    if not reason.strip():
        raise WrongUse("say why: --reason")
    return Person(actor(), reason, time.time_ns())


def _lower(pair: str, verdict: Verdict, reason: str, as_json: bool) -> None:
    stores, person = open_stores(), _person(reason)
    try:
        row = pair_decisions.lower(stores.catalogue, pair, verdict, person)
    except StoreError as error:
        halt = Halt(f"pair:{pair}", HaltReason.OPERATOR, person.name, person.at_ns, note=reason)
        stores.flags.put_halt(halt)
        raise Failed(
            f"the record is away ({error}); the pair is halted instead: repeat this later,"
            f" then `twinleg resume pair:{pair}`"
        ) from None
    _tell(stores, person)
    _answer(row, as_json)


def _rule(kind: RulingKind, a: str, b: str, reason: str, listed: RulingList, as_json: bool) -> None:
    stores, person = open_stores(), _person(reason)
    changed = pair_decisions.rule(
        stores.catalogue, stores.matching, kind, a, b, person, listed=listed
    )
    _tell(stores, person)
    _changed(changed, as_json)


def _unrule(
    kind: RulingKind, a: str, b: str, reason: str, listed: RulingList, as_json: bool
) -> None:
    stores, person = open_stores(), _person(reason)
    changed = pair_decisions.unrule(
        stores.catalogue, stores.matching, kind, a, b, person, listed=listed
    )
    _tell(stores, person)
    _changed(changed, as_json)


def _tell(stores: CommandStores, person: Person) -> None:
    """Move the pointer, then the command; the trader's own poll makes up for both."""
    try:
        version = stores.catalogue.load_pair_set()[0]
        stores.flags.put_pointer(PAIRS_POINTER_PK, version)
        command = make_command(
            "pairs_changed", "global", person.reason, person.at_ns, payload={"version": version}
        )
        stores.queue.send(command)
    except StoreError as error:
        say(f"stored; the trader sees it within 15 s ({error})")


def _answer(row: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({key: row[key] for key in _SHOWN})
    else:
        print(f"{row['id']} is {row['verdict']}")


def _changed(count: int, as_json: bool) -> None:
    if as_json:
        print_json({"changed": count})
    else:
        print(f"{count} {'verdict' if count == 1 else 'verdicts'} changed")
