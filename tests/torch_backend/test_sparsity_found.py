"""Which of several options may be the best: against scipy's paired tests, and how often the best one is left out."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from torch_backend.commands.sparsity_found import perhaps_best


@pytest.mark.parametrize("options", [2, 3, 7])
@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_an_option_is_left_out_when_another_is_better_by_a_paired_one_sided_test(options, seeds):
    rng = np.random.default_rng(10 * options + seeds)
    left_out = kept = 0
    for _ in range(60):
        table = rng.normal(0, 1, (options, seeds)) + rng.normal(0, 1.5, (options, 1)) + rng.normal(0, 5, seeds)
        better = (table[None] - table[:, None])[~np.eye(options, dtype=bool)].reshape(options, options - 1, seeds)
        p_values = ttest_1samp(better, 0, axis=2, alternative="greater").pvalue
        expected = (p_values >= 0.05 / (options - 1)).all(axis=1)
        assert perhaps_best(table).tolist() == expected.tolist()
        means = table.mean(axis=1)
        left_out += (~expected).sum()
        kept += (expected & (means < means.max())).sum()
    assert min(left_out, kept) > 0


def test_the_best_of_equal_options_is_left_out_as_seldom_as_it_says():
    rng = np.random.default_rng(0)
    missed = sum(not perhaps_best(rng.normal(0, 1, (4, 5)), 0.8)[0] for _ in range(400))
    assert 0.1 * 400 < missed < 0.2 * 400 + 2 * (400 * 0.16) ** 0.5


def test_one_seed_shows_nothing_and_one_option_is_the_best():
    assert perhaps_best(np.array([[0.9], [0.1]])).all()
    assert perhaps_best(np.array([[0.1, 0.2]])).tolist() == [True]
