"""Ranker over OpenAI-compatible providers: DeepSeek first, GPT-4o when it fails.

Order of a call: cache, then the day's budget, then one provider after the other, each within
its own deadline and without the client's silent retries. Nothing here logs a text or a key.
An answer is money only through ``verdicts.weigh``, which can lower a verdict and nothing else.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from openai import AsyncOpenAI, OpenAIError

from shared.domain.errors import StoreError
from shared.domain.units import NS_PER_S
from shared.matching.comparison import (
    ANSWER_BYTES_MAX,
    answer_schema,
    cache_key,
    messages,
    opinion_of,
    opinion_text,
    read_answer,
)
from shared.ports.clock import Clock
from shared.ports.language_model import (
    Opinion,
    OpinionCache,
    RankerUnavailableError,
    RankRequest,
    TokenBudget,
)

ANSWER_TOKENS_MAX: Final = 700
CHARS_PER_TOKEN: Final = 2
"""Pessimistic on purpose: English has about four, and a reservation must not fall short."""
DEADLINE_S: Final = 20.0
TOKENS_PER_DAY: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Provider:
    """One OpenAI-compatible endpoint. ``has_schema``: it takes a strict JSON schema."""

    name: str
    model: str
    base_url: str
    key: str
    has_schema: bool

    def __repr__(self) -> str:
        return f"Provider({self.name}, {self.model})"


def providers(keys: dict[str, str], urls: dict[str, str] | None = None) -> tuple[Provider, ...]:
    """Return the providers that have a key, DeepSeek before OpenAI.

    ``urls`` replaces addresses by name; DeepSeek's API knows JSON mode but no strict schema.
    """
    known = (
        ("deepseek", "deepseek-chat", "https://api.deepseek.com", False),
        ("openai", "gpt-4o", "https://api.openai.com/v1", True),
    )
    return tuple(
        Provider(name, model, (urls or {}).get(name, url), keys[name], strict)
        for name, model, url, strict in known
        if keys.get(name)
    )


class OpenAiRanker:
    """Port ``Ranker``."""

    def __init__(
        self,
        asked_in_order: Sequence[Provider],
        cache: OpinionCache,
        budget: TokenBudget,
        clock: Clock,
        *,
        deadline_s: float = DEADLINE_S,
        tokens_per_day: int = TOKENS_PER_DAY,
    ) -> None:
        assert deadline_s > 0 and tokens_per_day > 0
        self._providers = tuple(asked_in_order)
        self._cache, self._budget, self._clock = cache, budget, clock
        self._deadline_s, self._limit = deadline_s, tokens_per_day

    async def rank(self, request: RankRequest) -> Opinion:
        """Return the opinion of the first provider that answers in time and in form.

        Raises:
            RankerUnavailableError: none did, or the budget of the day is spent.
        """
        key = cache_key(request)
        known = await asyncio.to_thread(self._cached, key)
        if known is not None:
            return known
        if not self._providers:
            raise RankerUnavailableError("no language model is configured")
        causes: list[str] = []
        for provider in self._providers:
            try:
                opinion = await self._ask(provider, request)
            except RankerUnavailableError as error:
                causes.append(str(error))
                continue
            await asyncio.to_thread(self._keep, key, opinion)
            return opinion
        raise RankerUnavailableError("; ".join(causes))

    def _cached(self, key: str) -> Opinion | None:
        try:
            text = self._cache.get(key)
        except StoreError:
            return None  # the budget still bounds what asking again can cost
        return opinion_of(text) if text is not None else None

    def _keep(self, key: str, opinion: Opinion) -> None:
        try:
            self._cache.put(key, opinion_text(opinion))
        except StoreError:
            return  # asked again next time

    async def _ask(self, provider: Provider, request: RankRequest) -> Opinion:
        chat = messages(request)
        size = sum(len(m["content"].encode()) for m in chat)
        reserved = size // CHARS_PER_TOKEN + ANSWER_TOKENS_MAX
        day = self._day()
        try:
            granted = await asyncio.to_thread(self._budget.reserve, day, reserved, self._limit)
        except StoreError:
            raise RankerUnavailableError("the budget cannot be read") from None
        if not granted:
            raise RankerUnavailableError("the day's budget is spent")
        # A failed call keeps its reservation: whether the provider charged it is unknown.
        text, used = await self._complete(provider, chat)
        if 0 < used < reserved:
            await asyncio.to_thread(self._give_back, day, reserved - used)
        return read_answer(text, provider.model, used)

    def _give_back(self, day: str, tokens: int) -> None:
        try:
            self._budget.give_back(day, tokens)
        except StoreError:
            return  # the day stays shorter by that much

    async def _complete(self, provider: Provider, chat: list[dict[str, str]]) -> tuple[str, int]:
        """Return (answer text, tokens used). The deadline holds for the whole exchange."""
        form: dict[str, Any] = {"type": "json_object"}
        if provider.has_schema:
            schema = {"name": "comparison", "strict": True, "schema": answer_schema()}
            form = {"type": "json_schema", "json_schema": schema}
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                httpx.AsyncClient(
                    timeout=self._deadline_s,
                    trust_env=False,
                    verify=_tls(),
                    event_hooks={"response": [_bounded]},
                ) as http,
            ):
                client = AsyncOpenAI(
                    api_key=provider.key,
                    base_url=provider.base_url,
                    max_retries=0,
                    http_client=http,
                )
                create: Any = client.chat.completions.create  # its overloads know no plain dicts
                answer = await create(
                    model=provider.model,
                    messages=chat,
                    response_format=form,
                    temperature=0,
                    max_tokens=ANSWER_TOKENS_MAX,
                )
        except TimeoutError:
            raise RankerUnavailableError(f"{provider.name}: no answer in time") from None
        except (OpenAIError, httpx.HTTPError, ValueError) as error:
            raise RankerUnavailableError(f"{provider.name}: {type(error).__name__}") from None
        return _text_of(provider, answer), _used(answer)

    def _day(self) -> str:
        now = datetime.fromtimestamp(self._clock.wall_ns() // NS_PER_S, tz=UTC)
        return now.date().isoformat()


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the process's one TLS context: reading the authorities costs tens of ms."""
    return httpx.create_ssl_context()


async def _bounded(response: httpx.Response) -> None:
    """Refuse a body that is announced far beyond any answer; the deadline bounds the rest."""
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > 16 * ANSWER_BYTES_MAX:
        raise httpx.DecodingError("the answer is too long")


def _text_of(provider: Provider, answer: Any) -> str:
    """Return the text of the one choice. A provider may send any JSON; nothing is assumed."""
    choices = getattr(answer, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    text = getattr(getattr(first, "message", None), "content", None)
    if not isinstance(text, str) or getattr(first, "finish_reason", None) not in ("stop", None):
        raise RankerUnavailableError(f"{provider.name}: no whole answer")
    return text


def _used(answer: Any) -> int:
    total = getattr(getattr(answer, "usage", None), "total_tokens", 0)
    return total if isinstance(total, int) and total > 0 else 0
