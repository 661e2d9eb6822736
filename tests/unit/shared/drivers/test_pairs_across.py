"""What two packages hold of both outcomes of one market: a dollar a pair, in nobody's result."""

from __future__ import annotations

from dataclasses import replace

from shared.drivers.checkers_money import _pairs_across
from tests.support.kernel_desk import ONE, Desk


def test_only_both_outcomes_of_one_market_unpaid_make_a_pair() -> None:
    desk = Desk()
    ticket = desk.open_edge()
    desk.sending(ticket)
    desk.answer(ticket)
    first = desk.package
    held, leg = first.net(ticket.leg), first.legs[ticket.leg]
    assert held > 5 * ONE
    carried = (5 * ONE, 0) if ticket.leg == 0 else (0, 5 * ONE)
    same = replace(first, attempts={}, carried=carried)
    legs = list(first.legs)
    legs[ticket.leg] = replace(leg, outcome=leg.outcome.other)
    other = replace(same, legs=(legs[0], legs[1]))
    assert _pairs_across([first]) == _pairs_across([first, same]) == 0
    assert _pairs_across([first, other]) == 5 * ONE
    assert _pairs_across([first, replace(other, paid_legs={ticket.leg: ONE})]) == 0
    assert _pairs_across([first, replace(other, is_mirror=True)]) == 0
