"""Accounts of the simulated venues: made once, the public side served, the private handed out.

``python -m shared.simulators.keys --out DIR`` writes ``accounts.json`` (what a venue
knows of its members: public keys, addresses, the HMAC secret it must share to verify)
and ``secrets.json`` (what the member knows). Existing files are kept.
Simulated keys guard simulated money only; both files are still readable by the owner
alone, because habits are made here.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coincurve import PrivateKey
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from eth_hash.auto import keccak

from shared.domain.units import UsdMicros, format_micros, parse_micros

ACCOUNTS_FILE: Final = "accounts.json"
SECRETS_FILE: Final = "secrets.json"
DEFAULT_NAME: Final = "operator"
STARTING_CASH: Final = "5000"

PublicKey = ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class KalshiAccount:
    name: str
    key_id: str
    public_key: PublicKey
    cash_by_shard: tuple[tuple[int, UsdMicros], ...]


@dataclass(frozen=True, slots=True)
class PolymarketAccount:
    """``wallet`` is the deposit wallet (signature type 3); the EOA is allow-listed (type 0)."""

    name: str
    eoa: str
    wallet: str
    api_key: str
    secret: str
    passphrase: str
    cash: UsdMicros


@dataclass(frozen=True, slots=True)
class PolymarketUsAccount:
    name: str
    key_id: str
    public_key: ed25519.Ed25519PublicKey
    cash: UsdMicros


class AccountDirectory:
    """Who may trade at the simulated venues; looked up by what requests carry."""

    def __init__(
        self,
        kalshi: Sequence[KalshiAccount],
        polymarket: Sequence[PolymarketAccount],
        polymarket_us: Sequence[PolymarketUsAccount] = (),
    ) -> None:
        self.kalshi = tuple(kalshi)
        self.polymarket = tuple(polymarket)
        self.polymarket_us = tuple(polymarket_us)

    def polymarket_us_by_key(self, key_id: str) -> PolymarketUsAccount | None:
        return next((a for a in self.polymarket_us if a.key_id == key_id), None)

    def kalshi_by_key(self, key_id: str) -> KalshiAccount | None:
        return next((a for a in self.kalshi if a.key_id == key_id), None)

    def polymarket_by_address(self, address: str) -> PolymarketAccount | None:
        """Return the account whose EOA this is."""
        return next((a for a in self.polymarket if a.eoa == address.lower()), None)

    def polymarket_by_api_key(self, api_key: str) -> PolymarketAccount | None:
        return next((a for a in self.polymarket if a.api_key == api_key), None)

    def polymarket_by_maker(self, address: str) -> PolymarketAccount | None:
        """Return the account that trades with this maker address (EOA or deposit wallet)."""
        lower = address.lower()
        return next((a for a in self.polymarket if lower in (a.eoa, a.wallet)), None)

    @staticmethod
    def load(path: Path) -> AccountDirectory:
        """Read ``accounts.json``. Raises OSError or ValueError when it is not there or broken."""
        document = json.loads(path.read_text())
        kalshi = [_kalshi_account(row) for row in document["kalshi"]]
        polymarket = [
            PolymarketAccount(
                name=row["name"],
                eoa=row["eoa"].lower(),
                wallet=row["wallet"].lower(),
                api_key=row["api_key"],
                secret=row["api_secret"],
                passphrase=row["api_passphrase"],
                cash=UsdMicros(parse_micros(row["cash"])),
            )
            for row in document["polymarket"]
        ]
        polymarket_us = [_polymarket_us_account(row) for row in document["polymarket_us"]]
        return AccountDirectory(kalshi, polymarket, polymarket_us)


def _kalshi_account(row: dict[str, Any]) -> KalshiAccount:
    key = serialization.load_pem_public_key(row["public_key_pem"].encode())
    if not isinstance(key, ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        raise ValueError("a Kalshi key is Ed25519 or RSA")
    shards = tuple((int(s), UsdMicros(parse_micros(c))) for s, c in row["cash_by_shard"].items())
    return KalshiAccount(row["name"], row["key_id"], key, shards)


def _polymarket_us_account(row: dict[str, Any]) -> PolymarketUsAccount:
    raw = base64.b64decode(row["public_key"], validate=True)
    key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    return PolymarketUsAccount(
        row["name"], row["key_id"], key, UsdMicros(parse_micros(row["cash"]))
    )


def address_of(public_key: bytes) -> str:
    """Return the lower-case address of an uncompressed secp256k1 public key (65 bytes)."""
    assert len(public_key) == 65 and public_key[0] == 4
    return "0x" + keccak(public_key[1:])[-20:].hex()


def make_documents(
    name: str = DEFAULT_NAME, cash: UsdMicros | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return new (accounts, secrets) documents with one member at every venue.

    ``cash`` is what it starts with at each venue. Kalshi keeps it per matching engine:
    six tenths on shard 0 (default), three on 2 (crypto), one on 3 (table tennis).
    """
    total = cash if cash is not None else UsdMicros(parse_micros(STARTING_CASH))
    kalshi_key = ed25519.Ed25519PrivateKey.generate()
    wallet_key = PrivateKey()
    eoa = address_of(wallet_key.public_key.format(compressed=False))
    wallet = "0x" + keccak(b"deposit-wallet/" + bytes.fromhex(eoa[2:]))[-20:].hex()
    us_key = ed25519.Ed25519PrivateKey.generate()
    key_id, api_key, us_key_id = (str(uuid.uuid4()) for _ in range(3))
    api_secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    passphrase = secrets.token_hex(32)
    tenths = {"0": 6, "2": 3, "3": 1}
    shards = {shard: format_micros(total // 10 * part) for shard, part in tenths.items()}
    accounts = {
        "kalshi": [
            {
                "name": name,
                "key_id": key_id,
                "public_key_pem": kalshi_key.public_key()
                .public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
                .decode(),
                "cash_by_shard": shards,
            }
        ],
        "polymarket": [
            {
                "name": name,
                "eoa": eoa,
                "wallet": wallet,
                "api_key": api_key,
                "api_secret": api_secret,
                "api_passphrase": passphrase,
                "cash": format_micros(total),
            }
        ],
        "polymarket_us": [
            {
                "name": name,
                "key_id": us_key_id,
                "public_key": base64.b64encode(us_key.public_key().public_bytes_raw()).decode(),
                "cash": format_micros(total),
            }
        ],
    }
    private_pem = kalshi_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    private = {
        "kalshi": {"key_id": key_id, "private_key_pem": private_pem},
        "polymarket": {
            "private_key": "0x" + wallet_key.secret.hex(),
            "eoa": eoa,
            "wallet": wallet,
            "signature_type": "3",
            "api_key": api_key,
            "api_secret": api_secret,
            "api_passphrase": passphrase,
        },
        "polymarket_us": {
            "key_id": us_key_id,
            "secret_key": base64.b64encode(us_key.private_bytes_raw()).decode(),
        },
    }
    return accounts, private


def write_private(path: Path, document: dict[str, Any]) -> None:
    """Write a file readable by its owner alone, whole or not at all."""
    draft = path.with_suffix(".tmp")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        json.dump(document, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def ensure_files(out: Path) -> bool:
    """Create both files unless both exist; return True when they were made now.

    Files of a build that knew fewer venues gain what is missing; what is there stays.
    """
    accounts, private = out / ACCOUNTS_FILE, out / SECRETS_FILE
    if accounts.exists() and private.exists():
        known, secret = json.loads(accounts.read_text()), json.loads(private.read_text())
        public_side, private_side = make_documents()
        missing = [venue for venue in public_side if venue not in known or venue not in secret]
        if missing:
            known |= {venue: public_side[venue] for venue in missing}
            secret |= {venue: private_side[venue] for venue in missing}
            write_private(private, secret)
            write_private(accounts, known)
        return False
    out.mkdir(parents=True, exist_ok=True)
    public_side, private_side = make_documents()
    write_private(private, private_side)
    write_private(accounts, public_side)
    return True


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.simulators.keys", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of both files")
    options = parser.parse_args(argv)
    made = ensure_files(options.out)
    word = "created" if made else "kept"
    print(f"{word} {ACCOUNTS_FILE} and {SECRETS_FILE} in {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
