"""Sessions as both the authoriser and the API see them: a random token in a cookie.

The store keeps the token's SHA-256 only; 256 random bits need no slower hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, Protocol

TOKEN_BYTES: Final = 32
_NS_PER_S: Final = 1_000_000_000


class Session(Protocol):
    """A stored session."""

    @property
    def actor(self) -> str: ...
    @property
    def csrf(self) -> str: ...
    @property
    def expires_ns(self) -> int: ...


def new_token() -> str:
    """Return a fresh token, fit for a cookie and for a header."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> str:
    """Return the key under which a token's session is stored."""
    assert token, "an empty token has no session"
    return hashlib.sha256(token.encode()).hexdigest()


def token_of(event: Mapping[str, Any], cookie: str) -> str:
    """Return the session token of an HTTP API event (payload 2.0), or ''."""
    sent = event.get("cookies") or [
        value for name, value in (event.get("headers") or {}).items() if name.lower() == "cookie"
    ]
    for text in sent:
        try:
            jar = SimpleCookie(text)
        except CookieError:
            continue
        if cookie in jar and jar[cookie].value:
            return jar[cookie].value
    return ""


def cookie_header(cookie: str, token: str, *, age_s: int, is_secure: bool) -> str:
    """Return the Set-Cookie value; age 0 removes the cookie."""
    secure = "; Secure" if is_secure else ""
    return f"{cookie}={token}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}"


def is_current(session: Session | None, now_ns: int) -> bool:
    """Return whether a session exists and has not ended; stores delete late."""
    return session is not None and session.expires_ns > now_ns
