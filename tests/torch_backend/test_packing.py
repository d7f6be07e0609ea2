"""Bits come back as they were, and cost what the entropy says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_backend.tickets.packing import CODINGS, pack, unpack

layers = st.lists(st.lists(st.booleans(), max_size=40).map(lambda bits: np.array(bits, np.bool_)), max_size=5)


@given(layers, st.sampled_from(CODINGS))
def test_bits_come_back_as_they_were(chosen, coding):
    sizes, kept = [len(layer) for layer in chosen], [int(layer.sum()) for layer in chosen]
    found = unpack(pack(chosen, coding), sizes, kept, coding)
    assert len(found) == len(chosen)
    for received, expected in zip(found, chosen, strict=True):
        np.testing.assert_array_equal(received, expected)


def test_packed_bits_are_one_each_in_the_order_told():
    bits = np.zeros(17, np.bool_)
    bits[[0, 9, 16]] = True
    assert pack([bits[:5], bits[5:]]).tolist() == [1, 2, 1]


@pytest.mark.parametrize("share", [0.5, 0.2, 0.03])
def test_coded_bits_reach_the_entropy_within_one_percent(share):
    rng = np.random.default_rng(0)
    chosen = [rng.random(100_000) < share, rng.random(30_000) < share / 2]
    entropy = 0.0
    for layer in chosen:
        k = layer.mean()
        entropy -= len(layer) * (k * np.log2(k) + (1 - k) * np.log2(1 - k))
    assert entropy <= 8 * len(pack(chosen, "entropy")) <= 1.01 * entropy


@pytest.mark.parametrize("coding", CODINGS)
def test_damage_is_noticed(coding):
    chosen = [np.random.default_rng(1).random(400) < 0.3]
    kept = [int(chosen[0].sum())]
    data = pack(chosen, coding)
    with pytest.raises(ValueError, match="bytes"):
        unpack(data[:-1], [400], kept, coding)
    flipped = data.copy()
    flipped[3] ^= 255
    with pytest.raises(ValueError, match="bits set|damaged"):
        unpack(flipped, [400], kept, coding)


@pytest.mark.parametrize("coding", CODINGS)
def test_only_what_pack_writes_is_unpacked(coding):
    """Bits behind the last one, more bytes, other words that decode to the same bits."""
    chosen = [np.random.default_rng(1).random(397) < 0.3]
    kept = [int(chosen[0].sum())]
    data = pack(chosen, coding)
    np.testing.assert_array_equal(unpack(data, [397], kept, coding)[0], chosen[0])
    last = data.copy()
    last[-1] ^= 128
    for other in (last, np.concatenate([data, data[:4]]), np.concatenate([data, data[:4] * 0])):
        with pytest.raises(ValueError, match="more than the layers' bits|bytes|bits set|damaged"):
            unpack(other, [397], kept, coding)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=30), st.integers(0, 300), st.integers(0, 300))
def test_random_words_are_refused_or_are_what_pack_writes(words, size, count):
    data = np.array(words, np.uint32).astype("<u4").view(np.uint8)
    try:
        found = unpack(data, [size], [min(count, size)], "entropy")
    except ValueError:
        return
    np.testing.assert_array_equal(pack(found, "entropy"), data)
