"""The fuzz targets under a few hundred mutations each, without the fuzzer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import mutate
from tests.fuzz.seeds import OWN_ERRORS
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_mutation_escapes_or_corrupts(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(target.seeds), st.randoms(use_true_random=False))
    def mutated(seed: bytes, rng: random.Random) -> None:
        target.run(mutate(seed, rng, target.seeds))

    @settings(deadline=None)
    @given(st.binary(max_size=60))
    def arbitrary(data: bytes) -> None:
        target.run(data)

    mutated()
    arbitrary()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_seed_is_taken_whole(name: str) -> None:
    """A parser that refuses all of its seeds at once would be left mostly unvisited."""
    target = TARGETS[name]
    taken = 0
    for seed in target.seeds:
        try:
            target.parse(seed)
            taken += 1
        except OWN_ERRORS:
            continue
    assert taken >= 1
