"""Dashboard API: the browser's only door."""

from __future__ import annotations

import hmac
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.dashboard_api.routes import router, session_of
from lambdas.errors import ApiError, invalid, problem
from lambdas.observability import logger
from shared.domain.errors import StoreError

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


@app.exception_handler(ApiError)
def on_api_error(error: ApiError) -> Response[Any]:
    return problem(error.status, error.title, error.detail)


@app.exception_handler(RequestValidationError)
def on_invalid(error: RequestValidationError) -> Response[Any]:
    return invalid(error)


@app.exception_handler(StoreError)
def on_store_error(error: StoreError) -> Response[Any]:
    logger.error("a store does not answer", extra={"why": str(error)})
    return problem(503, "The record does not answer right now.")


@app.not_found
def on_not_found(_error: NotFoundError) -> Response[Any]:
    return problem(404, "There is no such address.")


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
