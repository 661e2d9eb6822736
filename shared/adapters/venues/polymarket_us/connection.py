"""A websocket of Polymarket US, kept up."""

from __future__ import annotations

import random
from collections.abc import Callable

from shared.adapters.venues.polymarket_us.capabilities import FRAME_BYTES_MAX, Endpoints
from shared.adapters.venues.polymarket_us.signing import Signer
from shared.adapters.venues.signed_socket import SignedSocket
from shared.ports.clock import Clock


class Connection(SignedSocket):
    """Signs each handshake for the path of its stream; everything else is ``SignedSocket``."""

    def __init__(
        self,
        endpoints: Endpoints,
        path: str,
        signer: Signer,
        clock: Clock,
        rng: random.Random,
        *,
        opened: Callable[[], None],
        frame: Callable[[int, str | bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        super().__init__(
            endpoints.ws_url(path),
            lambda: signer.headers(clock.wall_ns(), "GET", path),
            FRAME_BYTES_MAX,
            clock,
            rng,
            opened=opened,
            frame=frame,
            lost=lost,
        )
