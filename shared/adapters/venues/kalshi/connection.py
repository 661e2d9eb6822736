"""Kalshi's websocket, kept up."""

from __future__ import annotations

import random
from collections.abc import Callable

from shared.adapters.venues.kalshi.capabilities import FRAME_BYTES_MAX, WS_PATH, Endpoints
from shared.adapters.venues.kalshi.signing import Signer
from shared.adapters.venues.signed_socket import SignedSocket
from shared.ports.clock import Clock


class Connection(SignedSocket):
    """Signs each handshake for Kalshi's one path; everything else is ``SignedSocket``."""

    def __init__(
        self,
        endpoints: Endpoints,
        signer: Signer,
        clock: Clock,
        rng: random.Random,
        *,
        opened: Callable[[], None],
        frame: Callable[[int, str | bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        super().__init__(
            endpoints.ws_url,
            lambda: signer.headers(clock.wall_ns(), "GET", WS_PATH),
            FRAME_BYTES_MAX,
            clock,
            rng,
            opened=opened,
            frame=frame,
            lost=lost,
        )
