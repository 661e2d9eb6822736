"""Subscriptions of one websocket connection: their sids, sequence numbers and commands.

Pure. ``seq`` starts at 1 on each sid and grows by one over every frame of it, acks
included. A lost ``subscribed`` ack is made good by the next ``ok`` that answers one of
our subscribe commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import msgspec

from shared.adapters.venues.kalshi.capabilities import TICKERS_PER_COMMAND
from shared.adapters.venues.kalshi.parsing import read_msg
from shared.adapters.venues.kalshi.schemas import Frame, SubscribedMsg

BOOKS: Final = "orderbook_delta"
LIFECYCLE: Final = "market_lifecycle_v2"
_PENDING_MAX: Final = 10_000


class Order(Enum):
    """What the sequence number of a frame says."""

    NEXT = "next"
    UNCOUNTED = "uncounted"
    """The frame belongs to no sid that we count."""
    OLD = "old"
    """Seen before, or overtaken: it must not be applied."""
    AFTER_GAP = "after_gap"
    NO_SEQ = "no_seq"
    """A frame of a counted sid without a number."""


@dataclass(slots=True)
class Subscription:
    channel: str
    next_seq: int
    old_run: int = 0
    """Consecutive frames that came with an old number."""


class Subscriptions:
    """What is subscribed on the connection that is open now."""

    def __init__(self) -> None:
        self.book_sid: int | None = None
        self._subs: dict[int, Subscription] = {}
        self._pending: dict[int, tuple[str, ...]] = {}
        self._next_id = 1

    # --- commands ---------------------------------------------------------------------------

    def subscribe_lifecycle(self) -> bytes:
        return self._command("subscribe", {"channels": [LIFECYCLE]}, ())

    def subscribe_books(self, tickers: list[str]) -> bytes:
        """Subscribe markets; on a live subscription the venue adds them to its sid.

        How no-side prices are quoted is always said, because the venue's default will flip.
        """
        assert 0 < len(tickers) <= TICKERS_PER_COMMAND
        params = {"channels": [BOOKS], "market_tickers": tickers, "use_yes_price": True}
        return self._command("subscribe", params, tuple(tickers))

    def update_books(self, action: str, tickers: list[str]) -> bytes:
        """``delete_markets`` or ``get_snapshot`` on the book subscription."""
        assert self.book_sid is not None
        params = {"sids": [self.book_sid], "market_tickers": tickers, "action": action}
        return self._command("update_subscription", params, ())

    def _command(self, word: str, params: dict[str, Any], tickers: tuple[str, ...]) -> bytes:
        self._pending[self._next_id] = tickers
        if len(self._pending) > _PENDING_MAX:
            self._pending.pop(next(iter(self._pending)))
        command = {"id": self._next_id, "cmd": word, "params": params}
        self._next_id += 1
        return msgspec.json.encode(command)

    # --- answers ----------------------------------------------------------------------------

    def confirm(self, frame: Frame) -> None:
        """Take a ``subscribed`` ack. Raises WireError when it cannot be read."""
        msg = read_msg(frame, SubscribedMsg)
        self.answered(frame)
        if msg.sid in self._subs:
            return
        self._subs[msg.sid] = Subscription(msg.channel, 1)
        if msg.channel == BOOKS:
            self.book_sid = msg.sid

    def answered(self, frame: Frame) -> tuple[str, ...] | None:
        """Return the tickers of the command that a frame answers; None when it is none."""
        return self._pending.pop(frame.id, None) if frame.id is not None else None

    def adopt(self, frame: Frame) -> bool:
        """Take an ``ok``; True when it made good a lost ``subscribed`` ack of the books."""
        tickers = self.answered(frame)
        if not tickers or frame.sid is None or frame.seq is None or frame.sid in self._subs:
            return False
        self._subs[frame.sid] = Subscription(BOOKS, frame.seq + 1)
        self.book_sid = frame.sid
        return True

    def end(self, sid: int | None) -> bool:
        """Take an ``unsubscribed``; True when the book subscription is gone."""
        if sid is None or self._subs.pop(sid, None) is None or sid != self.book_sid:
            return False
        self.book_sid = None
        return True

    # --- sequence ---------------------------------------------------------------------------

    def is_books(self, sid: int | None) -> bool:
        """Say whether a sid carries books; an unknown sid might."""
        sub = self._subs.get(sid) if sid is not None else None
        return sub is None or sub.channel == BOOKS

    def check(self, frame: Frame) -> tuple[Order, int]:
        """Count one frame: (order, how many frames are missing or how long an old run is)."""
        sub = self._subs.get(frame.sid) if frame.sid is not None else None
        if sub is None:
            return Order.UNCOUNTED, 0
        if frame.seq is None:
            # Errors are not counted, and only the book channel is sure to count all else.
            is_counted = sub.channel == BOOKS and frame.type != "error"
            return (Order.NO_SEQ if is_counted else Order.UNCOUNTED), 0
        if frame.seq < sub.next_seq:
            sub.old_run += 1
            return Order.OLD, sub.old_run
        missing = frame.seq - sub.next_seq
        sub.old_run = 0
        sub.next_seq = frame.seq + 1
        return (Order.AFTER_GAP if missing else Order.NEXT), missing


def chunks(tickers: Iterable[str]) -> list[list[str]]:
    """Cut tickers into the sizes that one command may carry."""
    ordered = list(tickers)
    size = TICKERS_PER_COMMAND
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]
