"""EIP-712 order hashes and signatures of CLOB V2, and both authentication levels.

Everything that does not depend on the order is hashed once at import or once per
contract, so that an order costs two keccaks and one signature. The order id of the
venue is the plain digest of the order, for every wallet type; a deposit wallet signs a
different digest around it (ERC-7739) and appends what a verifier needs to unwrap it.
Source: the official SDKs; held to their bytes by tests over recorded vectors.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from coincurve import PrivateKey
from sha3 import keccak_256

from shared.adapters.venues.polymarket.capabilities import (
    CHAIN_ID,
    EXCHANGE_DOMAIN_NAME,
    EXCHANGE_DOMAIN_VERSION,
    SignatureType,
)
from shared.domain.errors import DomainError


def keccak(data: bytes) -> bytes:
    """Return the Keccak-256 hash (not SHA3-256); a quarter of the time of pycryptodome's."""
    digest: bytes = keccak_256(data).digest()
    return digest


ORDER_TYPE: Final = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    "uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    "bytes32 builder)"
)
_ORDER_TYPEHASH: Final = keccak(ORDER_TYPE.encode())
_WRAPPED_TYPEHASH: Final = keccak(
    (
        "TypedDataSign(Order contents,string name,string version,uint256 chainId,"
        "address verifyingContract,bytes32 salt)" + ORDER_TYPE
    ).encode()
)
_DOMAIN_TYPEHASH: Final = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_AUTH_DOMAIN_TYPEHASH: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
_AUTH_TYPEHASH: Final = keccak(
    b"ClobAuth(address address,string timestamp,uint256 nonce,string message)"
)
_AUTH_MESSAGE_HASH: Final = keccak(b"This message attests that I control the given wallet")
_WALLET_NAME_HASH: Final = keccak(b"DepositWallet")
_WALLET_VERSION_HASH: Final = keccak(b"1")
_ORDER_TYPE_TAIL: Final = ORDER_TYPE.encode() + len(ORDER_TYPE).to_bytes(2, "big")

_UINT256_MAX: Final = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """The signed fields of one order. Amounts are millionths of pUSD or of shares.

    ``side`` is 0 for BUY (gives pUSD, takes shares) and 1 for SELL. ``timestamp_ms`` is
    unix milliseconds and makes the order unique together with ``salt`` (below 2**53).
    ``expiration`` travels in the payload only and is deliberately not here.
    """

    salt: int
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    side: int
    signature_type: SignatureType
    timestamp_ms: int
    metadata: bytes = bytes(32)
    builder: bytes = bytes(32)

    def __post_init__(self) -> None:
        numbers = (self.token_id, self.maker_amount, self.taker_amount, self.timestamp_ms)
        if not all(0 <= number <= _UINT256_MAX for number in numbers):
            raise DomainError("an order field does not fit into 256 bits")
        if not 0 <= self.salt <= _UINT256_MAX or self.side not in (0, 1):
            raise DomainError("salt or side of the order is out of range")
        if len(self.metadata) != 32 or len(self.builder) != 32:
            raise DomainError("metadata and builder are 32 bytes each")


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@lru_cache(maxsize=64)
def _address_word(address: str) -> bytes:
    """Return an address as a 32-byte word; raises DomainError when it is not an address."""
    text = address[2:] if address.startswith(("0x", "0X")) else address
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise DomainError(f"not an address: {address!r:.60}")
    return raw.rjust(32, b"\0")


@lru_cache(maxsize=16)
def domain_separator(
    exchange: str,
    chain_id: int = CHAIN_ID,
    *,
    name: str = EXCHANGE_DOMAIN_NAME,
    version: str = EXCHANGE_DOMAIN_VERSION,
) -> bytes:
    """Return the EIP-712 separator of one exchange contract (computed once, then cached)."""
    return keccak(
        _DOMAIN_TYPEHASH
        + keccak(name.encode())
        + keccak(version.encode())
        + _word(chain_id)
        + _address_word(exchange)
    )


def struct_hash(order: OrderMessage) -> bytes:
    """Return the EIP-712 hash of the order's fields, without the domain."""
    return keccak(
        _ORDER_TYPEHASH
        + _word(order.salt)
        + _address_word(order.maker)
        + _address_word(order.signer)
        + _word(order.token_id)
        + _word(order.maker_amount)
        + _word(order.taker_amount)
        + _word(order.side)
        + _word(int(order.signature_type))
        + _word(order.timestamp_ms)
        + order.metadata
        + order.builder
    )


def order_digest(order: OrderMessage, separator: bytes) -> bytes:
    """Return the digest that is the venue's order id, whatever the wallet type."""
    assert len(separator) == 32, len(separator)
    digest: bytes = keccak(b"\x19\x01" + separator + struct_hash(order))
    assert len(digest) == 32
    return digest


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """Digest (order id, lower-case hex with 0x) and wire signature (likewise) of one order."""

    order_id: str
    signature: str


class OrderSigner:
    """Holds one private key; signs orders and authentication messages.

    The key never leaves this object and never appears in its repr.
    """

    __slots__ = ("_key", "address", "chain_id")

    def __init__(self, private_key: str, *, chain_id: int = CHAIN_ID) -> None:
        text = private_key[2:] if private_key.startswith("0x") else private_key
        try:
            raw = bytes.fromhex(text)
            if len(raw) != 32:
                # The library fills a shorter key up with zeros: another key than was meant.
                raise ValueError
            self._key = PrivateKey(raw)
        except ValueError:
            # The cause is dropped on purpose: its text may quote the key.
            raise DomainError("the Polymarket private key is not 32 bytes of hex") from None
        self.chain_id = chain_id
        self.address = checksum_address(
            keccak(self._key.public_key.format(compressed=False)[1:])[12:]
        )

    def __repr__(self) -> str:
        return f"OrderSigner({self.address})"

    def sign_digest(self, digest: bytes) -> bytes:
        """Return r || s || v (v is 27 or 28) over a 32-byte digest; deterministic (RFC 6979)."""
        assert len(digest) == 32
        raw = self._key.sign_recoverable(digest, hasher=None)
        assert len(raw) == 65 and raw[64] in (0, 1)
        return raw[:64] + bytes((raw[64] + 27,))

    def sign_order(self, order: OrderMessage, separator: bytes) -> SignedOrder:
        """Sign an order for the contract behind ``separator``.

        Raises:
            DomainError: maker and signer do not fit the signature type.
        """
        self._check_roles(order)
        contents = struct_hash(order)
        digest = keccak(b"\x19\x01" + separator + contents)
        if order.signature_type is not SignatureType.DEPOSIT_WALLET:
            signature = self.sign_digest(digest)
        else:
            signature = self._sign_wrapped(order, separator, contents)
        return SignedOrder(f"0x{digest.hex()}", f"0x{signature.hex()}")

    def _check_roles(self, order: OrderMessage) -> None:
        """Refuse the commonest cause of venue rejects: the wrong address in maker or signer."""
        own = self.address.lower()
        maker, signer = order.maker.lower(), order.signer.lower()
        if order.signature_type is SignatureType.DEPOSIT_WALLET:
            if maker != signer:
                raise DomainError("a deposit wallet is both maker and signer of its orders")
        elif signer != own:
            raise DomainError("the signer of the order is not the address of the key")
        if order.signature_type is SignatureType.EOA and maker != own:
            raise DomainError("an EOA order is made by the address of the key")

    def _sign_wrapped(self, order: OrderMessage, separator: bytes, contents: bytes) -> bytes:
        """Return the ERC-7739 signature of a deposit wallet (317 bytes)."""
        wrapped = keccak(
            _WRAPPED_TYPEHASH
            + contents
            + _WALLET_NAME_HASH
            + _WALLET_VERSION_HASH
            + _word(self.chain_id)
            + _address_word(order.signer)
            + bytes(32)
        )
        inner = self.sign_digest(keccak(b"\x19\x01" + separator + wrapped))
        signature = inner + separator + contents + _ORDER_TYPE_TAIL
        assert len(signature) == 317, len(signature)
        return signature

    def sign_auth(self, timestamp_s: int, nonce: int) -> str:
        """Return the level-1 signature that proves control of the wallet (API key calls only)."""
        domain = keccak(
            _AUTH_DOMAIN_TYPEHASH + keccak(b"ClobAuthDomain") + keccak(b"1") + _word(self.chain_id)
        )
        message = keccak(
            _AUTH_TYPEHASH
            + _address_word(self.address)
            + keccak(str(timestamp_s).encode())
            + _word(nonce)
            + _AUTH_MESSAGE_HASH
        )
        return "0x" + self.sign_digest(keccak(b"\x19\x01" + domain + message)).hex()


def checksum_address(raw: bytes) -> str:
    """Return the EIP-55 form of a 20-byte address."""
    assert len(raw) == 20
    text = raw.hex()
    marks = keccak(text.encode()).hex()
    pairs = zip(text, marks, strict=False)
    return "0x" + "".join(c.upper() if int(m, 16) > 7 else c for c, m in pairs)


@dataclass(frozen=True, slots=True)
class ApiCredentials:
    """Level-2 credentials of one API key. ``secret`` is url-safe base64."""

    api_key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return f"ApiCredentials({self.api_key!r})"


def l2_signature(secret: str, timestamp_s: int, method: str, path: str, body: str = "") -> str:
    """Return the HMAC of one request: url-safe base64 with its padding kept.

    Args:
        path: Without the query string, as the venue computes it.
        body: The exact text that is sent; empty when there is none.
    """
    key = base64.urlsafe_b64decode(secret)
    message = f"{timestamp_s}{method}{path}{body}".encode()
    return base64.urlsafe_b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def l2_headers(
    credentials: ApiCredentials,
    address: str,
    timestamp_s: int,
    method: str,
    path: str,
    body: str = "",
) -> dict[str, str]:
    """Return the headers of an authenticated call; ``address`` is the owner of the API key."""
    return {
        "POLY_ADDRESS": address,
        "POLY_API_KEY": credentials.api_key,
        "POLY_PASSPHRASE": credentials.passphrase,
        "POLY_TIMESTAMP": str(timestamp_s),
        "POLY_SIGNATURE": l2_signature(credentials.secret, timestamp_s, method, path, body),
    }


def l1_headers(signer: OrderSigner, timestamp_s: int, nonce: int = 0) -> dict[str, str]:
    """Return the headers of a wallet-authenticated call (create or derive an API key)."""
    return {
        "POLY_ADDRESS": signer.address,
        "POLY_SIGNATURE": signer.sign_auth(timestamp_s, nonce),
        "POLY_TIMESTAMP": str(timestamp_s),
        "POLY_NONCE": str(nonce),
    }
