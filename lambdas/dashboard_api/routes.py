"""The routes below /api/v1, each a few lines over one module or store."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from lambdas import bootstrap
from lambdas.dashboard_api import control, live, login
from lambdas.dashboard_api.models import HaltOrder, Health, Login
from lambdas.errors import ApiError
from lambdas.sessions import cookie_header, digest_of, is_current, token_of
from lambdas.settings import SESSION_NS
from shared.contracts.api_v1 import (
    CommandAccepted,
    EdgeView,
    FillsPage,
    PackagesPage,
    PackageView,
    PairsPage,
    SessionView,
)
from shared.domain.enums import Verdict

JSON: Final = "application/json"
_NS_PER_S: Final = 1_000_000_000

Limit = Annotated[int, Query(ge=1, le=200, description="rows a page")]
Cursor = Annotated[str | None, Query(max_length=200, description="from next_cursor")]
Key = Annotated[str, Path(min_length=1, max_length=200)]

router = Router()
recent = live.Recent()


def current_app() -> APIGatewayHttpResolver:
    """Return the resolver that is answering now."""
    assert isinstance(router.api_resolver, APIGatewayHttpResolver)
    return router.api_resolver


# --- session ------------------------------------------------------------------------------


@router.get("/api/v1/health")
def health() -> Health:
    return Health(status="ok")


@router.post("/api/v1/session")
def open_session(body: Login) -> Response[Any]:
    parts = bootstrap.dashboard()
    secret = parts.secrets.read(parts.session_secret)
    made = login.log_in(body.code, secret, parts.sessions)
    settings = parts.settings
    cookie = cookie_header(
        settings.session_cookie,
        made.token,
        age_s=SESSION_NS // _NS_PER_S,
        is_secure=not settings.is_local,
    )
    view = _session_view(made.actor, made.csrf, made.expires_ns)
    return _json(view.model_dump_json(), {"Set-Cookie": cookie})


@router.get("/api/v1/session")
def read_session() -> SessionView:
    parts = bootstrap.dashboard()
    token = token_of(current_app().current_event.raw_event, parts.settings.session_cookie)
    session = parts.sessions.get(digest_of(token)) if token else None
    if session is None or not is_current(session, time.time_ns()):
        raise ApiError(401, "Log in first.")
    return _session_view(session.actor, session.csrf, session.expires_ns)


@router.delete("/api/v1/session")
def close_session() -> Response[Any]:
    parts = bootstrap.dashboard()
    settings = parts.settings
    token = token_of(current_app().current_event.raw_event, settings.session_cookie)
    if token:
        parts.sessions.delete(digest_of(token))
    cookie = cookie_header(settings.session_cookie, "", age_s=0, is_secure=not settings.is_local)
    # An empty text, not None: a gateway may insist on a body that it can encode.
    headers = {"Set-Cookie": cookie, "Cache-Control": "no-store"}
    return Response(status_code=204, body="", headers=headers)


def _session_view(actor: str, csrf: str, expires_ns: int) -> SessionView:
    settings = bootstrap.dashboard().settings
    return SessionView(
        actor=actor,
        mode=settings.mode.value,
        badge=settings.badge,
        expires_ns=expires_ns,
        csrf_token=csrf,
    )


# --- what happens now ---------------------------------------------------------------------


@router.get("/api/v1/live")
def read_live(since: Annotated[int | None, Query(ge=0)] = None) -> Response[Any]:
    stored = bootstrap.dashboard().flags.get_snapshot()
    if stored is None:
        raise ApiError(503, "The trader has not reported yet.")
    seq, blob = stored
    tag = {"ETag": f'"{seq}"', "Cache-Control": "no-cache"}
    asked = current_app().current_event.headers.get("if-none-match")
    if live.is_known(asked, seq):
        return Response(status_code=304, body="", headers=tag)
    now = recent.decode(seq, blob)
    before = recent.get(since) if since is not None else None
    body = live.answer(now, before, time.time_ns())
    return _json(json.dumps(body, separators=(",", ":")), tag)


@router.get("/api/v1/edges/<pair_id>")
def read_edge(pair_id: Key) -> EdgeView:
    found = bootstrap.dashboard().views.edge(pair_id)
    if found is None:
        raise ApiError(404, "No edge of this pair was recorded yet.")
    return found


# --- the record ---------------------------------------------------------------------------


@router.get("/api/v1/fills")
def list_fills(limit: Limit = 50, cursor: Cursor = None) -> FillsPage:
    return bootstrap.dashboard().views.fills_page(limit, cursor)


@router.get("/api/v1/packages")
def list_packages(limit: Limit = 50, cursor: Cursor = None) -> PackagesPage:
    return bootstrap.dashboard().views.packages_page(limit, cursor)


@router.get("/api/v1/packages/<package_id>")
def read_package(package_id: Key) -> PackageView:
    found = bootstrap.dashboard().views.package(package_id)
    if found is None:
        raise ApiError(404, "There is no such package.")
    return found


@router.get("/api/v1/pairs")
def list_pairs(
    verdict: Annotated[Verdict | None, Query()] = None, limit: Limit = 50, cursor: Cursor = None
) -> PairsPage:
    named = verdict.value if verdict is not None else None
    return bootstrap.dashboard().views.pairs_page(named, limit, cursor)


# --- orders to the trader -----------------------------------------------------------------


@router.post("/api/v1/halt")
def halt(body: HaltOrder) -> Response[Any]:
    parts = bootstrap.dashboard()
    accepted: CommandAccepted = control.order_halt(
        body, session_of(current_app())["actor"], parts.flags, parts.control, parts.commands
    )
    return _json(accepted.model_dump_json(), {"Cache-Control": "no-store"}, status=202)


def session_of(app: APIGatewayHttpResolver) -> dict[str, str]:
    """Return what the authoriser found; raises ApiError 401 when no authoriser ran."""
    context = app.current_event.raw_event.get("requestContext", {})
    found = context.get("authorizer", {}).get("lambda") or {}
    if not found.get("actor") or not found.get("csrf"):
        raise ApiError(401, "Log in first.")
    return {"actor": str(found["actor"]), "csrf": str(found["csrf"])}


def _json(body: str, headers: dict[str, str], *, status: int = 200) -> Response[Any]:
    return Response(
        status_code=status,
        content_type=JSON,
        body=body,
        headers={"Cache-Control": "no-store", **headers},
    )
