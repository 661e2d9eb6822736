"""The kernel: one event in, commands out. No clock, no randomness, no I/O inside.

Rule 1: the order in which events are given is the truth; a replay of the same events
        gives byte-identical commands (I-19).
Rule 2: an exception out of ``step`` leaves the state suspect. The process must stop
        (crash-only): its supervisor starts it again into recovery, where the venues are
        believed over memory. Corrupt state is worse than none.
Rule 3: malformed *inputs* never raise; they mark a book, settle nothing, or are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.domain import events as ev
from shared.domain.commands import Command
from shared.engine import (
    adoption,
    control,
    evidence,
    execution,
    exits,
    feeds,
    operator_verbs,
    reconciler,
    resume,
    settlement,
)
from shared.engine.state import State, Turn

Handler = Callable[[State, Turn, Any], None]

_HANDLERS: Final[dict[type, Handler]] = {
    ev.BookReplaced: feeds.on_replaced,
    ev.BookChanged: feeds.on_changed,
    ev.BookMarked: feeds.on_marked,
    ev.BookProved: feeds.on_proved,
    ev.FeedStatus: feeds.on_feed,
    ev.MarketStatusChanged: feeds.on_status,
    ev.InstrumentChanged: feeds.on_instrument,
    ev.MarketResolved: feeds.on_resolved,
    ev.EnvelopeCommitted: execution.on_committed,
    ev.EnvelopeFailed: execution.on_commit_failed,
    ev.AttemptSending: execution.on_sending,
    ev.SendRefused: execution.on_refused,
    ev.AttemptAnswered: execution.on_answer,
    ev.FillSeen: execution.on_fill,
    ev.TradeFinality: execution.on_finality,
    ev.EvidenceFound: evidence.on_evidence,
    ev.OrderTimes: execution.on_times,
    ev.AccountSnapshot: reconciler.on_account,
    ev.PayoutSeen: settlement.on_payout,
    ev.StateLoaded: control.on_loaded,
    ev.ConfigChanged: control.on_config,
    ev.PairsChanged: control.on_pairs,
    ev.HaltTaken: control.on_halt,
    ev.HaltLifted: resume.on_lift,
    ev.LeaseSeen: control.on_lease,
    ev.RecoveryFinished: lambda state, turn, _: control.on_recovered(state, turn),
    ev.OperatorVerb: operator_verbs.on_verb,
    ev.AdoptionOrdered: adoption.on_adoption,
    ev.TimerFired: lambda state, turn, event: control.on_timer(state, turn, event.timer_id),
    ev.SecondTicked: lambda state, turn, _: control.on_second(state, turn),
    ev.JournalHealth: control.on_journal,
    ev.PairProven: control.on_proven,
}


class Kernel:
    """Holds the state and steps it. One instance a run; single-threaded by contract."""

    __slots__ = ("_last_mono_ns", "_last_seq", "state")

    def __init__(self, build: str) -> None:
        self.state = State(build=build)
        self._last_seq = -1
        self._last_mono_ns = -1

    def step(self, event: ev.Event) -> list[Command]:
        """Apply one event and return the commands it causes, in order.

        Args:
            event: Stamped once by ingress; ``seq`` and ``mono_ns`` never go back (I-26).
        """
        stamp = event.stamp
        assert stamp.seq > self._last_seq, (stamp.seq, self._last_seq)
        assert stamp.mono_ns >= self._last_mono_ns, (stamp.mono_ns, self._last_mono_ns)
        self._last_seq, self._last_mono_ns = stamp.seq, stamp.mono_ns
        self.state.wall_ns = stamp.wall_ns
        turn = Turn(stamp)
        _HANDLERS[type(event.body)](self.state, turn, event.body)
        if self.state.exits_done:
            exits.work_off(self.state, turn)
        return turn.out
