"""The one-time code that ``make up`` prints, and its hash in Secrets Manager.

The code is shown once; what is stored is its argon2id hash with an end of validity. The
dashboard API accepts it once.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, Final

from argon2 import PasswordHasher
from botocore.exceptions import ClientError

from cdk.local.deploy import STAGE, client
from shared.contracts import names

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without 0, O, 1 and I, which are read wrong."""
CODE_CHARACTERS: Final = 8
VALID_S: Final = 600
_NS: Final = 1_000_000_000


def new_code() -> str:
    """Return a fresh code such as ``QK7T-D4M9``; about 40 bits, guessing is rate limited."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARACTERS))
    return f"{drawn[:4]}-{drawn[4:]}"


def store_code(endpoint: str, code: str) -> None:
    """Store the hash of a code beside whatever the session secret already holds."""
    manager = client("secretsmanager", endpoint)
    name = names.secret(STAGE, "session")
    document = _read(manager, name)
    document["code_hash"] = PasswordHasher().hash(code.replace("-", ""))
    document["code_expires_ns"] = str(time.time_ns() + VALID_S * _NS)
    manager.put_secret_value(SecretId=name, SecretString=json.dumps(document))


def _read(manager: Any, name: str) -> dict[str, Any]:
    """Return the stored document; the random value that the stack created counts as none."""
    try:
        document = json.loads(manager.get_secret_value(SecretId=name)["SecretString"])
    except (ClientError, ValueError, KeyError):
        return {}
    return document if isinstance(document, dict) else {}
