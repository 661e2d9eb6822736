"""A trade that failed unseen, of a package that has ended: its venue is asked all the same."""

from __future__ import annotations

from shared.domain import commands as cm
from shared.domain import events as ev
from shared.domain.order import Evidence, EvidenceKind
from shared.domain.package_table import PackageState
from tests.support.kernel_desk import Desk, restarted

LOST = frozenset({"fills", "fill_states", "ledger_postings", "positions"})


def test_a_count_whose_trade_failed_before_a_crash_is_asked_about_after_the_end() -> None:
    """The crash lost the fill and its failure: the repair must not work off what nobody holds."""
    desk = Desk()
    first = desk.open_edge()
    desk.sending(first)
    desk.pass_time(251)
    parent = desk.package
    gone = Evidence(first.attempt_id, EvidenceKind.ABSENT)
    desk.give(ev.EvidenceFound(parent.package_id, (gone,)))
    assert parent.state is PackageState.ABORTED
    fill = desk.fill(first)
    desk.give(ev.FillSeen(fill))
    child = desk.package
    assert child.kind == "repair" and child.carried[first.leg] == first.qty

    def is_lost(command: cm.Command) -> bool:
        return isinstance(command, cm.WriteRows) and (
            command.table in LOST or any(row.get("state") == "aborted" for row in command.rows)
        )

    desk.all_log = [command for command in desk.all_log if not is_lost(command)]
    again = restarted(desk)
    packages = again.kernel.state.packages
    parent, child = packages[parent.package_id], packages[child.package_id]
    attempt = parent.attempts[first.attempt_id]
    attempt.cum_qty = first.qty  # the answer had said so, and its row was kept
    assert parent.is_ended and attempt.is_price_unknown and not attempt.fills
    again.give(ev.TradeFinality(first.venue, fill.trade_id, False))
    asked = [c for c in again.log if isinstance(c, cm.AskEvidence)]
    assert (parent.package_id, first.attempt_id) in [
        (c.package_id, t.attempt_id) for c in asked for t in c.tickets
    ]
    again.give(ev.EvidenceFound(parent.package_id, (gone,)))
    assert parent.net(first.leg) == 0 == child.carried[first.leg]
    assert parent.is_ended and not attempt.is_doubted
