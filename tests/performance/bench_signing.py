"""Order signing side by side with the official SDK: same order, same run, same bytes.

    python -m tests.performance.bench_signing

Two rivals: the SDK as it installs by itself (its curve is pure Python) and the SDK with
coincurve added by hand, which then shares our C library. Exits 1 when a signature differs
or ours is not ten times as fast as the SDK that one gets by installing it; the harder
ratio is printed beside it. Without the SDK's environment only our figures are printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.polymarket.capabilities import SignatureType, exchange_of
from shared.adapters.venues.polymarket.signing import OrderMessage, OrderSigner, domain_separator
from tests.support.kalshi_world import KEY_ID, new_key

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = Path(
    os.environ.get("TWINLEG_CONTRACT_PYTHON") or ROOT / ".venv-contract" / "bin" / "python"
)
KEY: Final = "0x" + "4c" * 32
WALLET: Final = "0x" + "ab" * 20
RATIO_MIN: Final = 10


def order_fields(signature_type: SignatureType) -> dict[str, Any]:
    eoa = OrderSigner(KEY).address
    is_eoa = signature_type is SignatureType.EOA
    is_wallet = signature_type is SignatureType.DEPOSIT_WALLET
    return {
        "salt": 1_234_567_890_123,
        "maker": eoa if is_eoa else WALLET,
        "signer": WALLET if is_wallet else eoa,
        "token_id": str(10**76 + 7),
        "maker_amount": 47_000_000,
        "taker_amount": 100_000_000,
        "signature_type": int(signature_type),
        "timestamp_ms": 1_790_000_000_123,
    }


def sign_ours(fields: dict[str, Any], rounds: int) -> tuple[str, list[int]]:
    signer, separator = OrderSigner(KEY), domain_separator(exchange_of(False))
    spent, signature = [], ""
    for _ in range(rounds):
        start = time.perf_counter_ns()
        message = OrderMessage(
            **{
                **fields,
                "token_id": int(fields["token_id"]),
                "side": 0,
                "signature_type": SignatureType(fields["signature_type"]),
            }
        )
        signature = signer.sign_order(message, separator).signature
        spent.append(time.perf_counter_ns() - start)
    return signature, spent


def sign_official(
    fields: dict[str, Any], rounds: int, *, with_coincurve: bool
) -> tuple[str, list[int]]:
    backend = "CoinCurveECCBackend" if with_coincurve else "NativeECCBackend"
    asked = {**fields, "key": KEY, "exchange": exchange_of(False), "rounds": rounds}
    script = Path(__file__).with_name("official_signing.py")
    done = subprocess.run(
        [str(PYTHON), str(script)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "ECC_BACKEND_CLASS": f"eth_keys.backends.{backend}"},
    )
    answer = json.loads(done.stdout)
    return answer["signature"], answer["ns"]


def kalshi_rows(rounds: int) -> list[dict[str, Any]]:
    signer, spent = Signer.from_pem(KEY_ID, new_key()[0]), []
    for n in range(rounds):
        start = time.perf_counter_ns()
        signer.headers(1_790_000_000_000_000_000 + n, "POST", "/trade-api/v2/portfolio/orders")
        spent.append(time.perf_counter_ns() - start)
    return [{"what": "kalshi ed25519 request", "ours_us": statistics.median(spent) / 1_000}]


def run(rounds: int = 2_000, official_rounds: int = 100) -> dict[str, Any]:
    """Return the rows and whether the demands are met."""
    rows, is_met = kalshi_rows(rounds), True
    for kind in SignatureType:
        fields = order_fields(kind)
        signature, ours = sign_ours(fields, rounds)
        row: dict[str, Any] = {
            "what": f"polymarket order {kind.name.lower()}",
            "ours_us": statistics.median(ours) / 1_000,
        }
        if PYTHON.exists():
            theirs, spent = sign_official(fields, official_rounds, with_coincurve=False)
            same, hard = sign_official(fields, official_rounds, with_coincurve=True)
            row["official_us"] = statistics.median(spent) / 1_000
            row["ratio"] = row["official_us"] / row["ours_us"]
            row["official_coincurve_us"] = statistics.median(hard) / 1_000
            row["ratio_coincurve"] = row["official_coincurve_us"] / row["ours_us"]
            row["is_identical"] = {text.removeprefix("0x") for text in (theirs, same)} == {
                signature.removeprefix("0x")
            }
            is_met = is_met and row["is_identical"] and row["ratio"] >= RATIO_MIN
        rows.append(row)
    return {"bench": "signing", "is_met": is_met, "has_official": PYTHON.exists(), "rows": rows}


def main() -> int:
    result = run()
    print(
        f"{'signing':30} {'ours us':>8} {'SDK us':>9} {'ratio':>7} "
        f"{'+coincurve':>11} {'ratio':>6} same"
    )
    for row in result["rows"]:
        cells = [
            f"{row[key]:.1f}" if key in row else "-"
            for key in (
                "ours_us",
                "official_us",
                "ratio",
                "official_coincurve_us",
                "ratio_coincurve",
            )
        ]
        print(
            f"{row['what']:30} {cells[0]:>8} {cells[1]:>9} {cells[2]:>7} {cells[3]:>11} "
            f"{cells[4]:>6} {row.get('is_identical', '-')}"
        )
    if not result["has_official"]:
        print(f"the official SDK is not installed at {PYTHON}: no ratio")
    print(json.dumps(result))
    return 0 if result["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
