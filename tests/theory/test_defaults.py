"""What a caller leaves out: nothing is frozen, targets reach to 1, and the reading is the one that the docs name."""

from importlib import import_module
from inspect import Parameter, getmembers, isclass, isfunction, signature
from pkgutil import iter_modules

import theory

# every formula of the docs is written for these
MEANING = {
    **{"prune": 0, "lock": 0, "free": 1, "radius": 1, "reading": "uniform"},
    **{"low": 0, "high": 1, "more": 0, "g": 0, "symmetric": 1, "axis": 0, "seed": 0},
    "growth": 0.5,  # of a free uniform number on W, theory.lueker1998.mean_growth
    "two_sided": True,
    "widths": "proven",
    "form": "frozen",
}
# Lemma 2.2 speaks of every fixed target
OTHERWISE = {("published_form_fails", "reading"): "pointwise"}


def left_out():
    """All (function, parameter, default) of the public functions of theory whose parameter has a meaning above."""
    for found in iter_modules(theory.__path__, "theory."):
        for name, member in getmembers(import_module(found.name), lambda x: callable(x) and hasattr(x, "__module__")):
            if member.__module__ != found.name or not (
                isclass(member) or isfunction(getattr(member, "__wrapped__", member))
            ):
                continue
            for parameter in signature(member).parameters.values():
                if parameter.default is not Parameter.empty and parameter.name in MEANING:
                    yield found.name, name, parameter.name, parameter.default


def test_defaults_mean_what_formulas_leave_out():
    seen = set()
    for module, function, parameter, default in left_out():
        assert default == OTHERWISE.get((function, parameter), MEANING[parameter]), (module, function, parameter)
        seen.add(parameter)
    # each name of the list is met somewhere
    assert seen == {*MEANING}
