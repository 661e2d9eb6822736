"""Dashboard API: the browser's only door."""

from __future__ import annotations

import hmac
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.dashboard_api.routes import router, session_of
from lambdas.errors import problem, register
from lambdas.observability import logger

app = APIGatewayHttpResolver(enable_validation=True)
OPEN_TO_CHANGE = frozenset({("POST", "/api/v1/session")})


def demand_csrf(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Refuse a change that does not bring the session's own token in a header."""
    event = app.current_event
    if event.http_method != "GET" and (event.http_method, event.path) not in OPEN_TO_CHANGE:
        sent = event.headers.get("x-twinleg-csrf") or ""
        if not hmac.compare_digest(sent.encode(), session_of(app)["csrf"].encode()):
            return problem(403, "This page is out of date. Reload it and try again.")
    return next_middleware(app)


app.use(middlewares=[demand_csrf])
app.include_router(router)
register(app)


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
