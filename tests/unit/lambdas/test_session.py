"""Logging in and out, and what the authoriser lets through."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lambdas.authorise_session import handler as authoriser
from lambdas.sessions import digest_of, token_of
from lambdas.settings import load_settings
from shared.domain.errors import ConfigError
from tests.unit.lambdas.conftest import ENVIRONMENT, Api

CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r"
)


def log_in(api: Api, code: str) -> tuple[str, str]:
    status, body, answer = api.call("POST", "/api/v1/session", body={"code": code})
    assert status == 200, body
    cookie = answer["cookies"][0] if answer.get("cookies") else answer["headers"]["Set-Cookie"]
    return cookie, body["csrf_token"]


def test_code_opens_a_session_once(api: Api, code: str) -> None:
    cookie, csrf = log_in(api, code)
    assert cookie.startswith("twinleg_session=")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    assert len(api.sessions.rows) == 1
    assert all(csrf not in key for key in api.sessions.rows)
    status, body, _ = api.call("POST", "/api/v1/session", body={"code": code})
    assert status == 401
    assert body["title"].startswith("That code")


@pytest.mark.parametrize("typed", ["qk7td4m9", " QK7T-D4M9 ", "qk7t d4m9"])
def test_code_may_be_typed_as_people_do(api: Api, typed: str) -> None:
    log_in(api, typed)


def test_expired_code_is_refused(api: Api, code: str) -> None:
    api.secret["code_expires_ns"] = "1"
    assert api.call("POST", "/api/v1/session", body={"code": code})[0] == 401


@pytest.mark.parametrize("secret", [{}, {"code_hash": "not a hash", "code_expires_ns": "x"}])
def test_no_stored_code_opens_nothing(api: Api, code: str, secret: dict[str, str]) -> None:
    api.secret = secret
    api.secret.setdefault("code_expires_ns", str(2**62))
    assert api.call("POST", "/api/v1/session", body={"code": code})[0] == 401


def test_f096_guessing_is_limited(api: Api) -> None:
    answers = [api.call("POST", "/api/v1/session", body={"code": "AAAA"})[0] for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2


def test_session_is_read_back_and_closed(api: Api, code: str) -> None:
    cookie, csrf = log_in(api, code)
    sent = cookie.split(";")[0]
    status, body, _ = api.call("GET", "/api/v1/session", cookie=sent)
    assert (status, body["csrf_token"], body["badge"]) == (200, csrf, "PAPER")
    session = {"actor": "operator", "csrf": csrf}
    status, _, answer = api.call(
        "DELETE",
        "/api/v1/session",
        cookie=sent,
        session=session,
        headers={"x-twinleg-csrf": csrf},
    )
    assert status == 204
    assert "Max-Age=0" in str(answer)
    assert api.call("GET", "/api/v1/session", cookie=sent)[0] == 401


def test_without_cookie_there_is_no_session(api: Api) -> None:
    status, body, answer = api.call("GET", "/api/v1/session")
    assert status == 401 and body["status"] == 401
    assert answer["headers"]["Content-Type"] == "application/problem+json"


def test_authoriser_knows_the_session(api: Api, code: str) -> None:
    cookie, csrf = log_in(api, code)
    event = {"cookies": ["theme=dark", cookie.split(";")[0]]}
    answer = authoriser.handle(event, CONTEXT)
    assert answer["isAuthorized"] is True
    assert answer["context"]["csrf"] == csrf


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"cookies": []},
        {"cookies": ["twinleg_session="]},
        {"cookies": ["twinleg_session=unknown"]},
        {"cookies": ["\x00\x01;;;=="]},
        {"headers": {"Cookie": "other=1"}},
    ],
)
def test_f096_authoriser_refuses_everything_else(api: Api, event: dict[str, object]) -> None:
    assert authoriser.handle(event, CONTEXT) == {"isAuthorized": False}


def test_authoriser_refuses_ended_sessions_and_a_silent_store(api: Api) -> None:
    api.sessions.create(digest_of("old"), "operator", "c", expires_ns=1)
    event = {"headers": {"cookie": "twinleg_session=old"}}
    assert token_of(event, "twinleg_session") == "old"
    assert authoriser.handle(event, CONTEXT) == {"isAuthorized": False}
    api.sessions.is_down = True
    assert authoriser.handle(event, CONTEXT) == {"isAuthorized": False}


def test_settings_name_what_is_missing() -> None:
    assert load_settings({**ENVIRONMENT, "TWINLEG_STAGE": "prod"}).session_cookie.startswith(
        "__Host-"
    )
    assert load_settings({**ENVIRONMENT, "TWINLEG_MODE": "venue_demo"}).badge == "DEMO"
    for name in ENVIRONMENT:
        with pytest.raises(ConfigError, match=name):
            load_settings({k: v for k, v in ENVIRONMENT.items() if k != name})
    with pytest.raises(ConfigError, match="no run mode"):
        load_settings({**ENVIRONMENT, "TWINLEG_MODE": "yolo"})
