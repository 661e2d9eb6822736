"""Verifies request signatures as the venue does; written apart from any signer.

Signed text: milliseconds + METHOD + path without query. Ed25519 plain, RSA as PSS with
SHA-256 and a salt of 32 bytes. The venue states no clock tolerance; 30 s is ours.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from shared.simulators.kalshi_server.problems import Problem
from shared.simulators.keys import AccountDirectory, KalshiAccount, PublicKey

SKEW_MAX_MS: Final = 30_000


def has_credentials(request: web.Request) -> bool:
    return "KALSHI-ACCESS-KEY" in request.headers


def authenticate(request: web.Request, accounts: AccountDirectory, now_ms: int) -> KalshiAccount:
    """Return the account that signed the request. Raises Problem (401)."""
    key_id = request.headers.get("KALSHI-ACCESS-KEY", "")
    stamp = request.headers.get("KALSHI-ACCESS-TIMESTAMP", "")
    signature = request.headers.get("KALSHI-ACCESS-SIGNATURE", "")
    if not (key_id and stamp and signature):
        raise Problem(401, "authentication_error", "missing authentication headers")
    account = accounts.kalshi_by_key(key_id)
    if account is None:
        raise Problem(401, "authentication_error", "unknown API key")
    if not stamp.isascii() or not stamp.isdigit() or abs(int(stamp) - now_ms) > SKEW_MAX_MS:
        raise Problem(401, "authentication_error", "timestamp is outside the window")
    signed = stamp.encode() + request.method.encode() + request.path.encode()
    if not is_signed_by(account.public_key, signature, signed):
        raise Problem(401, "authentication_error", "signature does not verify")
    return account


def is_signed_by(key: PublicKey, signature_text: str, signed: bytes) -> bool:
    """Check one base64 signature with the algorithm of the registered key."""
    try:
        signature = base64.b64decode(signature_text, validate=True)
        if isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
            key.verify(signature, signed, pss, SHA256())
        else:
            key.verify(signature, signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
