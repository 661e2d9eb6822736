"""Logging in: by the one-time code that the start printed, or by the password once set.

Every failure looks the same and is counted; a used code stays used even when two requests
bring it at the same instant, because the store takes its key only once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lambdas.errors import ApiError
from lambdas.sessions import digest_of, new_token
from lambdas.settings import LOGIN_TRIES_PER_MINUTE, SESSION_NS

ACTOR: Final = "operator"
_WINDOW_S: Final = 60
_HASHER: Final = PasswordHasher()


class SessionStore(Protocol):
    def create(self, token_hash: str, actor: str, csrf: str, expires_ns: int) -> None: ...
    def use_once(self, key: str, expires_ns: int) -> bool: ...
    def count(self, key: str, window_s: int) -> int: ...


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just made; ``token`` goes into the cookie and nowhere else."""

    token: str
    actor: str
    csrf: str
    expires_ns: int


def log_in(code: str, secret: Mapping[str, str], sessions: SessionStore) -> NewSession:
    """Check a code or password and make a session.

    Raises:
        ApiError: 429 after too many tries in a minute, 401 for anything that is not right.
        StoreError: the session store does not answer.
    """
    if sessions.count("login", _WINDOW_S) > LOGIN_TRIES_PER_MINUTE:
        raise ApiError(429, "Too many tries. Wait a minute.")
    now_ns = time.time_ns()
    if not (_is_code(code, secret, sessions, now_ns) or _is_password(code, secret)):
        raise ApiError(401, "That code is not valid, was used, or has expired.")
    made = NewSession(new_token(), ACTOR, new_token(), now_ns + SESSION_NS)
    sessions.create(digest_of(made.token), made.actor, made.csrf, made.expires_ns)
    return made


def _is_code(code: str, secret: Mapping[str, str], sessions: SessionStore, now_ns: int) -> bool:
    stored = secret.get("code_hash", "")
    expires = secret.get("code_expires_ns", "0")
    if not stored or not expires.isdigit() or int(expires) <= now_ns:
        return False
    plain = code.upper().replace("-", "").replace(" ", "")
    if not _matches(stored, plain):
        return False
    used = "used-" + hashlib.sha256(stored.encode()).hexdigest()
    return sessions.use_once(used, int(expires))


def _is_password(password: str, secret: Mapping[str, str]) -> bool:
    stored = secret.get("password_hash", "")
    return bool(stored) and _matches(stored, password)


def _matches(stored: str, plain: str) -> bool:
    try:
        return _HASHER.verify(stored, plain)
    except (VerificationError, InvalidHashError):
        return False
