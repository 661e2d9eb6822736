"""A loopback server that answers every request at once: the cost left is the client's.

    python -m tests.performance.order_echo

Prints its port. Written on the bare protocol so that it is never the bottleneck.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import uvloop

BODY: Final = b'{"order_id":"o","client_order_id":"c","fill_count":"0.00","remaining_count":"0.00"}'
ANSWER: Final = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(BODY)
) + BODY


class Echo(asyncio.Protocol):
    """Counts whole requests by their Content-Length; answers each."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + size:
                return
            self._data = self._data[end + 4 + size :]
            assert self._transport is not None
            self._transport.write(ANSWER)


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
