"""Request signatures: ``base64(Ed25519(ts_ms + METHOD + path))``, without query and body.

The secret is base64 of the 32-byte seed, or of 64 bytes whose first half is the seed.
Vector: POLYMARKET 8.1.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.domain.errors import DomainError


def build_signed_text(ts_ms: int, method: str, path: str) -> bytes:
    """Return the bytes that are signed. ``ts_ms`` is unix time in milliseconds.

    >>> build_signed_text(1700000000000, "post", "/v1/orders?x=1")
    b'1700000000000POST/v1/orders'
    """
    assert ts_ms > 1_000_000_000_000, "milliseconds, not seconds"
    assert path.startswith("/"), path
    return f"{ts_ms}{method.upper()}{path.split('?', 1)[0]}".encode()


def load_seed(secret: str) -> Ed25519PrivateKey:
    """Parse the base64 secret key. Raises DomainError; never shows the text."""
    try:
        raw = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise DomainError("the Polymarket US secret is not base64") from None
    if len(raw) not in (32, 64):
        raise DomainError("the Polymarket US secret is not a seed of 32 or 64 bytes")
    return Ed25519PrivateKey.from_private_bytes(raw[:32])


class Signer:
    """Signs for one API key id."""

    def __init__(self, key_id: str, key: Ed25519PrivateKey) -> None:
        assert key_id, "an API key id is needed"
        self.key_id = key_id
        self._key = key

    @staticmethod
    def from_secret(key_id: str, secret: str) -> Signer:
        return Signer(key_id, load_seed(secret))

    def __repr__(self) -> str:
        return f"Signer({self.key_id!r})"

    def sign(self, ts_ms: int, method: str, path: str) -> str:
        signature = self._key.sign(build_signed_text(ts_ms, method, path))
        return base64.b64encode(signature).decode("ascii")

    def headers(self, wall_ns: int, method: str, path: str) -> dict[str, str]:
        """Return the three headers of a request or a websocket handshake."""
        ts_ms = wall_ns // 1_000_000
        return {
            "X-PM-Access-Key": self.key_id,
            "X-PM-Timestamp": str(ts_ms),
            "X-PM-Signature": self.sign(ts_ms, method, path),
        }
