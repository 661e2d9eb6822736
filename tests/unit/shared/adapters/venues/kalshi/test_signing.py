"""Signatures against the deterministic vectors of the fact sheet and RFC 8032."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from shared.adapters.venues.kalshi.signing import Signer, build_signed_text, load_private_key
from shared.domain.errors import DomainError

TS_MS = 1_764_000_000_000
SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
VECTORS = {
    "/trade-api/v2/portfolio/balance": (
        "15bXhaXsuA3ITNGGkcV7W0dvW3BZsKnRb1zBCNrG7avd1tl40u69WR+QforLAjbhtnBXg+cNBglxZI4juCzyBA=="
    ),
    "/trade-api/ws/v2": (
        "0Tc1RKkNQYLjGFbnvrIU//QWAjtjeIwBusl3GAM/cD4zbrctwMl/TnuLZoY0igsQOQiTDIIczRhwzpY5AKVvDw=="
    ),
}


def _pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.mark.parametrize("path", sorted(VECTORS))
def test_ed25519_vectors(path: str) -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SEED))
    assert Signer("k", key).sign(TS_MS, "GET", path) == VECTORS[path]


def test_query_is_not_signed_and_method_is_upper_case() -> None:
    text = build_signed_text(TS_MS, "get", "/trade-api/v2/portfolio/orders?limit=5")
    assert text == b"1764000000000GET/trade-api/v2/portfolio/orders"


def test_seconds_instead_of_milliseconds_are_caught() -> None:
    with pytest.raises(AssertionError):
        build_signed_text(TS_MS // 1000, "GET", "/trade-api/v2/markets")


def test_rsa_is_chosen_by_the_parsed_key_not_the_header() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = _pem(key)
    assert "BEGIN PRIVATE KEY" in pem  # the same header as an Ed25519 key
    headers = Signer.from_pem("key-1", pem).headers(TS_MS * 1_000_000, "POST", "/trade-api/v2/x")
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == str(TS_MS)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    key.public_key().verify(
        base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"]),
        f"{TS_MS}POST/trade-api/v2/x".encode(),
        pss,
        hashes.SHA256(),
    )


@pytest.mark.parametrize("text", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_unreadable_key_never_shows_its_text(text: str) -> None:
    with pytest.raises(DomainError) as caught:
        load_private_key(text)
    assert text == "" or text not in str(caught.value)


def test_other_key_types_are_refused() -> None:
    with pytest.raises(DomainError):
        load_private_key(_pem(ec.generate_private_key(ec.SECP256R1())))
