"""Checks every signature as the venue does, written apart from the code that signs.

Level 1 is a wallet signature over a login message, level 2 an HMAC over each request,
and every order carries an EIP-712 signature that must come from the account's owner:
directly (type 0) or, for a deposit wallet (type 3), wrapped with the data that a contract
needs to unwrap it. Type strings and layouts are those of the exchange contracts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from coincurve import PublicKey
from eth_hash.auto import keccak

CHAIN_ID: Final = 137
STANDARD: Final = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK: Final = "0xe2222d279d744050d28e00520010520000310F59"
CLOCK_TOLERANCE_S: Final = 60

_TYPE_ORDER: Final = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    b"uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    b"bytes32 builder)"
)
_TYPE_WRAPPED: Final = (
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    b"address verifyingContract,bytes32 salt)" + _TYPE_ORDER
)
_TYPE_DOMAIN: Final = (
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_TYPE_LOGIN_DOMAIN: Final = b"EIP712Domain(string name,string version,uint256 chainId)"
_TYPE_LOGIN: Final = b"ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_LOGIN_TEXT: Final = b"This message attests that I control the given wallet"


class BadSignatureError(Exception):
    """The signature is malformed or was made by somebody else."""


@dataclass(frozen=True, slots=True)
class WireOrder:
    """One order as the body carries it, numbers decoded, addresses lower case."""

    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: int
    taker_amount: int
    is_buy: bool
    signature_type: int
    timestamp: int
    expiration: int
    metadata: bytes
    builder: bytes
    signature: bytes

    @staticmethod
    def parse(wire: Mapping[str, Any]) -> WireOrder:
        """Read the ``order`` object of a body; raises ValueError for anything unexpected."""
        try:
            if not isinstance(wire["salt"], int) or isinstance(wire["salt"], bool):
                raise ValueError("salt is a JSON number")
            order = WireOrder(
                salt=wire["salt"],
                maker=_address(wire["maker"]),
                signer=_address(wire["signer"]),
                token_id=str(_number(wire["tokenId"])),
                maker_amount=_number(wire["makerAmount"]),
                taker_amount=_number(wire["takerAmount"]),
                is_buy={"BUY": True, "SELL": False}[wire["side"]],
                signature_type=int(wire["signatureType"]),
                timestamp=_number(wire["timestamp"]),
                expiration=_number(wire.get("expiration", "0")),
                metadata=_hex(wire["metadata"], 32),
                builder=_hex(wire["builder"], 32),
                signature=_hex(wire["signature"], None),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"field {error}") from error
        if not 0 <= order.salt < 1 << 53:
            raise ValueError("salt does not fit into a JSON number")
        if order.maker_amount <= 0 or order.taker_amount <= 0:
            raise ValueError("amounts are positive")
        return order


def _address(text: str) -> str:
    return "0x" + _hex(text, 20).hex()


def _hex(text: str, length: int | None) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("hex starts with 0x")
    raw = bytes.fromhex(text[2:])
    if length is not None and len(raw) != length:
        raise ValueError(f"{length} bytes were expected")
    return raw


def _number(text: str) -> int:
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 78:
        raise ValueError("a decimal string was expected")
    return int(text)


def _pad(raw: bytes) -> bytes:
    return raw.rjust(32, b"\0")


def _uint(value: int) -> bytes:
    return _pad(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def separator_of(neg_risk: bool, chain_id: int = CHAIN_ID) -> bytes:
    """Return the domain separator of the contract that settles the market."""
    contract = bytes.fromhex((NEG_RISK if neg_risk else STANDARD)[2:])
    parts = (keccak(_TYPE_DOMAIN), keccak(b"Polymarket CTF Exchange"), keccak(b"2"))
    return keccak(b"".join(parts) + _uint(chain_id) + _pad(contract))


def hash_of(order: WireOrder) -> bytes:
    """Return the struct hash of an order."""
    words = [
        keccak(_TYPE_ORDER),
        _uint(order.salt),
        _pad(bytes.fromhex(order.maker[2:])),
        _pad(bytes.fromhex(order.signer[2:])),
        _uint(int(order.token_id)),
        _uint(order.maker_amount),
        _uint(order.taker_amount),
        _uint(0 if order.is_buy else 1),
        _uint(order.signature_type),
        _uint(order.timestamp),
        order.metadata,
        order.builder,
    ]
    return keccak(b"".join(words))


def digest_of(order: WireOrder, neg_risk: bool) -> str:
    """Return the order id: the digest of the order under its exchange's domain."""
    return "0x" + keccak(b"\x19\x01" + separator_of(neg_risk) + hash_of(order)).hex()


def verify_order(order: WireOrder, neg_risk: bool, owner: str) -> None:
    """Raise BadSignatureError unless the account's owner signed exactly this order."""
    separator, contents = separator_of(neg_risk), hash_of(order)
    if order.signature_type != 3:
        digest = keccak(b"\x19\x01" + separator + contents)
        _require(recover(digest, order.signature), owner)
        return
    tail = _TYPE_ORDER + len(_TYPE_ORDER).to_bytes(2, "big")
    inner, appended = order.signature[:65], order.signature[65:]
    if appended != separator + contents + tail:
        raise BadSignatureError("the wrapped signature names another order or domain")
    wrapped = keccak(
        keccak(_TYPE_WRAPPED)
        + contents
        + keccak(b"DepositWallet")
        + keccak(b"1")
        + _uint(CHAIN_ID)
        + _pad(bytes.fromhex(order.signer[2:]))
        + bytes(32)
    )
    _require(recover(keccak(b"\x19\x01" + separator + wrapped), inner), owner)


def _require(found: str, owner: str) -> None:
    if found != owner.lower():
        raise BadSignatureError("signed by another key")


def recover(digest: bytes, signature: bytes) -> str:
    """Return the lower-case address that made a 65-byte signature (v is 27 or 28)."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise BadSignatureError("not a 65-byte signature")
    raw = signature[:64] + bytes((signature[64] - 27,))
    try:
        key = PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except Exception as error:
        # The binding raises several kinds for points that are not on the curve.
        raise BadSignatureError("not a valid signature") from error
    return "0x" + keccak(key.format(compressed=False)[1:])[12:].hex()


def verify_login(headers: Mapping[str, str], now_s: int, chain_id: int = CHAIN_ID) -> str:
    """Check level-1 headers; return the lower-case address that they prove."""
    try:
        address = _address(headers["POLY_ADDRESS"])
        signature = _hex(headers["POLY_SIGNATURE"], 65)
        stamp, nonce = headers["POLY_TIMESTAMP"], _number(headers.get("POLY_NONCE", "0"))
        seconds = _number(stamp)
    except (KeyError, ValueError) as error:
        raise BadSignatureError("incomplete level-1 headers") from error
    if abs(seconds - now_s) > CLOCK_TOLERANCE_S:
        raise BadSignatureError("timestamp too far from the venue's clock")
    domain = keccak(
        keccak(_TYPE_LOGIN_DOMAIN) + keccak(b"ClobAuthDomain") + keccak(b"1") + _uint(chain_id)
    )
    message = keccak(
        keccak(_TYPE_LOGIN)
        + _pad(bytes.fromhex(address[2:]))
        + keccak(stamp.encode())
        + _uint(nonce)
        + keccak(_LOGIN_TEXT)
    )
    _require(recover(keccak(b"\x19\x01" + domain + message), signature), address)
    return address


def verify_request(
    headers: Mapping[str, str], secret: str, method: str, path: str, body: bytes, now_s: int
) -> None:
    """Check the level-2 HMAC of one request; raises BadSignatureError."""
    try:
        stamp = headers["POLY_TIMESTAMP"]
        seconds = _number(stamp)
        given = base64.urlsafe_b64decode(headers["POLY_SIGNATURE"])
        key = base64.urlsafe_b64decode(secret)
    except (KeyError, ValueError, binascii.Error) as error:
        raise BadSignatureError("incomplete level-2 headers") from error
    if abs(seconds - now_s) > CLOCK_TOLERANCE_S:
        raise BadSignatureError("timestamp too far from the venue's clock")
    text = stamp.encode() + method.encode() + path.encode() + body
    if not hmac.compare_digest(hmac.new(key, text, hashlib.sha256).digest(), given):
        raise BadSignatureError("wrong HMAC")
