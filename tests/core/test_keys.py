"""One range of seeds, 0 to 2**64 - 1, in every part that takes one."""

import numpy as np
import pytest

from slt.core.keys import checked_seed, generator, key_words
from slt.core.store import Store
from subsetsum import covers, draw, success_counts, success_probability, worst_errors
from theory.estimate import estimated_n, estimated_success

LARGE = [2**63 - 1, 2**63, 2**64 - 1]
PARTS = {
    "generator": lambda seed: generator(seed).integers(2**63),
    "key_words": key_words,
    "checked_seed": checked_seed,
    "draw": lambda seed: draw(3, 2, seed=seed)[0].tolist(),
    "covers": lambda seed: covers(3, 0.5, 20, seed=seed, jobs=1).tolist(),
    "worst_errors": lambda seed: worst_errors(3, 2, seed=seed, jobs=1).tolist(),
    "success_counts": lambda seed: success_counts(3, 0.5, 20, seed=seed).uniform.tolist(),
    "success_probability": lambda seed: success_probability(0.5, n=3, trials=20, seed=seed, jobs=1),
    "estimated_success": lambda seed: estimated_success(3, 0.3, draws=50, seed=seed),
    "estimated_n": lambda seed: estimated_n(0.3, 0.3, draws=50, seed=seed),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("seed", LARGE)
def test_every_part_takes_seeds_up_to_the_largest(part, seed):
    assert PARTS[part](seed) == PARTS[part](np.uint64(seed))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("seed", [-1, 2**64, 0.5, 1.0, True, np.True_, "1", None, np.array([1])])
def test_every_part_refuses_other_seeds_in_the_same_words(part, seed):
    with pytest.raises(ValueError, match="^seed must be (a whole number|at least 0|below 2\\*\\*64), got") as error:
        PARTS[part](seed)
    assert "\n" not in str(error.value)


def test_every_part_takes_the_number_not_its_type():
    for part, call in PARTS.items():
        assert call(np.int8(5)) == call(np.array(5)) == call(5), part


def test_the_run_store_keeps_rows_of_the_largest_seeds_apart(tmp_path):
    seeds = [0, 1, *LARGE]
    with Store(tmp_path / "runs.sqlite") as store:
        for seed in reversed(seeds):
            store.put("e", {"a": 1}, seed, 0, {"value": str(seed)})
    with Store(tmp_path / "runs.sqlite") as store:
        assert [store.get("e", {"a": 1}, seed, 0) for seed in seeds] == [{"value": str(seed)} for seed in seeds]
        assert [row["seed"] for row in store.rows("e")] == seeds
        assert store.get("e", {"a": 1}, 2**63 + 1, 0) is None
