"""Whether our key may trade, from the venue's own list; silence is not a yes or a no."""

from __future__ import annotations

import pytest

from shared.domain.errors import StoreError
from tests.support.kalshi_world import KEY_ID
from tests.unit.shared.adapters.venues.kalshi.canned import Canned, reply


def listed(*scopes: str, key_id: str = KEY_ID) -> dict[str, object]:
    return {"api_keys": [{"api_key_id": key_id, "name": "n", "scopes": list(scopes)}]}


@pytest.mark.parametrize(
    ("answer", "may_trade", "words"),
    [
        (reply(200, listed("read", "write::trade")), True, "write::trade"),
        (reply(200, listed("read", "write")), True, "would be enough"),
        (reply(200, listed("read")), False, "may not trade"),
        (reply(200, listed("write::trade")), False, "may not read"),
        (reply(200, listed("read", "write::transfer")), False, "may not trade"),
        (reply(200, listed("read", "write", key_id="another")), False, "does not list"),
        (reply(200, {"api_keys": []}), False, "does not list"),
        (reply(403, {"error": "forbidden"}), None, "HTTP 403"),
        (reply(404, {"error": "not found"}), None, "HTTP 404"),
    ],
)
async def test_the_list_of_keys_is_read_strictly(
    answer: object, may_trade: bool | None, words: str
) -> None:
    canned = Canned(lambda _: answer)  # type: ignore[arg-type, return-value]
    key = await canned.account.read_key()
    assert key.may_trade is may_trade and words in key.text


@pytest.mark.parametrize("answer", [reply(500, b""), reply(401, b""), reply(200, b"{}")])
async def test_what_cannot_be_read_is_asked_again(answer: object) -> None:
    canned = Canned(lambda _: answer)  # type: ignore[arg-type, return-value]
    with pytest.raises(StoreError):
        await canned.account.read_key()
