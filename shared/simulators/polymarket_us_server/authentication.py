"""Verifies request signatures as the venue documents them; written apart from any signer.

Signed text: milliseconds + METHOD + path. Neither query nor body is signed. The clock may
differ by 30 seconds.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from aiohttp import web
from cryptography.exceptions import InvalidSignature

from shared.simulators.keys import AccountDirectory, PolymarketUsAccount
from shared.simulators.polymarket_us_server.problems import Problem

SKEW_MAX_MS: Final = 30_000


def authenticate(
    request: web.Request, accounts: AccountDirectory, now_ms: int
) -> PolymarketUsAccount:
    """Return the account that signed the request. Raises Problem (401)."""
    key_id = request.headers.get("X-PM-Access-Key", "")
    stamp = request.headers.get("X-PM-Timestamp", "")
    signature = request.headers.get("X-PM-Signature", "")
    if not (key_id and stamp and signature):
        raise Problem(401, "missing authentication headers")
    account = accounts.polymarket_us_by_key(key_id)
    if account is None:
        raise Problem(401, "unknown API key")
    if not (stamp.isascii() and stamp.isdigit()) or abs(int(stamp) - now_ms) > SKEW_MAX_MS:
        raise Problem(401, "timestamp is outside the window")
    signed = stamp.encode() + request.method.encode() + request.path.encode()
    try:
        account.public_key.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        raise Problem(401, "signature does not verify") from None
    return account
