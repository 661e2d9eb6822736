"""Changes that keep most of an input readable, so that what is behind JSON gets tested."""

from __future__ import annotations

import random
import re
from typing import Final

_VALUE: Final = re.compile(rb'(?<=[:\[,])\s*("[^"]*"|-?[0-9.]+|true|false|null)')
_PAIR: Final = re.compile(rb'"[^"]*"\s*:\s*("[^"]*"|-?[0-9.]+|true|false|null)\s*,')
SWAPS: Final = (
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"-1",
    b"0",
    b"1e999",
    b'"NaN"',
    b'"-0.5"',
    b'"1E+400"',
    b"99999999999999999999999",
    b'"0.45"',
    b'"0.0000001"',
    b'"1.0"',
    b"true",
    b'"\\ud800"',
    b"[[[[]]]]",
    b'"yes"',
    b'"SELL"',
    b'"9999999999999.999999"',
)


def mutate(data: bytes, rng: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """Return the input after one to four changes drawn from ``rng``."""
    text = bytearray(data or rng.choice(seeds))
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(6)
        values = list(_VALUE.finditer(bytes(text))) if kind < 3 else []
        if kind < 2 and values:
            spot = rng.choice(values)
            text[spot.start(1) : spot.end(1)] = rng.choice(SWAPS)
        elif kind == 2 and values:
            spot, other = rng.choice(values), rng.choice(values)
            text[spot.start(1) : spot.end(1)] = bytes(other.group(1))
        elif kind == 3 and (pairs := list(_PAIR.finditer(bytes(text)))):
            pair = rng.choice(pairs)
            del text[pair.start() : pair.end()]
        elif kind == 4:
            text += b"\0" + rng.choice(seeds)
        elif text:
            start = rng.randrange(len(text))
            text[start : start + rng.randint(0, 20)] = bytes([rng.randrange(256)])
    return bytes(text)
