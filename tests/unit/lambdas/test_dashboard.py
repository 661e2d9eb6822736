"""Live snapshot, record and halt through the resolver."""

from __future__ import annotations

import json
from typing import Any

import pytest
import zstandard

from lambdas.dashboard_api import live
from tests.unit.lambdas.conftest import Api

SESSION = {"actor": "operator", "csrf": "token"}
CSRF = {"x-twinleg-csrf": "token"}


def snapshot(seq: int, rows: dict[str, tuple[int | None, int | None]]) -> dict[str, Any]:
    """A small snapshot: pair -> (net, age)."""
    return {
        "seq": seq,
        "as_of_ns": seq * 1_000_000_000,
        "is_delta": False,
        "trader_age_ms": 0,
        "edges": {
            "pair_id": list(rows),
            "net_micros": [net for net, _ in rows.values()],
            "age_ms": [age for _, age in rows.values()],
            "removed": [],
        },
    }


def store(api: Api, document: dict[str, Any]) -> None:
    blob = zstandard.ZstdCompressor().compress(json.dumps(document).encode())
    api.flags.snapshot = (document["seq"], blob)


def test_live_whole_then_delta_then_not_modified(api: Api) -> None:
    store(api, snapshot(1, {"a": (10, 100), "b": (20, 100), "c": (5, 50), "gone": (1, 1)}))
    status, body, answer = api.call("GET", "/api/v1/live")
    assert status == 200 and body["is_delta"] is False
    assert answer["headers"]["ETag"] == '"1"'
    assert body["trader_age_ms"] > 0
    # a aged only, b changed, c was proved again, d is new, one left
    store(api, snapshot(2, {"a": (10, 1100), "b": (21, 1100), "c": (5, 10), "d": (None, None)}))
    _, body, _ = api.call("GET", "/api/v1/live", query={"since": "1"})
    assert body["is_delta"] is True
    assert body["edges"]["pair_id"] == ["b", "c", "d"]
    assert body["edges"]["net_micros"] == [21, 5, None]
    assert body["edges"]["removed"] == ["gone"]
    status, body, answer = api.call(
        "GET", "/api/v1/live", query={"since": "2"}, headers={"if-none-match": '"2"'}
    )
    assert (status, body) == (304, None)
    assert answer["headers"]["ETag"] == '"2"'


def test_unknown_since_is_answered_whole(api: Api) -> None:
    store(api, snapshot(7, {"a": (1, 1)}))
    _, body, _ = api.call("GET", "/api/v1/live", query={"since": "3"})
    assert body["is_delta"] is False and body["edges"]["pair_id"] == ["a"]


def test_numbering_that_begins_anew_is_never_compared(api: Api) -> None:
    store(api, snapshot(8, {"old": (1, 1)}))
    api.call("GET", "/api/v1/live")
    store(api, snapshot(9, {"old": (2, 1)}))
    api.call("GET", "/api/v1/live")
    store(api, snapshot(8, {"new": (3, 1)}))
    _, body, _ = api.call("GET", "/api/v1/live", query={"since": "9"})
    assert body["is_delta"] is False and body["edges"]["pair_id"] == ["new"]


def test_no_snapshot_yet_says_so(api: Api) -> None:
    status, body, _ = api.call("GET", "/api/v1/live")
    assert status == 503 and "not reported" in body["title"]


@pytest.mark.parametrize(
    ("etag", "expected"),
    [('"5"', True), ('W/"5"', True), ("5", True), ('"4", "5"', True), ('"55"', False), ("", False)],
)
def test_etag_forms(etag: str, expected: bool) -> None:
    assert live.is_known(etag, 5) is expected


def test_memory_of_snapshots_is_bounded() -> None:
    recent = live.Recent()
    blob = zstandard.ZstdCompressor().compress(b'{"seq":0}')
    for seq in range(100):
        recent.decode(seq, blob)
    assert len(recent.kept) == live.REMEMBERED
    assert recent.get(99) is not None and recent.get(0) is None


def test_pages_pass_their_bounds_on(api: Api) -> None:
    assert api.call("GET", "/api/v1/fills", query={"limit": "7", "cursor": "x"})[0] == 200
    assert api.call("GET", "/api/v1/pairs", query={"verdict": "review"})[0] == 200
    assert api.views.asked == [("fills", 7, "x"), ("pairs", "review", 50, None)]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/api/v1/fills", {"limit": "0"}, "limit"),
        ("/api/v1/fills", {"limit": "many"}, "limit"),
        ("/api/v1/fills", {"cursor": "bad"}, "cursor"),
        ("/api/v1/pairs", {"verdict": "maybe"}, "verdict"),
        ("/api/v1/live", {"since": "-1"}, "since"),
    ],
)
def test_bad_input_names_the_field(api: Api, path: str, query: dict[str, str], field: str) -> None:
    status, body, answer = api.call("GET", path, query=query)
    assert status == 422 and field in body["detail"]
    assert answer["headers"]["Content-Type"] == "application/problem+json"


def test_missing_things_are_404_and_silent_stores_503(api: Api) -> None:
    assert api.call("GET", "/api/v1/packages/none")[0] == 404
    assert api.call("GET", "/api/v1/nothing")[0] == 404
    api.views.is_down = True
    status, body, _ = api.call("GET", "/api/v1/fills")
    assert status == 503
    assert "secret-host" not in json.dumps(body)


def test_halt_reaches_both_stores_and_the_queue(api: Api) -> None:
    status, body, _ = api.call(
        "POST",
        "/api/v1/halt",
        body={"scope": "venue:kalshi", "note": "practice"},
        session=SESSION,
        headers=CSRF,
    )
    assert status == 202
    assert api.flags.halts == api.control.halts
    assert api.flags.halts[0].scope == "venue:kalshi" and not api.flags.halts[0].is_freeze
    assert (
        api.commands.sent[0].command_id == body["command_id"] == api.control.rows[0]["command_id"]
    )


def test_halt_needs_only_one_store(api: Api) -> None:
    api.control.is_down = api.commands.is_down = True
    assert api.call("POST", "/api/v1/halt", body={}, session=SESSION, headers=CSRF)[0] == 202
    api.flags.is_down = True
    status, body, _ = api.call("POST", "/api/v1/halt", body={}, session=SESSION, headers=CSRF)
    assert status == 503 and "twinleg halt" in body["detail"]


@pytest.mark.parametrize("headers", [{}, {"x-twinleg-csrf": "wrong"}, {"x-twinleg-csrf": "é"}])
def test_f096_change_without_the_token_is_refused(api: Api, headers: dict[str, str]) -> None:
    status, _, _ = api.call("POST", "/api/v1/halt", body={}, session=SESSION, headers=headers)
    assert status == 403
    assert api.flags.halts == []


def test_f096_change_without_session_is_refused(api: Api) -> None:
    assert api.call("POST", "/api/v1/halt", body={}, headers=CSRF)[0] == 401
    assert api.flags.halts == []


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "everything"},
        {"scope": "venue:kalshi; drop"},
        {"scope": "global", "unknown": 1},
        {"note": "x" * 501},
        "{not json",
    ],
)
def test_bad_halt_is_422(api: Api, body: Any) -> None:
    status, _, _ = api.call("POST", "/api/v1/halt", body=body, session=SESSION, headers=CSRF)
    assert status == 422
    assert api.flags.halts == []
