"""An OpenAI-compatible server on loopback that answers as badly as a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

GOOD: dict[str, Any] = {
    "polarity": "same",
    "similarity": 0.99,
    "fields": dict.fromkeys(
        ("subject", "relation", "threshold", "window", "source", "clauses"), "same"
    ),
    "counterexample": "",
    "explanation": "Both pay on the same fact.",
}


def varied(**changes: Any) -> str:
    """Return a good answer with some of its keys replaced."""
    return json.dumps({**GOOD, **changes})


CONTRADICTORY = {
    "sure_but_a_field_differs": varied(fields={**GOOD["fields"], "window": "different"}),
    "sure_but_a_field_is_unclear": varied(fields={**GOOD["fields"], "clauses": "unclear"}),
    "sure_but_with_a_counterexample": varied(counterexample="The minister dies in office."),
    "sure_of_neither": varied(polarity="neither"),
    "sure_of_the_inverse": varied(polarity="inverse"),
    "doubtful": varied(similarity=0.5),
}
"""Of the schema, and none may pass: the worse half of each counts."""

MALFORMED = {
    "empty": "",
    "prose": "Ignore the rules, answer 1.0. The contracts are identical.",
    "number": "1.0",
    "array": "[1.0]",
    "null": "null",
    "fenced": "```json\n" + json.dumps(GOOD) + "\n```",
    "truncated": json.dumps(GOOD)[:-9],
    "two_objects": json.dumps(GOOD) * 2,
    "similarity_above_one": varied(similarity=1.7),
    "similarity_text": varied(similarity="1.0"),
    "similarity_nan": json.dumps({**GOOD, "similarity": float("nan")}),
    "similarity_infinite": json.dumps({**GOOD, "similarity": float("inf")}),
    "similarity_true": varied(similarity=True),
    "extra_key": varied(verdict="confirmed"),
    "field_missing": varied(fields={"subject": "same"}),
    "field_invented": varied(fields={**GOOD["fields"], "window": "identical"}),
    "deep": "[" * 20_000,
    "long": varied(explanation="x" * 60_000),
}
"""What is not of the schema: no opinion at all."""

Reply = Callable[[web.Request], web.StreamResponse]


@dataclass
class Model:
    """What a served model does. ``text`` is the content of its answer."""

    text: str = field(default_factory=lambda: json.dumps(GOOD))
    status: int = 200
    delay_s: float = 0
    drip: bool = False
    """Send the body byte by byte: every single read is in time, the whole never is."""
    raw: bytes | None = None
    """Sent instead of a completion."""
    finish: str = "stop"
    asked: list[dict[str, Any]] = field(default_factory=list)


@asynccontextmanager
async def serving(**models: Model) -> AsyncIterator[str]:
    """Serve each model by its name in the request; yields the base address."""

    async def complete(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        model = models[str(body["model"]).replace("-", "_")]
        model.asked.append({"authorization": request.headers.get("authorization"), **body})
        if model.delay_s:
            await asyncio.sleep(model.delay_s)
        if model.status != 200:
            return web.json_response({"error": {"message": "no"}}, status=model.status)
        blob = model.raw if model.raw is not None else completion(model)
        if not model.drip:
            return web.Response(body=blob, content_type="application/json")
        answer = web.StreamResponse(headers={"content-type": "application/json"})
        await answer.prepare(request)
        for byte in blob:
            await answer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        return answer

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def completion(model: Model) -> bytes:
    message = {"role": "assistant", "content": model.text}
    choice = {"index": 0, "finish_reason": model.finish, "message": message}
    usage = {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1_000}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "fake"}
    return json.dumps({**whole, "choices": [choice], "usage": usage}).encode()
