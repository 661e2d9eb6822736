"""Lets requests with a current session through (HTTP API authoriser, simple response)."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import bootstrap
from lambdas.observability import logger
from lambdas.sessions import digest_of, is_current, token_of
from shared.domain.errors import StoreError

REFUSED: dict[str, Any] = {"isAuthorized": False}


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return whether the cookie names a current session, and whose; any doubt refuses."""
    parts = bootstrap.authorising()
    token = token_of(event, parts.settings.session_cookie)
    if not token:
        return REFUSED
    try:
        session = parts.sessions.get(digest_of(token))
    except StoreError as error:
        logger.warning("session store does not answer", extra={"why": str(error)})
        return REFUSED
    if session is None or not is_current(session, time.time_ns()):
        return REFUSED
    return {
        "isAuthorized": True,
        "context": {
            "actor": session.actor,
            "csrf": session.csrf,
            "expires_ns": str(session.expires_ns),
        },
    }
