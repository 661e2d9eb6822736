"""What the venue's list of keys says about ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.adapters.venues.kalshi.schemas import ApiKeysReply

TRADE_SCOPES: Final = frozenset({"write", "write::trade"})
READ_SCOPES: Final = frozenset({"read"})


@dataclass(frozen=True, slots=True)
class KeyState:
    """``may_trade`` None: the venue did not say. ``text`` is for people."""

    may_trade: bool | None
    text: str


def judge_key(reply: ApiKeysReply, key_id: str) -> KeyState:
    """Find our key among the listed ones and read its scopes."""
    own = next((key for key in reply.api_keys if key.api_key_id == key_id), None)
    if own is None:
        return KeyState(False, "the venue does not list this key")
    scopes = frozenset(own.scopes)
    lacks = [w for w, s in (("read", READ_SCOPES), ("trade", TRADE_SCOPES)) if not s & scopes]
    words = f"scopes {', '.join(sorted(scopes)) or 'none'}"
    if lacks:
        return KeyState(False, f"{words}: may not {' or '.join(lacks)}")
    spare = " (write::trade would be enough)" if "write" in scopes else ""
    return KeyState(True, words + spare)
