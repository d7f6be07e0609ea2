"""What a caller leaves out: nothing is frozen, targets reach to 1, and the reading is the one that the docs name."""

from fractions import Fraction
from functools import partial
from importlib import import_module
from inspect import Parameter, getmembers, isclass, isfunction, signature
from pkgutil import iter_modules
from typing import is_typeddict

import numpy as np
import pytest

import theory
from slt.core.keep import Groups, Share
from slt.core.rates import Rates
from theory import (
    asymptotics,
    certificate,
    counting,
    estimate,
    existence,
    factors,
    gadhikar2023,
    game,
    grouped,
    kept_estimate,
    kept_gaussian,
    kept_necessary,
    kept_sufficient,
    law_estimate,
    law_necessary,
    law_never,
    law_requirement,
    law_sufficient,
    laws,
    lueker1998,
    necessary,
    obstruction,
    obstruction_lp,
    otsuka2024,
    pairs,
    place,
    products,
    reach,
    requirement,
    statistical,
    sufficient,
    widths,
)

DENSE = Rates()
HALF = Share(0.5)
LAYERS = [np.array([[0.5, -1.0]]), np.array([[0.25]])]
NOTHING = {"prune": 0, "lock": 0}
BOUND = NOTHING | {"radius": 1}
READ = BOUND | {"reading": "uniform"}
LUEKER = 0.5  # growth of a free uniform number, theory.lueker1998.mean_growth
BOX = {"low": 0, "high": 1}

# a function, arguments for it, and what it takes the others to be
LEFT_OUT = [
    (counting.fewest_free, (0.3,), {"radius": 1}),
    (counting.counting_uniform, ([3], 0.3, 0.5), {"radius": 1}),
    (counting.counting_pointwise, ([3], 0.3, 0.5), {"radius": 1}),
    (reach.reach_pointwise, ([3], 0.3, DENSE), {"radius": 1}),
    (reach.reach_uniform, ([3], 0.3, DENSE), {"radius": 1}),
    (reach.reach_coarse, ([30], 0.3, DENSE), {"radius": 1, "two_sided": True}),
    (reach.reach_rate, (), NOTHING),
    (reach.chernoff_reach, (0.2, 3, 0.3, 0.5), {"more": 0}),
    (reach.gaussian_reach_n, (0.1, 0.1), READ),
    (game.GrowthGame, (0.6, 0.3), {"growth": LUEKER}),
    (game.cover_failure, (3, 0.5), {"free": 1}),
    (lueker1998.mean_growth, (0.3,), {"free": 1}),
    # Lemma 2.2 speaks of every fixed target
    (gadhikar2023.published_form_fails, (2.0, 0.01, 0.05), {"radius": 1, "reading": "pointwise"}),
    (otsuka2024.lock_rate_refuting, (2.0, 0.01, 0.05), {"prune": 0}),
    (otsuka2024.proof_failure_bound, (40, 0.3, 0.2, 0.3, 2.0), {"c": None, "a": 1 / 8}),
    (otsuka2024.proof_sample_size, (0.3, 0.4, 0.2, 0.3, 2.0), {"c": None, "a": 1 / 8}),
    (otsuka2024.proof_constant, (0.2, 0.3, 2.0), {"c": None, "a": 1 / 8}),
    (asymptotics.necessary_slopes, (), NOTHING),
    (asymptotics.sufficient_slopes, (), NOTHING),
    (asymptotics.constant, (), BOUND),
    (asymptotics.closed_form_n, (0.1, 0.1), BOUND),
    (asymptotics.shift_size, (Rates(0.1, 0.2), 0.5, 0.1), {"more": 0}),
    (partial(laws.below_table, side="upper"), (Fraction(1, 2), 2, 1), {"symmetric": 1}),
    (laws.thinned, (np.ones(3), [2], 0.5, "lower"), {"axis": 0}),
    (factors.width_factor, ("published", 0.3, 0.0), {"reading": "uniform", "eps": 0.01, "delta": 0.05}),
    (widths.activation_sums, (LAYERS,), BOX),
    (widths.layer_precisions, (LAYERS, 0.1), BOX),
    (widths.rho, (LAYERS, [0.1, 0.1], 0.1, 0.3, 2.0), {"g": 0}),
    (widths.published_widths, (LAYERS, 0.1, 0.1, 2.0), BOX | {"g": 0, "form": "frozen"}),
    (existence.plan, (LAYERS[1:], 3.0, 0.5), BOX | {"widths": "proven"}),
    (existence.plan_of_sizes, ((2, 1), 3.0, 0.5), {"widths": "proven"}),
    (requirement.requirement, (0.3, 0.3), READ),
    (partial(requirement.success, n=3), (0.3,), READ),
    (obstruction.sup_error_floor, (), {"plane": (0, 1), "relu_output": False}),
    (obstruction_lp.linear_program_floor, (), {"plane": (0, 1)}),
    (obstruction_lp.weighted_floor, (), {"plane": (0, 1)}),
    (statistical.statistical_n, (0.5, 0.3, [0.5, 1e-6]), READ),
    (certificate.setting_of, (0.1, 0.1), READ),
    (necessary.necessary_n, (0.1, 0.1), READ),
    (necessary.necessary_by, (0.1, 0.1), READ),
    (necessary.failure_at_least, (3, 0.1), READ),
    (sufficient.sufficient_n, (0.5, 0.3), READ),
    (sufficient.failure_at_most, (9, 0.3), BOUND | READ),
    (sufficient.shift_failure, (9, 0.3), BOUND),
    (sufficient.split_sufficient_n, (0.3, 0.3), BOUND),
    (products.sufficient_n, (0.05, 0.5, DENSE), {"radius": 1}),
    (estimate.estimated_success, (5, 0.2), READ | {"seed": 0}),
    (estimate.estimated_n, (0.2, 0.2), READ | {"seed": 0}),
    (law_never.off_lattice, ("constant 1", 0.4), {"radius": 1}),
    (partial(law_never.never_covered, "constant 1"), (0.7,), {"radius": 1}),
    *(
        (partial(function, law="normal 0.5", **more), asked, said)
        for function, more, asked, said in (
            (law_necessary.law_failure_at_least, {}, (3, 0.3), READ),
            (law_necessary.law_necessary_n, {}, (0.3, 0.3), READ),
            (law_sufficient.law_failure_at_most, {}, (30, 0.5), BOUND),
            (law_sufficient.law_sufficient_n, {}, (0.5, 0.3), READ),
            (law_estimate.law_estimated_success, {"draws": 50}, (9, 0.3), READ | {"seed": 0}),
            (law_estimate.law_estimated_n, {"draws": 50}, (0.3, 0.3), READ | {"seed": 0}),
            (law_requirement.law_requirement, {}, (0.5, 0.3), READ),
            (law_requirement.law_success, {"n": 9}, (0.5,), READ),
        )
    ),
    *(
        (partial(function, **quick), arguments, said)
        for function, quick, arguments, said in (
            (kept_necessary.failure_at_least_kept, {}, (8, 0.3, HALF), READ),
            (kept_necessary.necessary_kept_n, {}, (0.5, 0.3, HALF), READ),
            (kept_sufficient.failure_at_most_kept, {}, (30, 0.5, HALF), BOUND),
            (kept_sufficient.sufficient_kept_n, {}, (0.5, 0.3, HALF), READ),
            (kept_estimate.estimated_kept_success, {"draws": 50}, (9, 0.3, HALF), READ | {"seed": 0}),
            (kept_estimate.estimated_kept_n, {"draws": 50}, (0.3, 0.3, HALF), READ | {"seed": 0}),
            (grouped.compliance, {}, (8, Groups(2, 4)), NOTHING),
            (pairs.closed_half_n, {}, (0.1, 0.1), {"radius": 1}),
            (kept_gaussian.gaussian_place_n, {}, (0.4, 0.1, 0.1), READ),
            (kept_gaussian.offset_variance, {}, (0.4,), NOTHING),
            (kept_gaussian.reach_variance, {}, (0.4,), NOTHING),
            (place.place_of, {}, (0.4,), NOTHING),
            (place.sparsity_at, {}, (0.4,), NOTHING),
            (place.success_at_places, {"draws": 20}, (8, 0.5, [0.4]), READ | {"seed": 0}),
            (place.best_place, {"draws": 20}, (8, 0.5), READ | {"seed": 0}),
            (place.least_n, {"draws": 20}, (0.5, 0.3), READ | {"seed": 0}),
            (place.cost_of_place, {"draws": 20}, (0.4, 0.5, 0.3), READ | {"seed": 0}),
            (
                place.positions_by_theory,
                {"draws": 20, "n": 8},
                (0.5, 0.2, 0.5),
                {"radius": 1, "reading": "uniform", "seed": 0},
            ),
        )
    ),
]
ONE_NEURON = {
    "first_values": [[0.6, 0.8, 0.1]], "first_states": [[1, 1, -1]], "second_values": [1.0], "second_states": [1],
    "target": [0.3, -0.2, 0.0],
}  # fmt: skip
NEEDED = {
    widths.published_widths: {"prune": [0.1, 0.2, 0.3]},
    existence.plan_of_sizes: {"prune": [0.0] * 2, "lock": [0.0] * 2},
    existence.plan: {"prune": [0.0] * 2, "lock": [0.0] * 2},
    obstruction.sup_error_floor: ONE_NEURON,
    obstruction_lp.weighted_floor: ONE_NEURON | {"points": [[0.6, 0.8]], "weights": [1.0]},
    obstruction_lp.linear_program_floor: ONE_NEURON,
}


def meant(function):
    """Parameters of a function that may be left out, with their defaults."""
    return {p.name: p.default for p in signature(function).parameters.values() if p.default is not Parameter.empty}


@pytest.mark.parametrize(("function", "arguments", "said"), LEFT_OUT, ids=lambda x: getattr(x, "__name__", None))
def test_leaving_out_is_saying_what_the_formulas_say(function, arguments, said):
    assert said.items() <= meant(function).items()
    left_out, written = (function(*arguments, **NEEDED.get(function, {}), **options) for options in ({}, said))
    if function is game.GrowthGame:
        left_out, written = (made.failures(0.5) for made in (left_out, written))
    if function is obstruction_lp.linear_program_floor:
        left_out, written = left_out.floor, written.floor
    assert np.array_equal(left_out, written) or left_out == written


def test_no_other_function_leaves_such_a_thing_out():
    # shares of a proof and the reference case are choices, and others choose otherwise
    names = {name for _, _, said in LEFT_OUT for name in said} - {"a", "c", "eps", "delta"}
    known = {(getattr(function, "func", function).__name__, name) for function, _, said in LEFT_OUT for name in said}
    for found in iter_modules(theory.__path__, "theory."):
        for name, member in getmembers(import_module(found.name), lambda x: isclass(x) or isfunction(x)):
            if is_typeddict(member) or (isclass(member) and issubclass(member, Exception)):
                continue
            if member.__module__ == found.name and not name.startswith("_"):
                assert {(name, parameter) for parameter in meant(member) if parameter in names} <= known
