"""What goes wrong at the edge, as RFC 9457 problems: a status and a sentence for a person."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from lambdas.observability import logger
from shared.contracts.api_v1 import Problem
from shared.domain.errors import DomainError, StoreError

PROBLEM_TYPE = "application/problem+json"


class ApiError(Exception):
    """An answer that is a problem. ``title`` is shown as it is."""

    def __init__(self, status: int, title: str, detail: str | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail


def problem(status: int, title: str, detail: str | None = None) -> Response[Any]:
    """Return the response of a problem; never cached."""
    body = Problem(type="about:blank", title=title, status=status, detail=detail)
    return Response(
        status_code=status,
        content_type=PROBLEM_TYPE,
        body=body.model_dump_json(exclude_none=True),
        headers={"Cache-Control": "no-store"},
    )


def invalid(error: RequestValidationError) -> Response[Any]:
    """Return 422 that names each field at fault, without repeating what was sent."""
    told = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )
    return problem(422, "The request is not valid.", told[:500])


def register(app: APIGatewayHttpResolver) -> None:
    """Answer every expected failure as a problem; what is unexpected stays a logged 500."""

    @app.exception_handler(ApiError)
    def on_api_error(error: ApiError) -> Response[Any]:
        return problem(error.status, error.title, error.detail)

    @app.exception_handler(RequestValidationError)
    def on_invalid(error: RequestValidationError) -> Response[Any]:
        return invalid(error)

    @app.exception_handler(DomainError)
    def on_domain_error(error: DomainError) -> Response[Any]:
        return problem(422, "The request is not valid.", str(error)[:500])

    @app.exception_handler(StoreError)
    def on_store_error(error: StoreError) -> Response[Any]:
        logger.error("a store does not answer", extra={"why": str(error)})
        return problem(503, "The record does not answer right now.")

    @app.not_found
    def on_not_found(_error: NotFoundError) -> Response[Any]:
        return problem(404, "There is no such address.")
