"""Error answers: status and a body with a message."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web


class Problem(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = headers or {}


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def answer_problem(problem: Problem) -> web.Response:
    body = {"status": problem.status, "message": problem.message}
    return answer(body, problem.status, problem.headers)
