"""Random tensors are functions of (seed, what): fixed for ever, exact, of the right law, and each stream its own."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from torch_backend.masks import streams

DRAWS = (streams.uniform, streams.signs, streams.normal)
seeds = st.integers(0, 2**64 - 1)


def test_a_seed_means_these_numbers_for_ever():
    assert streams.words(7, "weights/a", 2).tolist() == [0xB7569A9C198B8C63, 0xA3CBC84FED9FBAD8]
    expected = ["-0x1.99d1ce0000000p-1", "0x1.bab4d40000000p-2", "0x1.b67eea0000000p-1", "0x1.1e5e440000000p-2"]
    assert [x.hex() for x in streams.uniform(7, "weights/a", (4,)).tolist()] == expected
    expected = ["0x1.b00ba60000000p-4", "-0x1.5e6d140000000p-1", "0x1.094b6a0000000p-1", "-0x1.c62c960000000p+0"]
    assert [x.hex() for x in streams.normal(7, "scores/a", (4,)).tolist()] == expected
    assert streams.signs(7, "weights/a", (8,)).tolist() == [-1, 1, 1, 1, 1, -1, -1, -1]
    assert streams.permutation(7, "data", 8).tolist() == [3, 5, 0, 1, 6, 7, 2, 4]
    assert streams.permutation(7, "data", 8, index=1).tolist() == [1, 5, 0, 6, 3, 7, 2, 4]


def test_uniform_numbers_are_the_words_by_hand():
    # low half first, its top 24 bits m, then (2 m + 1) / 2^24 - 1
    halves = [0x198B8C63, 0xB7569A9C, 0xED9FBAD8, 0xA3CBC84F]
    expected = [(2 * (half >> 8) + 1) / 2**24 - 1 for half in halves]
    assert streams.uniform(7, "weights/a", (4,)).tolist() == expected


@given(seeds, st.integers(0, 300))
def test_uniform_numbers_are_odd_multiples_inside_the_interval(seed, size):
    scaled = streams.uniform(seed, "a", (size,)).double() * 2**24
    assert torch.equal(scaled, scaled.round())
    assert bool((scaled.long() % 2 == 1).all())
    assert bool((scaled.abs() < 2**24).all())


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_normal_numbers_are_the_quantiles_of_the_words(halves):
    m = np.array([*halves, 0, 2**32 - 1, 2**31, 2**31 - 1], np.uint32)
    np.testing.assert_allclose(streams._quantile(m), ndtri((m + 0.5) / 2**32), rtol=4e-15)


@given(st.floats(2.0**-33, 0.5))
def test_the_logarithm_is_the_logarithm(x):
    np.testing.assert_allclose(streams._log(np.array([x])), np.log(x), rtol=1e-15)


@pytest.mark.parametrize(("draw", "variance", "fourth"), [(streams.uniform, 1 / 3, 1 / 5), (streams.normal, 1, 3)])
def test_the_first_two_moments_are_right(draw, variance, fourth):
    size = 200_000
    sample = draw(1, "moments", (size,)).double()
    # five standard errors
    assert abs(float(sample.mean())) < 5 * (variance / size) ** 0.5
    assert abs(float(sample.square().mean()) - variance) < 5 * ((fourth - variance**2) / size) ** 0.5


def test_signs_are_fair_and_neighbours_are_independent():
    size = 200_000
    sample = streams.signs(1, "moments", (size,))
    assert set(sample.tolist()) == {-1.0, 1.0}
    assert abs(float(sample.mean())) < 5 / size**0.5
    assert abs(float((sample[1:] * sample[:-1]).mean())) < 5 / size**0.5


@pytest.mark.parametrize("draw", DRAWS)
@given(seed=seeds, shape=st.tuples(st.integers(0, 5), st.integers(1, 7), st.integers(1, 3)))
def test_a_draw_has_its_shape_and_a_longer_one_begins_with_it(draw, seed, shape):
    received = draw(seed, "a", shape)
    assert tuple(received.shape) == shape
    assert received.dtype == torch.float32
    assert torch.equal(draw(seed, "a", (200,))[: received.numel()], received.flatten())


@pytest.mark.parametrize("draw", DRAWS)
def test_chunks_leave_no_trace(draw, monkeypatch):
    expected = draw(3, "a", (1001,))
    monkeypatch.setattr(streams, "CHUNK", 64)
    assert torch.equal(draw(3, "a", (1001,)), expected)


@pytest.mark.parametrize("draw", DRAWS)
def test_seed_and_name_each_make_a_stream_of_its_own(draw):
    drawn = [draw(seed, what, (64,)) for seed in (0, 1, 2**63) for what in ("weights/a", "weights/b", "scores/a")]
    assert all(not torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


@given(seeds, st.integers(0, 500), st.integers(0, 5))
def test_keys_are_distinct_and_permutations_follow_them(seed, size, index):
    keys = streams.keys(seed, "order", size, index)
    assert len(set(keys.tolist())) == size
    order = streams.permutation(seed, "order", size, index).tolist()
    assert sorted(order) == list(range(size))
    assert [int(keys[i]) for i in order] == sorted(keys.tolist())


@given(seeds, st.one_of(st.integers(0, 300), st.integers(0, 8).map(lambda bits: 2**bits + 1)))
def test_keys_are_words_with_the_position_in_their_low_bits(seed, size):
    keys = streams.keys(seed, "order", size)
    bits = 1  # as many as the last position needs
    while 2**bits < size:
        bits += 1
    assert [int(key) % 2**bits for key in keys] == list(range(size))
    assert [int(key) >> bits for key in keys] == [int(word) >> bits for word in streams.words(seed, "order", size)]


def test_every_position_comes_first_equally_often():
    trials, size = 3000, 5
    counted = np.bincount([int(streams.permutation(s, "order", size)[0]) for s in range(trials)], minlength=size)
    assert np.abs(counted / trials - 1 / size).max() < 5 * (0.2 * 0.8 / trials) ** 0.5


@pytest.mark.parametrize(("seed", "size"), [(-1, 3), (2**64, 3), (0, -1)])
def test_seeds_and_sizes_are_checked(seed, size):
    with pytest.raises(ValueError, match="must be"):
        streams.words(seed, "a", size)
