"""Request signatures: ``base64(sign(ts_ms + METHOD + path))``.

The path includes ``/trade-api/v2`` and never the query; the body is not signed. The
algorithm follows from the parsed key, never from the PEM header (PKCS#8 hides both).
Ed25519 takes about 25 microseconds and is done inline; RSA-PSS about 0.3 ms, so that the
headers of the one path that must be fast are prepared ahead and used while fresh.
"""

from __future__ import annotations

import base64
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from shared.domain.errors import DomainError
from shared.domain.units import NS_PER_MS

PrivateKey = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_SHA256: Final = hashes.SHA256()
_PSS: Final = padding.PSS(padding.MGF1(_SHA256), padding.PSS.DIGEST_LENGTH)


def build_signed_text(ts_ms: int, method: str, path: str) -> bytes:
    """Return the bytes that are signed. ``ts_ms`` is unix time in milliseconds.

    >>> build_signed_text(1764000000000, "get", "/trade-api/v2/portfolio/orders?limit=5")
    b'1764000000000GET/trade-api/v2/portfolio/orders'
    """
    assert ts_ms > 1_000_000_000_000, "milliseconds, not seconds"
    assert path.startswith("/"), path
    return f"{ts_ms}{method.upper()}{path.split('?', 1)[0]}".encode()


def load_private_key(pem: str) -> PrivateKey:
    """Parse a PEM private key.

    Raises:
        DomainError: not a private key, or neither RSA nor Ed25519. Never shows the text.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DomainError("the Kalshi private key is not a readable PEM key") from None
    if not isinstance(key, (ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)):
        raise DomainError("the Kalshi private key is neither Ed25519 nor RSA")
    return key


PREPARED_MAX_NS: Final = 500 * NS_PER_MS
"""Prepared headers older than this are not used: the accepted clock skew is undocumented."""
PREPARE_EVERY_S: Final = 0.25


class PreparedHeaders:
    """Headers of one method and path, signed ahead for a key that signs slowly."""

    def __init__(self, signer: Signer, method: str, path: str) -> None:
        self._signer, self._method, self._path = signer, method, path
        self._headers: dict[str, str] = {}
        self._made_mono_ns = 0

    def refresh(self, wall_ns: int, mono_ns: int) -> None:
        """Sign anew, for use within the next half second."""
        self._headers = self._signer.headers(wall_ns, self._method, self._path)
        self._made_mono_ns = mono_ns

    def take(self, mono_ns: int) -> dict[str, str] | None:
        """Return the headers while they are fresh, else None: sign inline then."""
        age_ns = mono_ns - self._made_mono_ns
        return self._headers if self._headers and 0 <= age_ns <= PREPARED_MAX_NS else None


class Signer:
    """Signs for one API key id."""

    def __init__(self, key_id: str, key: PrivateKey) -> None:
        assert key_id, "an API key id is needed"
        self.key_id = key_id
        self._key = key

    @staticmethod
    def from_pem(key_id: str, pem: str) -> Signer:
        return Signer(key_id, load_private_key(pem))

    @property
    def is_slow(self) -> bool:
        """Whether signing takes so long that it is worth preparing."""
        return isinstance(self._key, rsa.RSAPrivateKey)

    @property
    def kind(self) -> str:
        """The algorithm of the key, for people."""
        return "Ed25519" if isinstance(self._key, ed25519.Ed25519PrivateKey) else "RSA-PSS"

    def __repr__(self) -> str:
        return f"Signer({self.key_id!r})"

    def sign(self, ts_ms: int, method: str, path: str) -> str:
        text = build_signed_text(ts_ms, method, path)
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            signature = self._key.sign(text)
        else:
            signature = self._key.sign(text, _PSS, _SHA256)
        return base64.b64encode(signature).decode("ascii")

    def headers(self, wall_ns: int, method: str, path: str) -> dict[str, str]:
        """Return the three headers of a request or a websocket handshake."""
        ts_ms = wall_ns // 1_000_000
        return {
            "KALSHI-ACCESS-KEY": self.key_id,
            "KALSHI-ACCESS-TIMESTAMP": str(ts_ms),
            "KALSHI-ACCESS-SIGNATURE": self.sign(ts_ms, method, path),
        }
