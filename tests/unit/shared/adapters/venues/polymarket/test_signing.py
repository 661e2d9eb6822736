"""Order digests and signatures: against recorded vectors, and against values derived here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from coincurve import PublicKey
from eth_hash.auto import keccak

from shared.adapters.venues.polymarket.capabilities import (
    EXCHANGE_NEG_RISK,
    EXCHANGE_STANDARD,
    SignatureType,
)
from shared.adapters.venues.polymarket.encoding import build_payload
from shared.adapters.venues.polymarket.order_rows import encode_order_row
from shared.adapters.venues.polymarket.signing import (
    ORDER_TYPE,
    OrderMessage,
    OrderSigner,
    domain_separator,
    l2_signature,
    order_digest,
    struct_hash,
)
from shared.domain.errors import DomainError
from tests.support.shared_data import SHARED, needs_shared

KEY = "0x" + "01" * 32
ADDRESS = "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"


def vectors() -> dict[str, Any]:
    path = SHARED / "facts/polymarket/vectors.json"
    return json.loads(path.read_text()) if path.exists() else {}


ORDERS = vectors().get("orders", [])


def message(**changes: Any) -> OrderMessage:
    fields: dict[str, Any] = {
        "salt": 12345,
        "maker": ADDRESS,
        "signer": ADDRESS,
        "token_id": 7,
        "maker_amount": 5_600_000,
        "taker_amount": 10_000_000,
        "side": 0,
        "signature_type": SignatureType.EOA,
        "timestamp_ms": 1_780_000_000_000,
    }
    return OrderMessage(**(fields | changes))


def row(vector: dict[str, Any]) -> dict[str, Any]:
    return {**vector, "private_key": vectors()["private_key"]}


@needs_shared
@pytest.mark.parametrize("vector", ORDERS, ids=lambda v: v["name"])
def test_every_recorded_order_byte_for_byte(vector: dict[str, Any]) -> None:
    wire = vector["post_order_body"]["order"]
    assert encode_order_row(row(vector)) == {
        "orderID": vector["order_eip712_digest"],
        "makerAmount": wire["makerAmount"],
        "takerAmount": wire["takerAmount"],
        "signature": vector["signature"],
    }


@needs_shared
@pytest.mark.parametrize(
    "vector", [v for v in ORDERS if "gtd" not in v["name"]], ids=lambda v: v["name"]
)
def test_body_is_the_official_clients_body(vector: dict[str, Any]) -> None:
    body = vector["post_order_body"]
    wire = body["order"]
    order = message(
        salt=wire["salt"],
        maker=wire["maker"],
        signer=wire["signer"],
        token_id=int(wire["tokenId"]),
        maker_amount=int(wire["makerAmount"]),
        taker_amount=int(wire["takerAmount"]),
        side=0 if wire["side"] == "BUY" else 1,
        signature_type=SignatureType(wire["signatureType"]),
        timestamp_ms=int(wire["timestamp"]),
    )
    built = build_payload(order, body["orderType"], body["owner"], signature=wire["signature"])
    assert built.decode() == json.dumps(body, separators=(",", ":"))


@needs_shared
def test_login_and_request_signatures_of_the_vectors() -> None:
    data = vectors()
    for case in data["l1_auth"]:
        signer = OrderSigner(data["private_key"], chain_id=case["chainId"])
        assert signer.address == case["address"]
        made = signer.sign_auth(int(case["timestamp"]), case["nonce"])
        assert made == case["POLY_SIGNATURE"]
    for case in data["l2_hmac"]:
        made = l2_signature(
            case["secret"], case["timestamp"], case["method"], case["path"], case["body"] or ""
        )
        assert made == case["POLY_SIGNATURE"]


def test_request_signature_of_the_published_example() -> None:
    made = l2_signature("A" * 43 + "=", 1_000_000, "test-sign", "/orders", '{"hash": "0x123"}')
    assert made == "ZwAdJKvoYRlEKDkNMwd5BuwNNtg93kNaR_oU2HrfVvc="


def test_digest_is_assembled_as_the_standard_says() -> None:
    """Own derivation: every word laid out by hand from the type string."""
    order = message()
    words = [
        keccak(ORDER_TYPE.encode()),
        (12345).to_bytes(32, "big"),
        bytes(12) + bytes.fromhex(ADDRESS[2:]),
        bytes(12) + bytes.fromhex(ADDRESS[2:]),
        (7).to_bytes(32, "big"),
        (5_600_000).to_bytes(32, "big"),
        (10_000_000).to_bytes(32, "big"),
        bytes(32),
        bytes(32),
        (1_780_000_000_000).to_bytes(32, "big"),
        bytes(32),
        bytes(32),
    ]
    assert struct_hash(order) == keccak(b"".join(words))
    domain = keccak(
        keccak(
            b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        )
        + keccak(b"Polymarket CTF Exchange")
        + keccak(b"2")
        + (137).to_bytes(32, "big")
        + bytes(12)
        + bytes.fromhex(EXCHANGE_STANDARD[2:])
    )
    separator = domain_separator(EXCHANGE_STANDARD)
    assert separator == domain
    assert order_digest(order, separator) == keccak(b"\x19\x01" + domain + keccak(b"".join(words)))


@pytest.mark.parametrize("exchange", [EXCHANGE_STANDARD, EXCHANGE_NEG_RISK])
def test_signature_recovers_to_the_signer_and_only_under_its_domain(exchange: str) -> None:
    signer = OrderSigner(KEY)
    assert signer.address == ADDRESS
    signed = signer.sign_order(message(), domain_separator(exchange))
    raw = bytes.fromhex(signed.signature[2:])
    key = PublicKey.from_signature_and_message(
        raw[:64] + bytes((raw[64] - 27,)), bytes.fromhex(signed.order_id[2:]), hasher=None
    )
    assert keccak(key.format(compressed=False)[1:])[12:].hex() == ADDRESS[2:].lower()
    others = {
        signer.sign_order(message(), domain_separator(e)).order_id
        for e in (EXCHANGE_STANDARD, EXCHANGE_NEG_RISK)
    }
    assert len(others) == 2


def test_deposit_wallet_signature_is_wrapped_and_keeps_the_plain_order_id() -> None:
    signer, wallet = OrderSigner(KEY), "0x" + "ab" * 20
    order = message(maker=wallet, signer=wallet, signature_type=SignatureType.DEPOSIT_WALLET)
    separator = domain_separator(EXCHANGE_STANDARD)
    signed = signer.sign_order(order, separator)
    raw = bytes.fromhex(signed.signature[2:])
    assert len(raw) == 317 and raw[65:97] == separator and raw[97:129] == struct_hash(order)
    assert raw[129:315] == ORDER_TYPE.encode() and raw[315:] == (186).to_bytes(2, "big")
    assert signed.order_id == "0x" + order_digest(order, separator).hex()


@pytest.mark.parametrize(
    "changes",
    [
        {"signer": "0x" + "22" * 20},
        {"maker": "0x" + "22" * 20},
        {"signature_type": SignatureType.DEPOSIT_WALLET, "maker": "0x" + "22" * 20},
        {"signature_type": SignatureType.SAFE, "signer": "0x" + "22" * 20},
    ],
)
def test_wrong_roles_are_refused_before_signing(changes: dict[str, Any]) -> None:
    with pytest.raises(DomainError):
        OrderSigner(KEY).sign_order(message(**changes), domain_separator(EXCHANGE_STANDARD))


def test_the_key_is_never_quoted() -> None:
    assert "01" * 8 not in repr(OrderSigner(KEY))
    with pytest.raises(DomainError) as caught:
        OrderSigner("0x" + "zz" * 32)
    assert "zz" not in str(caught.value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.pop("private_key"),
        lambda r: r["inputs"].update(price="0.565"),
        lambda r: r["inputs"].update(price="1.00"),
        lambda r: r["inputs"].update(size="0.001"),
        lambda r: r["inputs"].update(size="-5"),
        lambda r: r["inputs"].update(size="NaN"),
        lambda r: r["inputs"].update(size=5),
        lambda r: r["inputs"].update(tick="0.02"),
        lambda r: r["inputs"].update(side="HOLD"),
        lambda r: r["inputs"].update(kind="stop"),
        lambda r: r["domain"].pop("chainId"),
        lambda r: r["post_order_body"]["order"].update(signer="0x" + "22" * 20),
        lambda r: r["post_order_body"]["order"].update(tokenId="abc"),
        lambda r: r["post_order_body"]["order"].update(metadata="0x00"),
        lambda r: r["post_order_body"]["order"].update(signatureType=9),
        lambda r: r.update(post_order_body=None),
        lambda r: r.update(private_key="0x12"),
    ],
)
def test_a_bad_row_is_a_domain_error(spoil: Any) -> None:
    good = {
        "private_key": KEY,
        "inputs": {
            "kind": "limit",
            "side": "BUY",
            "price": "0.56",
            "size": "21.04",
            "tick": "0.01",
        },
        "domain": {
            "name": "Polymarket CTF Exchange",
            "version": "2",
            "chainId": 137,
            "verifyingContract": EXCHANGE_STANDARD,
        },
        "post_order_body": {
            "order": {
                "salt": 1,
                "maker": ADDRESS,
                "signer": ADDRESS,
                "tokenId": "7",
                "signatureType": 0,
                "timestamp": "1780000000000",
                "builder": "0x" + "00" * 32,
                "metadata": "0x" + "00" * 32,
                "expiration": "0",
            }
        },
    }
    encoded = encode_order_row(good)
    assert (encoded["makerAmount"], encoded["takerAmount"]) == ("11782400", "21040000")
    spoil(good)
    with pytest.raises(DomainError):
        encode_order_row(good)


@pytest.mark.parametrize("key", ["0x12", "11" * 31, "11" * 33, "", "0x" + "00" * 32, "zz" * 32])
def test_a_key_of_another_length_is_refused_not_filled_up(key: str) -> None:
    with pytest.raises(DomainError):
        OrderSigner(key)
