"""The approvals that a wallet must give before the exchange may move its money or shares.

Each is one transaction of the wallet on Polygon. This build names them exactly, contract
and call data, and does not send them: that needs a Polygon node or the venue's relayer.
Source: POLYMARKET 2.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from shared.adapters.venues.polymarket.capabilities import EXCHANGE_NEG_RISK, EXCHANGE_STANDARD

COLLATERAL: Final = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
CONDITIONAL_TOKENS: Final = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
SPENDERS: Final = {"standard": EXCHANGE_STANDARD, "neg_risk": EXCHANGE_NEG_RISK}
_MOST: Final = (1 << 256) - 1
_APPROVE: Final = keccak(b"approve(address,uint256)")[:4]
_APPROVE_ALL: Final = keccak(b"setApprovalForAll(address,bool)")[:4]


@dataclass(frozen=True, slots=True)
class Approval:
    """One transaction: ``data`` sent to the contract ``to`` with no value."""

    name: str
    to: str
    data: str


def _call(selector: bytes, address: str, number: int) -> str:
    words = bytes.fromhex(address[2:]).rjust(32, b"\0") + number.to_bytes(32, "big")
    assert len(selector) == 4 and len(words) == 64
    return f"0x{(selector + words).hex()}"


def list_approvals(exchanges: Iterable[str]) -> tuple[Approval, ...]:
    """Return both approvals (pUSD, outcome shares) of each named exchange.

    >>> [a.name for a in list_approvals(["standard"])]
    ['pUSD for standard', 'shares for standard']
    """
    found = []
    for name in exchanges:
        spender = SPENDERS[name]
        found.append(
            Approval(f"pUSD for {name}", COLLATERAL, _call(_APPROVE, spender, _MOST)),
        )
        found.append(
            Approval(f"shares for {name}", CONDITIONAL_TOKENS, _call(_APPROVE_ALL, spender, 1))
        )
    return tuple(found)
