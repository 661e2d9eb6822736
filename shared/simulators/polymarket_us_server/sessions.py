"""One client's connection: what it subscribed to, and frames waiting to be written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from shared.simulators.fault_frames import FramePipe

SLUGS_MAX: Final = 100
"""Markets of one subscription, as documented."""
OUTBOX_MAX: Final = 20_000
MARKET_KINDS: Final = frozenset(
    f"SUBSCRIPTION_TYPE_{kind}" for kind in ("MARKET_DATA", "MARKET_DATA_LITE", "TRADE")
)
PRIVATE_KINDS: Final = frozenset(
    f"SUBSCRIPTION_TYPE_{kind}"
    for kind in ("ORDER", "ORDER_SNAPSHOT", "POSITION", "ACCOUNT_BALANCE")
)
_ONE_SHOT: Final = "SUBSCRIPTION_TYPE_ORDER_SNAPSHOT"


@dataclass(frozen=True, slots=True)
class Subscription:
    name: str
    kind: str
    slugs: frozenset[str]
    """Empty: all markets (private socket only)."""

    def wants(self, slug: str) -> bool:
        return not self.slugs or slug in self.slugs


class Hub(Protocol):
    def begin(self, session: Session, subscription: Subscription) -> None:
        """Send what a new subscription begins with."""
        ...


class Session:
    """A connection of one account to one of the two sockets."""

    def __init__(
        self, hub: Hub, account: str, kinds: frozenset[str], transport: asyncio.Transport | None
    ) -> None:
        self._hub, self._kinds = hub, kinds
        self.account = account
        self._transport = transport
        self.subscriptions: dict[str, Subscription] = {}
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue(OUTBOX_MAX)
        self.pipe: FramePipe | None = None
        """Stands between us and the wire when the server has faults to make."""

    @property
    def is_private(self) -> bool:
        return self._kinds is PRIVATE_KINDS

    def abort(self) -> None:
        """Cut the connection as a network failure would: no closing handshake."""
        if self._transport is not None:
            self._transport.abort()

    def put(self, data: bytes) -> None:
        try:
            self.outbox.put_nowait(data)
        except asyncio.QueueFull:
            self.abort()

    def push(self, subscription: Subscription, name: str, payload: Any, slug: str = "") -> None:
        """Send one data frame; ``slug`` is the market that it is about, if one."""
        frame = {
            "requestId": subscription.name,
            "subscriptionType": subscription.kind,
            name: payload,
        }
        data = msgspec.json.encode(frame)
        if self.pipe is None:
            self.put(data)
        else:
            names = (slug, self.account, subscription.kind)
            self.pipe.data(data, names, is_private=self.is_private)

    def control(self, data: bytes) -> None:
        """Send a heartbeat or an error."""
        if self.pipe is None:
            self.put(data)
        else:
            self.pipe.control(data)

    def fail(self, name: object, text: str, kind: object = "") -> None:
        frame = {"requestId": str(name or ""), "error": text, "subscriptionType": str(kind or "")}
        self.control(msgspec.json.encode(frame))

    def command(self, text: str) -> None:
        """Take one client frame; every mistake is answered with an error frame."""
        try:
            body = msgspec.json.decode(text.encode())
        except (msgspec.MsgspecError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self.fail("", "the frame is not a JSON object")
        elif isinstance(body.get("subscribe"), dict):
            self._subscribe(body["subscribe"])
        elif isinstance(body.get("unsubscribe"), dict):
            self.subscriptions.pop(str(body["unsubscribe"].get("requestId")), None)
        else:
            self.fail("", "subscribe or unsubscribe is required")

    def _subscribe(self, params: dict[str, Any]) -> None:
        name, kind = params.get("requestId"), params.get("subscriptionType")
        slugs = params.get("marketSlugs") or []
        if not isinstance(name, str) or not name:
            self.fail("", "requestId is required", kind)
        elif name in self.subscriptions:
            self.fail(name, "requestId is in use", kind)
        elif kind not in self._kinds:
            self.fail(name, "subscriptionType is not one of this socket", kind)
        elif not isinstance(slugs, list) or not all(isinstance(s, str) for s in slugs):
            self.fail(name, "marketSlugs is a list of texts", kind)
        elif len(slugs) > SLUGS_MAX or (not slugs and not self.is_private):
            self.fail(name, f"marketSlugs: 1 to {SLUGS_MAX}", kind)
        else:
            subscription = Subscription(name, kind, frozenset(slugs))
            if kind != _ONE_SHOT:
                self.subscriptions[name] = subscription
            self._hub.begin(self, subscription)
